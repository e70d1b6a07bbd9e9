"""What `tollway logs` does besides listing: following, reading bodies, saying how a request was, taking requests out."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from tollway.cli.client import Client, Refused, Unreachable
from tollway.cli.questions import Asking, answer_with, answered, narrowed, pairs_of
from tollway.cli.shown import charged, complain, count, harmless, instant, json_text, say

EVERY_S = 1.0
"""How often a gateway is asked for what is new."""
_FIRST = 20
_LOST = object()


def ticks(every_s: float = EVERY_S) -> Iterator[None]:
    """One at a time, until somebody presses Ctrl-C."""
    while True:
        yield
        time.sleep(every_s)


def follow(
    asking: Asking,
    *,
    given: Mapping[str, str | None],
    since: str | None,
    until: str | None,
    where: Sequence[str],
    waits: Iterator[None] | None = None,
) -> int:
    """Shows the last requests, and then each one as it is logged."""
    after: str | None = None
    quiet = False
    try:
        for _ in ticks() if waits is None else waits:
            page = answered(asking, lambda client, after=after: _newer(client, given, since, until, where, after))
            if page is None:
                return 1
            if page is _LOST:
                complain("The request to go on from is no longer in the log; this goes on from the newest.")
                after, quiet = None, True
                continue
            items: list[Any] = page["items"] if after is not None else page["items"][::-1]
            for log in () if quiet else items:
                _show_line(log, as_json=asking.as_json)
            newest = items[-1]["request_id"] if items else None
            after, quiet = (page["next"] if after is not None else newest) or after, False
    except KeyboardInterrupt:
        pass
    return 0


def _newer(
    client: Client,
    given: Mapping[str, str | None],
    since: str | None,
    until: str | None,
    where: Sequence[str],
    after: str | None,
) -> Any:
    chosen = [(name, value) for name, value in given.items() if value is not None]
    asked = [*narrowed(since, until, where), *chosen]
    if after is None:
        return client.get("/api/v1/logs", [*asked, ("limit", str(_FIRST))])
    try:
        return client.get("/api/v1/logs", [*asked, ("limit", "500"), ("after", after)])
    except Refused as error:
        if error.status != 404:
            raise
        return _LOST


def _show_line(log: Any, *, as_json: bool) -> None:
    if as_json:
        print(json_text(log), flush=True)
        return
    cost = charged(log)
    model = "/".join(name for name in (log["provider"], log["request_model"]) if name)
    who = log["user"] or log["service"] or "(none)"
    why = f"  {log['code']}" if log["code"] else ""
    took = f"{log['durations']['total_us'] // 1000:,} ms"
    say(f"{instant(log['at'])}  {log['status']}  {cost}  {model or '(none)'}  {who}  {took}{why}  {log['request_id']}")


def show_bodies(asking: Asking, request_id: str) -> int:
    """What was asked, sent and returned, as far as it was kept."""

    def ask(client: Client) -> Any:
        found: dict[str, Any] = {}
        missing: list[Refused] = []
        for which in ("request", "response"):
            try:
                found |= client.get(f"/api/v1/logs/{_segment(request_id)}/{which}")
            except Refused as error:
                if error.code != "body_not_kept":
                    raise
                missing.append(error)
        if not found:
            raise missing[0]
        return found

    def show(found: Any) -> None:
        for part in ("asked", "sent", "returned"):
            body = found.get(part)
            if body is None:
                continue
            cut = f", of which {count(body['kept'])} were kept" if body["truncated"] else ""
            say(f"--- {part}: {count(body['size'])} bytes{cut}, {body['content_type'] or 'no content type'}")
            if body["encoding"] == "base64":
                say("(no text; --json has it in base64)")
            elif body["kept"]:
                # What a model wrote is for the reader's eyes, not for the terminal.
                print(harmless(body["content"]))

    return answer_with(asking, ask, show)


def remark(asking: Asking, request_id: str, *, feedback: int | None, score: float | None, notes: Sequence[str]) -> int:
    """Says whether a request was good, how good, and what it is to be found by."""

    def ask(client: Client) -> Any:
        said: dict[str, Any] = {}
        if feedback is not None:
            said["feedback"] = feedback
        if score is not None:
            said["score"] = score
        if notes:
            said["metadata"] = dict(pairs_of("--note", notes))
        return client.patch(f"/api/v1/logs/{_segment(request_id)}", said)

    def show(said: Any) -> None:
        words = [{1: "good", -1: "bad"}.get(said["feedback"], "")]
        words += [f"score {said['score']:g}" if said["score"] is not None else ""]
        words += [f"{name}={value}" for name, value in said["added_metadata"].items()]
        say(f"Request {said['request_id']}: {', '.join(word for word in words if word) or 'nothing is said of it'}.")
        for warning in said["warnings"]:
            complain(warning)

    return answer_with(asking, ask, show)


def erase(
    asking: Asking,
    *,
    given: Mapping[str, str | None],
    since: str | None,
    until: str | None,
    where: Sequence[str],
    everything: bool,
    confirm: Callable[[str], bool],
) -> int:
    """Takes requests out of the log. What they cost stays in the ledger."""

    def ask(client: Client) -> Any:
        chosen = [(name, value) for name, value in given.items() if value is not None]
        asked = [*narrowed(since, until, where), *chosen, *([("all", "true")] if everything else [])]
        if not asked:
            raise ValueError(
                "--delete: give --where, --since, --until, --status, --code or --text, or --all for all of them"
            )
        if not confirm("Take these requests out of the log, with their bodies, for good?"):
            raise Unreachable("Nothing was taken out")
        total = {"deleted": 0, "left": 0, "bodies": 0}
        cursor: str | None = None
        while True:
            more = [("cursor", cursor)] if cursor is not None else []
            erased = client.delete(f"/api/v1/logs?{urlencode([*asked, *more])}")
            for name in total:
                total[name] += erased[name]
            for warning in erased["warnings"]:
                complain(warning)
            cursor = erased["next"]
            if cursor is None:
                return total

    def show(erased: Any) -> None:
        say(f"{count(erased['deleted'])} requests are out of the log; {count(erased['bodies'])} of them had bodies.")
        if erased["left"]:
            say(
                f"{count(erased['left'])} are there still, without bodies: the newest, and what the figures of analytics lack "
                "yet. Try again in a moment."
            )

    return answer_with(asking, ask, show)


def is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _segment(text: str) -> str:
    return quote(text, safe="")
