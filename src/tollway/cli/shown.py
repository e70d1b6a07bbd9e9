"""How the command line shows things: amounts with their currency, times with their zone, readable without colour."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tollway.money import display, parse

# A table that goes into a file or a pipe is as wide as it needs to be.
_UNFOLDED = 400
_WIDEST = 100
"""Of a column, wherever it is shown: one long name would put blanks before the numbers of all others."""
NARROW = 120
"""Columns below which a table of requests is not readable."""


def _console() -> Console:
    """A console as wide as the terminal is now; unfolded where there is none."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if known else _UNFOLDED)


def is_narrow() -> bool:
    """Whether rows of many columns would be folded."""
    return _console().width < NARROW


BAR_CELLS = 20


def amount(usd: str | None) -> str:
    """An API amount as people read it: "$0.42"; "unknown" where there is none."""
    return "unknown" if usd is None else display(parse(usd))


def charged(log: Mapping[str, Any]) -> str:
    """What a request of the log cost: what nobody knows is not zero, and what was not billed is not unknown."""
    if log["amount_usd"] is not None:
        return amount(log["amount_usd"])
    return {"not_billed": "$0.00, not billed", "not_sent": "not sent", "kept": "kept answer"}.get(
        log["billing"], "unknown"
    )


def instant(text: str | None) -> str:
    """An API instant as people read it: "2026-07-01 13:05:09 UTC"."""
    return "never" if text is None else text[:19].replace("T", " ") + " UTC"


def count(number: int) -> str:
    return f"{number:,}"


def table(title: str, *columns: tuple[str, str]) -> Table:
    """A table of (heading, "left" or "right") columns."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, justify in columns:
        whole = heading == "request id"
        # Names are what rows are about: they fold rather than end in dots.
        made.add_column(
            heading,
            justify="right" if justify == "right" else "left",
            overflow="fold",
            # What is copied must stay in one piece.
            no_wrap=whole,
            max_width=None if whole else _WIDEST,
        )
    return made


def bar(spent: int, held: int, limit: int, cells: int = BAR_CELLS) -> str:
    """A budget as text: `#` spent, `=` held, `.` left."""
    if limit <= 0:
        return "#" * cells
    filled = min(cells, -(-spent * cells // limit) if spent > 0 else 0)
    waiting = min(cells - filled, -(-held * cells // limit) if held > 0 else 0)
    return "#" * filled + "=" * waiting + "." * (cells - filled - waiting)


def share(part: int, whole: int) -> str:
    """Percent to one place, computed in integers."""
    if whole <= 0:
        return "-"
    # Towards zero, as corrections may make a part negative.
    tenths = abs(part) * 1000 // whole
    return f"{'-' if part < 0 and tenths else ''}{tenths // 10}.{tenths % 10} %"


def harmless(text: str) -> str:
    """`text` without what would steer a terminal: names of models, paths and metadata are what any caller wrote."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


def say(*lines: str) -> None:
    """Text as it is: a bracket in it is no mark-up."""
    for line in lines:
        _console().print(harmless(line), markup=False, soft_wrap=True)


def complain(line: str) -> None:
    """One line for standard error, whatever lines it had."""
    print(harmless(" ".join(line.split())), file=sys.stderr)


def show_json(answer: Any) -> None:
    """What the API said."""
    print(json_text(answer, indent=2))


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON with letters of every language as they are, and escaped what would steer a terminal."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    if text.isprintable():
        return text
    # RFC 8259, 7: what stands in a string may be escaped; outside of strings, nothing else is unprintable but the end of a line.
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def rows(made: Table, cells: Sequence[Sequence[str]]) -> None:
    """Fills a table with text that is not mark-up, and prints it."""
    from rich.text import Text

    for row in cells:
        made.add_row(*(Text(harmless(cell)) for cell in row))
    _console().print(made)
