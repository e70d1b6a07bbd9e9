"""Writes the table of docs/reference/translation.md: what becomes of each hard request on its way into each other API.

python scripts/translation_table.py [--check]
"""

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "scripts")]

import msgspec  # noqa: E402
import translation_hard_cases as hard  # noqa: E402

from tollway.translate.conversation import Kind, Untranslatable  # noqa: E402
from tollway.translate.translation import Translation  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "translation.md"
BEGIN, END = "<!-- the table: scripts/translation_table.py -->", "<!-- end of the table -->"
TITLES: dict[Kind, str] = {
    "openai.chat": "chat",
    "openai.responses": "responses",
    "anthropic.messages": "messages",
    "google.generate": "Gemini",
}
MODELS: dict[Kind, str] = {
    "openai.chat": "gpt-4.1",
    "openai.responses": "gpt-4.1",
    "anthropic.messages": "claude-sonnet-4-5",
    "google.generate": "gemini-2.5-flash",
}
CASES: dict[Kind, dict[str, dict[str, Any]]] = {
    "openai.chat": hard.CHAT,
    "openai.responses": hard.RESPONSES,
    "anthropic.messages": hard.MESSAGES,
    "google.generate": hard.GOOGLE,
}


def outcome(source: Kind, target: Kind, body: dict[str, Any]) -> str:
    """carried; without what (as the header names it); or refused for which field."""
    path = f"/v1beta/models/{MODELS[source]}:generateContent" if source == "google.generate" else ""
    try:
        sent = Translation(source, target).request(
            msgspec.json.encode(body), path=path, query=b"", model=MODELS[target], max_tokens=4_096
        )
    except Untranslatable as error:
        return f"**refused**: `{error.field}`"
    return "without " + ", ".join(f"`{name}`" for name in sent.lost) if sent.lost else "carried"


def table() -> str:
    lines: list[str] = []
    for source, bodies in CASES.items():
        targets = [target for target in TITLES if target != source]
        lines += ["", f"### From {TITLES[source]}", ""]
        lines += ["| request | " + " | ".join(f"to {TITLES[target]}" for target in targets) + " |"]
        lines += ["|" + "---|" * (len(targets) + 1)]
        for name, body in bodies.items():
            lines.append(f"| {name} | " + " | ".join(outcome(source, target, body) for target in targets) + " |")
    return "\n".join([*lines, "", ""])


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + table() + END + rest.partition(END)[2]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    page = PAGE.read_text(encoding="utf-8")
    new = written(page)
    if options.parse_args().check:
        return int(new != page)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
