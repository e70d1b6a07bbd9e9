"""Any history of a ledger: entries and freezes in any order, and the rule of months told once more, naively."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tollway.ledger.entry import Kind
from tollway.statements.month import Month, charged_in, month_of
from tollway.statements.statement import Statement
from tollway.statements.tally import Booked, Itemised, Tally

ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia", "America/Havana")
SINCE, UNTIL = 1_767_225_600_000, 1_780_272_000_000
"""2026-01-01 and 2026-06-01, UTC."""


class Entry(NamedTuple):
    seq: int
    at: int
    recorded_at: int
    booked: Booked


class Freeze(NamedTuple):
    """All that was booked before is in the month."""

    month: Month


KINDS: tuple[Kind, ...] = ("charge", "presumed", "unpriced", "correction", "credit")


@st.composite
def entries(draw: st.DrawFn) -> Booked:
    kind = draw(st.sampled_from(KINDS))
    amount = 0 if kind == "unpriced" else draw(st.integers(-(10**12), 10**15))
    parts = draw(st.lists(st.integers(-(10**12), 10**14), max_size=3))
    meters = ("input", "output", "presumed" if kind in ("presumed", "correction") else "reasoning")
    return Booked(
        kind,
        amount,
        draw(st.sampled_from((None, "ml", "web"))),
        draw(st.sampled_from((None, "ann", "bob"))),
        "openai",
        draw(st.sampled_from(("gpt-5", "gpt-5-mini"))),
        # Lines need not explain an amount: whatever they leave is told as well.
        tuple(Itemised(meter, draw(st.integers(0, 10**6)), part) for meter, part in zip(meters, parts, strict=False)),
        entry=f"e{draw(st.integers(0, 3))}.1.credit" if kind == "credit" else "",
    )


@st.composite
def histories(draw: st.DrawFn, zone: ZoneInfo) -> list[Entry | Freeze]:
    """Entries in the order of booking; a month is frozen once, after it is over, and not always the oldest first."""
    events: list[Entry | Freeze] = []
    frozen: set[Month] = set()
    now, seq = SINCE, 0
    for _ in range(draw(st.integers(1, 30))):
        now = min(UNTIL, now + draw(st.integers(0, 12 * 24 * 3_600_000)))
        if draw(st.integers(0, 3)) == 0:
            month = month_of(draw(st.integers(SINCE, now)), zone)
            if month not in frozen and month.span(zone)[1] <= now:
                frozen.add(month)
                events.append(Freeze(month))
            continue
        seq += draw(st.integers(1, 3))
        # A machine's clock may have been set back.
        recorded = max(SINCE, now - draw(st.sampled_from((0, 0, 0, 3 * 24 * 3_600_000))))
        events.append(Entry(seq, draw(st.integers(SINCE, recorded)), recorded, draw(entries())))
    return events


class Told(NamedTuple):
    """What a history comes to."""

    frozen: dict[Month, list[Statement]]
    """As they were made when the month was frozen."""
    months: dict[Month, list[Statement]]
    """All there are at the end, as they are made then."""
    entries: list[Entry]


def told(history: list[Entry | Freeze], zone: ZoneInfo) -> Told:
    known: list[Entry] = []
    marks: dict[Month, int] = {}
    frozen: dict[Month, list[Statement]] = {}
    for event in history:
        if isinstance(event, Freeze):
            frozen[event.month] = statements(known, marks, event.month, zone)
            marks[event.month] = known[-1].seq if known else 0
        else:
            known.append(event)
    months = {charged_month(each, marks, zone) for each in known} | frozen.keys()
    return Told(frozen, {month: statements(known, marks, month, zone) for month in sorted(months)}, known)


def charged_month(entry: Entry, marks: dict[Month, int], zone: ZoneInfo) -> Month:
    return charged_in(month_of(entry.at, zone), entry.seq, month_of(entry.recorded_at, zone), marks)


def statements(known: list[Entry], marks: dict[Month, int], month: Month, zone: ZoneInfo) -> list[Statement]:
    tally = Tally(month)
    for entry in known:
        if charged_month(entry, marks, zone) == month:
            tally.add(entry.booked, month_of(entry.at, zone))
    return tally.statements(zone.key, month.span(zone), "team", 0)
