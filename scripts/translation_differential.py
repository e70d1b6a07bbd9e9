"""Compares how requests are put into another API's words here, by llm-rosetta and by LiteLLM.

    python scripts/translation_differential.py [responses.jsonl] [--all]

Run it in an environment of its own that has `llm-rosetta`, `litellm`, `mcp`, `google-genai` and `msgspec`. Each request, recorded or
made by hand, is translated by all; what each made of it is read again by this gateway's reader of the API it was put into, and
compared field by field, so that two spellings of the same are no difference. What LiteLLM would send is caught by a server on this machine.
What is found is explained in docs/reference/translation.md.
"""

import argparse
import asyncio
import contextlib
import io
import json
import logging
import os
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "scripts")]

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import msgspec  # noqa: E402
import translation_hard_cases as hard  # noqa: E402

from tollway.translate.conversation import Kind, Request, Untranslatable  # noqa: E402
from tollway.translate.translation import Translation, codec_of  # noqa: E402

MODELS: dict[Kind, str] = {
    "openai.chat": "gpt-4.1",
    "openai.responses": "gpt-4.1",
    "anthropic.messages": "claude-sonnet-4-5",
    "google.generate": "gemini-2.5-flash",
}
ROSETTA: dict[Kind, str] = {
    "openai.chat": "openai_chat",
    "openai.responses": "openai_responses",
    "anthropic.messages": "anthropic",
    "google.generate": "google",
}
RECORDED: dict[str, Kind] = {
    "chat.completions": "openai.chat",
    "responses": "openai.responses",
    "messages": "anthropic.messages",
    "generateContent": "google.generate",
}
HARD: dict[Kind, dict[str, dict[str, Any]]] = {
    "openai.chat": hard.CHAT,
    "openai.responses": hard.RESPONSES,
    "anthropic.messages": hard.MESSAGES,
    "google.generate": hard.GOOGLE,
}
CAP = 4_096
"""What the gateway asks for where the API must have a cap and the caller named none."""


def cases(recorded: Path | None) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
    for kind, bodies in HARD.items():
        for name, body in bodies.items():
            yield kind, name, body
    if recorded is None:
        return
    seen: set[str] = set()
    for line in recorded.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        kind = RECORDED.get(row["api"])
        if kind is None or not isinstance(row["request"], dict):
            continue
        # The same request under another name of the model is no other case.
        mark = kind + json.dumps({**row["request"], "model": ""}, sort_keys=True)
        if mark not in seen:
            seen.add(mark)
            yield kind, row["id"], row["request"]


def ours(source: Kind, target: Kind, body: dict[str, Any]) -> tuple[Request | str, tuple[str, ...]]:
    path = f"/v1beta/models/{MODELS[source]}:generateContent" if source == "google.generate" else ""
    try:
        sent = Translation(source, target).request(
            json.dumps(body).encode(), path=path, query=b"", model=MODELS[target], max_tokens=CAP
        )
    except (Untranslatable, ValueError) as error:
        return f"refused: {error}", ()
    return read(target, json.loads(sent.body)), sent.lost


def rosetta(source: Kind, target: Kind, body: dict[str, Any]) -> Request | str:
    from llm_rosetta.pipeline import ConversionPipeline
    from llm_rosetta.shims import get_shim

    pipeline = ConversionPipeline(
        ROSETTA[source],
        ROSETTA[target],
        source_shim=get_shim(ROSETTA[source]),
        target_shim=get_shim(ROSETTA[target]),
        upstream_model=MODELS[target],
        google_output_format="rest",
    )
    try:
        made = pipeline.convert_request(json.loads(json.dumps(body)))
    except Exception as error:
        return f"refused: {type(error).__name__}: {error}"[:200]
    return read(target, made)


