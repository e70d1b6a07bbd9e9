"""A statement in the words and figures of a printed page. What it is laid out by is `statement.typ`.

Every amount is exact: its cents, and behind them as many places as the page needs for the longest of them.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tollway.budgets.zone import UTC, wrong_zone, zone_named
from tollway.clock import instant, iso
from tollway.money import dollars
from tollway.statements.month import read_month
from tollway.statements.statement import (
    Adjustment,
    Frozen,
    Line,
    Part,
    Statement,
    by_user,
    by_value,
    lines,
    total_of,
)

MOST_ROWS: Final = 400
"""Of one table; what is beyond is one row, and the CSV has it all."""

_LONGEST: Final = 120
"""Of a name on the page, in characters."""

METERS: Final = {
    "input": "Input tokens",
    "cache_read": "Cached input tokens",
    "cache_read_audio": "Cached audio tokens",
    "cache_write": "Cache write tokens",
    "cache_write_1h": "Cache write tokens, kept for an hour",
    "input_audio": "Audio input tokens",
    "input_image": "Image input tokens",
    "input_video": "Video input tokens",
    "output": "Output tokens",
    "reasoning": "Reasoning tokens",
    "output_audio": "Audio output tokens",
    "output_image": "Image output tokens",
    "citation": "Citation tokens",
    "characters": "Characters",
    "input_audio_seconds": "Seconds of audio heard",
    "audio_seconds": "Seconds of audio",
    "output_audio_seconds": "Seconds of audio made",
    "image": "Pictures",
    "video_seconds": "Seconds of video",
    "pages": "Pages",
    "annotated_pages": "Annotated pages",
    "search_unit": "Search units",
    "web_search": "Web searches",
    "file_search": "File searches",
    "request": "Requests",
    "stated": "As stated by the provider",
    "presumed": "Presumed: the end is not known",
    "rerated": "Rated again at a corrected price",
    "unitemised": "Not itemised",
}

KINDS: Final = {
    "charge": "Usage told late",
    "presumed": "Usage presumed late",
    "unpriced": "Usage without a price",
    "correction": "Correction",
    "credit": "Adjustment by hand",
    "opening": "Opening",
}

_DIMENSIONS: Final = {"cost_center": "Cost centre", "key": "Key", "service": "Service"}
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def printed(statements: Sequence[Statement], frozen: Frozen | None, *, now: int, whole: bool) -> dict[str, Any]:
    """What a page says of one statement, or of `whole`, all of a month as one. `now`: Unix milliseconds of the making.

    There is at least one statement. Raises ValueError for a month that is none.
    """
    first = statements[0]
    month = read_month(first.month)
    if month is None:
        raise ValueError(f'"{first.month}" is no month')
    usage, presumed = lines(statements, "usage"), lines(statements, "presumed")
    parts = by_value(statements) if whole else by_user(first) if first.by != "user" else []
    adjustments = [each for statement in statements for each in statement.adjustments]
    sums = [
        sum(line.amount for line in usage),
        sum(line.amount for line in presumed),
        sum(each.amount for each in adjustments),
    ]
    money = Amounts(
        [
            *sums,
            *(line.amount for line in (*usage, *presumed)),
            *(each.amount for each in adjustments),
            *(amount for part in parts for amount in (part.usage, part.presumed, part.adjusted)),
        ]
    )
    label = dimension(first.by)
    return {
        "title": "Statement of AI usage",
        "month": f"{_MONTHS[month.number - 1]} {month.year}",
        "label": f"By {label.lower()}" if whole else label,
        "name": f"All {len(statements):,}" if whole else _short(named(first.by, first.value)),
        "period": _period(first),
        "state": "frozen" if frozen is not None else "open" if now >= first.until else "running",
        "made": f"{iso(now)[:16].replace('T', ' ')} UTC",
        "sums": [
            {"label": "Usage", "amount": money.of(sums[0])},
            *([{"label": "Presumed", "amount": money.of(sums[1])}] if presumed else []),
            {"label": "Adjustments", "amount": money.of(sums[2])},
        ],
        "total": money.of(sum(sums)),
        "payable": cents(sum(sums)),
        "attempts": f"{sum(each.attempts for each in statements):,}",
        "models": _models(usage, money),
        "presumed": [
            {"name": _model(line.provider, line.model), "amount": money.of(line.amount)}
            for line in presumed[:MOST_ROWS]
        ],
        "parts_label": dimension(first.by) if whole else "User",
        "parts": _parts(parts, "user" if not whole else first.by, money),
        "adjustments": _adjustments(adjustments, money),
        "notes": _notes(statements, frozen, now),
        "mark": _mark(first, frozen),
    }


class Amounts:
    """Writes amounts so that they line up: all with as many places as the longest needs, two at least."""

    def __init__(self, amounts: Iterable[int]) -> None:
        self._places = max((len(dollars(amount).partition(".")[2]) for amount in amounts), default=2)
        self._places = max(2, self._places)

    def of(self, amount: int) -> list[str]:
        """What is before the third place, and what is behind: ["−$1,234.56", "789"]; a dash for nothing."""
        if amount == 0:
            return ["–", ""]
        whole, _, rest = dollars(abs(amount)).partition(".")
        rest = rest.ljust(self._places, "0")
        return [f"{'−' if amount < 0 else ''}${int(whole):,}.{rest[:2]}", rest[2:]]


def cents(amount: int) -> str:
    """Rounded to the cent, a half to the even one: "$1,234.56"."""
    whole, rest = divmod(abs(amount), 10_000_000)
    whole += rest > 5_000_000 or (rest == 5_000_000 and whole % 2 == 1)
    return f"{'−' if amount < 0 and whole else ''}${whole // 100:,}.{whole % 100:02d}"


def dimension(by: str) -> str:
    """A dimension as people read it: "Cost centre", "Team"."""
    return _DIMENSIONS.get(by, by.capitalize() if "." not in by else by)


def named(by: str, value: str | None) -> str:
    return value if value is not None else f"without a {dimension(by).lower()}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def meter(name: str) -> str:
    """A meter as people read it; behind a colon is its kind."""
    plain, _, kind = name.partition(":")
    said = METERS.get(plain, plain.replace("_", " ").capitalize())
    return f"{said} ({kind})" if kind else said


def _period(statement: Statement) -> list[str]:
    """In its own zone, and in UTC where that is another."""
    ends = (statement.since, statement.until)
    said: list[str] = []
    for name in dict.fromkeys((statement.timezone, UTC)):
        # A month frozen long ago may be in a zone that only the machine of that day knew.
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            zone = ZoneInfo(name) if wrong_zone(name) else zone_named(name)
            said.append(
                " to ".join(instant(at).astimezone(zone).strftime("%Y-%m-%d %H:%M") for at in ends) + f" {name}"
            )
    return said


def _model(provider: str, model: str) -> str:
    return f"{provider} / {model}" if model else provider


def _models(usage: Sequence[Line], money: Amounts) -> list[dict[str, Any]]:
    models: dict[str, list[Line]] = {}
    for line in usage:
        models.setdefault(_model(line.provider, line.model), []).append(line)
    return [
        {
            "name": name,
            "amount": money.of(sum(line.amount for line in found)),
            "meters": [
                {
                    "name": meter(line.meter),
                    "quantity": f"{line.quantity:,}" if line.quantity else "",
                    "amount": money.of(line.amount),
                }
                for line in found
            ],
        }
        for name, found in models.items()
    ]


def _parts(parts: Sequence[Part], by: str, money: Amounts) -> list[dict[str, Any]]:
    shown = [(_short(named(by, part.name)), part) for part in parts[:MOST_ROWS]]
    if rest := parts[MOST_ROWS:]:
        shown.append((f"{len(rest):,} others", total_of(rest)))
    return [
        {
            "name": name,
            "attempts": f"{part.attempts:,}",
            "usage": money.of(part.usage),
            "presumed": money.of(part.presumed),
            "adjusted": money.of(part.adjusted),
            "total": money.of(part.total),
        }
        for name, part in shown
    ]


def _adjustments(adjustments: Sequence[Adjustment], money: Amounts) -> list[dict[str, Any]]:
    """One row for the month, kind and model, and one for each that was made by hand."""
    sums: dict[tuple[str, str, str, str], list[int]] = {}
    for each in adjustments:
        said = f"“{each.word}”, {each.by}" if each.word else _model(each.provider, each.model)
        known = sums.setdefault((each.amends, each.kind, said, each.entry), [0, 0])
        known[0] += each.amount
        known[1] += each.entries
    rows = sorted(sums.items())
    shown = [
        {"amends": amends, "kind": KINDS[kind], "said": said, "entries": f"{entries:,}", "amount": money.of(amount)}
        for (amends, kind, said, _), (amount, entries) in rows[:MOST_ROWS]
    ]
    if rest := rows[MOST_ROWS:]:
        amount, entries = (sum(each[place] for _, each in rest) for place in (0, 1))
        shown.append(
            {
                "amends": "",
                "kind": f"{len(rest):,} others",
                "said": "",
                "entries": f"{entries:,}",
                "amount": money.of(amount),
            }
        )
    return shown


def _notes(statements: Sequence[Statement], frozen: Frozen | None, now: int) -> list[str]:
    unpriced = sum(each.unpriced for each in statements)
    amended = sum(other.unpriced for each in statements for other in each.adjustments)
    presumptions = sum(each.presumptions for each in statements)
    found: list[str] = []
    if unpriced:
        found.append(
            f"Unpriced: {_answers(unpriced)} without a known price. What that costs is unknown, not zero, and is in no amount here."
        )
    if amended:
        found.append(
            f"Of earlier, frozen months: {_answers(abs(amended))} "
            + ("booked since, without a known price." if amended > 0 else "without a price given one since.")
        )
    if presumptions:
        found.append(
            f"Presumed: {_answers(presumptions)} whose end is not known. What was held counts as spent; once the provider tells "
            "the usage, a correction is booked."
        )
    if frozen is None:
        found.append(
            "This statement is not frozen: its figures change with what is booked for the month."
            if now >= statements[0].until
            else "The month is not over: its figures grow."
        )
    else:
        found.append(
            "What is booked for this month after its freeze is an adjustment in a later statement, which names this month."
        )
    found.append("Amounts are US dollars, exact to the nanodollar; the places behind the cent are printed in grey.")
    return found


def _answers(number: int) -> str:
    return f"{number:,} answer{'' if number == 1 else 's'}"


def _mark(statement: Statement, frozen: Frozen | None) -> list[list[str]]:
    place = ["Ledger", f"entries up to number {statement.through:,}"]
    if frozen is None:
        return [place]
    return [
        place,
        ["Frozen", f"{iso(frozen.at)[:16].replace('T', ' ')} UTC by {frozen.frozen_by}: {frozen.word}"],
        ["SHA-256", frozen.hash],
    ]
