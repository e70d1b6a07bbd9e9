"""Statements in a terminal, and in files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tollway.cli.client import Client
from tollway.cli.questions import Asking, answer_with, answered
from tollway.cli.shown import amount, count, instant, rows, say, table
from tollway.statements.printed import meter, named

_PATH = "/api/v1/statements"


def show_month(asking: Asking, *, month: str | None, by: str, timezone: str | None) -> int:
    def show(answer: Any) -> None:
        made = table(
            f"Statements of {answer['month']} by {answer['by']}, {answer['timezone']}: {_state(answer)}",
            (answer["by"], "left"),
            ("usage (USD)", "right"),
            ("presumed", "right"),
            ("adjustments", "right"),
            ("total", "right"),
            ("answers", "right"),
            ("unpriced", "right"),
        )
        cells = [[named(answer["by"], row["value"]), *_sums(row)] for row in answer["rows"]]
        rows(made, [*cells, ["total", *_sums(answer["total"])]])
        say(f"Exact total: {answer['total']['total_usd']} US dollars, up to ledger entry {count(answer['through'])}.")
        if answer["frozen"] is not None:
            say(f"SHA-256 {answer['frozen']['hash']}")
        say(*answer["notes"])

    query = {"month": month, "by": by, "timezone": timezone}
    return answer_with(asking, lambda client: client.get(_PATH, query), show)


def show_one(asking: Asking, *, month: str | None, by: str, value: str, timezone: str | None) -> int:
    def ask(client: Client) -> Any:
        found = month or client.get(_PATH, {"by": by, "timezone": timezone})["month"]
        return client.get(_document(found), {"by": by, "value": value, "timezone": timezone, "format": "json"})

    def show(answer: Any) -> None:
        (statement,) = answer["statements"]
        whom = named(answer["by"], statement["value"])
        made = table(
            f"Statement of {whom} for {answer['month']}, {answer['timezone']}",
            ("model", "left"),
            ("meter", "left"),
            ("quantity", "right"),
            ("amount (USD)", "right"),
        )
        cells = [
            [
                f"{line['provider']}/{line['model']}",
                meter(line["meter"]),
                count(line["quantity"]) if line["quantity"] else "",
                amount(line["amount_usd"]),
            ]
            for line in (*statement["lines"], *statement["presumed"])
        ]
        cells += [
            [f"adjusts {each['amends']}", each["word"] or each["kind"], "", amount(each["amount_usd"])]
            for each in statement["adjustments"]
        ]
        rows(made, [*cells, ["total", "", "", amount(statement["total"]["total_usd"])]])
        say(f"Exact total: {statement['total']['total_usd']} US dollars.")
        if statement["total"]["unpriced"]:
            say(f"{count(statement['total']['unpriced'])} answers have no known price and are not in it.")

    return answer_with(asking, ask, show)


def show_frozen(asking: Asking, by: str | None) -> int:
    def show(answer: Any) -> None:
        made = table(
            "Frozen months",
            ("month", "left"),
            ("by", "left"),
            ("zone", "left"),
            ("statements", "right"),
            ("total", "right"),
            ("frozen", "left"),
            ("who", "left"),
            ("why", "left"),
        )
        rows(
            made,
            [
                [
                    each["month"],
                    each["by"],
                    each["timezone"],
                    count(each["statements"]),
                    amount(each["total_usd"]),
                    instant(each["frozen_at"]),
                    each["frozen_by"],
                    each["word"],
                ]
                for each in answer["items"]
            ],
        )

    return answer_with(asking, lambda client: client.get(f"{_PATH}/frozen", {"by": by}), show)


def freeze_month(asking: Asking, month: str, asked: Mapping[str, Any], actor: str | None) -> int:
    def show(answer: Any) -> None:
        say(
            f"{answer['month']} by {answer['by']} is frozen: {count(answer['statements'])} statements, "
            f"{answer['total_usd']} US dollars, {answer['timezone']}.",
            f"SHA-256 {answer['hash']}",
            *answer["warnings"],
        )

    path = f"{_PATH}/{quote(month, safe='')}/freeze"
    return answer_with(asking, lambda client: client.post(path, asked, timeout_s=600, actor=actor), show)


def book(asking: Asking, asked: Mapping[str, Any], actor: str | None) -> int:
    def show(answer: Any) -> None:
        counted = f", and counts on {', '.join(answer['accounts'])}" if answer["accounts"] else ""
        say(
            f"Booked {answer['amount_usd']} US dollars as {answer['entry']}: it is in the statement of "
            f"{answer['charged_in']}{counted}.",
            *answer["warnings"],
        )

    return answer_with(asking, lambda client: client.post(f"{_PATH}/adjustments", asked, actor=actor), show)


def write_document(asking: Asking, month: str, query: Sequence[tuple[str, str]], target: str) -> int:
    """The file as a whole, or none."""

    def ask(client: Client) -> int:
        path = Path(target)
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with partial.open("xb") as file:
                size = client.download(_document(month), query, file)
            partial.replace(path)
        except OSError as error:
            raise ValueError(f"-o: {path} cannot be written: {error.strerror}") from None
        finally:
            partial.unlink(missing_ok=True)
        return size

    size = answered(asking, ask)
    if size is None:
        return 1
    say(f"{target}: {count(size)} bytes")
    return 0


def _document(month: str) -> str:
    return f"{_PATH}/{quote(month, safe='')}/document"


def _sums(row: Any) -> list[str]:
    return [
        amount(row["usage_usd"]),
        amount(row["presumed_usd"]),
        amount(row["adjustments_usd"]),
        amount(row["total_usd"]),
        count(row["attempts"]),
        count(row["unpriced"]),
    ]


def _state(answer: Any) -> str:
    match answer["state"]:
        case "frozen":
            return f"frozen {instant(answer['frozen']['frozen_at'])} by {answer['frozen']['frozen_by']}"
        case "open":
            return "over, not frozen"
        case _:
            return "not over"