class LiteLlm:
    """Catches what LiteLLM sends."""

    def __init__(self) -> None:
        import litellm

        self._litellm = litellm
        litellm.suppress_debug_info = True
        litellm.num_retries = 0
        litellm.drop_params = True
        logging.disable(logging.CRITICAL)
        self._caught: list[Any] = []
        caught = self._caught

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                caught.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                said = b'{"error":{"message":"caught","type":"invalid_request_error"}}'
                self.send_response(400)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._base = f"http://127.0.0.1:{self._server.server_address[1]}"

    def sent(self, source: Kind, target: Kind, body: dict[str, Any]) -> Request | str:
        self._caught.clear()
        prefix = {"openai.chat": "openai", "anthropic.messages": "anthropic", "google.generate": "gemini"}.get(target)
        if prefix is None:
            return "not asked: LiteLLM has no such way"
        asked = json.loads(json.dumps({**body, "model": f"{prefix}/{MODELS[target]}", "stream": False}))
        asked |= {"api_base": self._base, "api_key": "k"}
        error: Any = None
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                self._call(source, asked)
        except Exception as raised:
            error = raised
        if not self._caught:
            return f"refused: {type(error).__name__}: {error}"[:200]
        return read(target, self._caught[-1])

    def _call(self, source: Kind, asked: dict[str, Any]) -> None:
        litellm = self._litellm
        match source:
            case "openai.chat":
                litellm.completion(**asked)
            case "openai.responses":
                litellm.responses(**asked)
            case "anthropic.messages":
                asyncio.run(litellm.anthropic_messages(**asked))
            case "google.generate":
                from litellm.google_genai import generate_content

                asked.pop("stream")
                generate_content(config=asked.pop("generationConfig", {}), **asked)


def read(target: Kind, body: dict[str, Any]) -> Request | str:
    body = {name: value for name, value in body.items() if value is not None}
    try:
        found = codec_of(target).read_request(body, model=MODELS[target], stream=False)
    except (Untranslatable, ValueError) as error:
        return f"unreadable: {error}"
    return found


COMPARED = [name for name in Request.__struct_fields__ if name not in ("model", "lost", "stream", "include_usage")]


def differences(mine: Request, other: Request) -> list[tuple[str, str, str]]:
    return [
        (name, _short(getattr(mine, name)), _short(getattr(other, name)))
        for name in COMPARED
        if _plain(getattr(mine, name)) != _plain(getattr(other, name))
    ]


def _plain(value: Any) -> Any:
    """What counts: not how ids are spelled, nor in how many pieces a text stands."""
    value = msgspec.to_builtins(value) if not isinstance(value, str | int | float | None) else value
    return _bare(value)


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _bare(inner) for name, inner in value.items() if inner not in (None, (), [], False) and name != "id"
        }
    if isinstance(value, list | tuple):
        return [_bare(inner) for inner in value]
    if isinstance(value, str) and value[:1] in "{[":
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def _short(value: Any) -> str:
    return json.dumps(_bare(msgspec.to_builtins(value)), ensure_ascii=False)[:420]


def main() -> None:
    warnings.simplefilter("ignore")
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("recorded", nargs="?", type=Path)
    options.add_argument("--all", action="store_true", help="every difference, not one example of each kind")
    asked = options.parse_args()
    others: dict[str, Any] = {"llm-rosetta": rosetta, "litellm": LiteLlm().sent}
    counted: Counter[tuple[str, str]] = Counter()
    shown: Counter[tuple[str, str, str, str]] = Counter()
    for source, name, body in cases(asked.recorded):
        for target in MODELS:
            if target == source:
                continue
            mine, lost = ours(source, target, body)
            for other, translate in others.items():
                theirs = translate(source, target, body)
                if isinstance(mine, str) or isinstance(theirs, str):
                    alike = isinstance(mine, str) and isinstance(theirs, str) and theirs.startswith("refused")
                    found = [] if alike else [("whole", _word(mine), _word(theirs))]
                    if isinstance(theirs, str) and theirs.startswith("not asked"):
                        continue
                else:
                    found = differences(mine, theirs)
                counted[other, "same" if not found else "other"] += 1
                for field, here, there in found:
                    key = (other, source, target, field)
                    shown[key] += 1
                    if asked.all or shown[key] <= 2:
                        print(
                            f"{other} | {source} -> {target} | {name} | {field}\n    ours:   {here}  lost={lost}\n    theirs: {there}"
                        )
    print(dict(counted))
    for key, count in sorted(shown.items()):
        print(count, *key)


def _word(found: Request | str) -> str:
    return found if isinstance(found, str) else "carried"


if __name__ == "__main__":
    main()
