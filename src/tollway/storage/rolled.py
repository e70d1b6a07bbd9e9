"""From rows of ledger and log to cells of a rollup: who, when, and what is summed. Pure.

A cell is of one hour, its first half, or one day (UTC), of one context and one kind of entry (or class of status). A context is who asked
for a model: gateway, provider, model, user, key, service, groups, metadata. Each stands in a table once. A coarse context is
the same without user, key, service and groups, and a plain one without metadata too: few, for questions about everybody.

Values of metadata are the callers', who may make up as many as they like (a trace id). So of a key with more values than
`FINE_VALUES` no rollup knows anything: questions that name it are answered from the ledger itself. One with more than
`COARSE_VALUES` is in fine contexts alone. A key only ever goes down these steps, so whatever level still has it has all of it.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Container, Iterable, Mapping, Sequence
from operator import add
from typing import Any, Final, NamedTuple

import msgspec

from tollway.logs.record import Durations
from tollway.storage.analytics import MEASURES, UPPER_MS, Table
from tollway.storage.fields import NOT_SPEND
from tollway.usage import Usage

HOUR_MS: Final = 3_600_000
HOURS_A_DAY: Final = 24
HALF_MS: Final = HOUR_MS // 2

FINE: Final = 0
COARSE: Final = 2
PLAIN: Final = 4
LEVELS: Final = (FINE, COARSE, PLAIN)
DAYS: Final = 1
"""A level is one of these, with this added where its slots are days."""
HALVES: Final = 8
"""Added where a slot has the first half of its hour alone: where days and hours of a zone begin that is half an hour off UTC."""

EVER: Final = 6
"""Plain contexts again, with one slot for all of time: what counters for monitoring are read from. What lowered a sum has a
label of its own there (`LOWERED`), so that both only ever grow."""
LOWERED: Final = "-"
"""Stands before the kind of an entry whose amount is below zero."""
OTHERS: Final = 0
"""The context of all that have none of their own at level `EVER`."""
EVER_CONTEXTS: Final = 1_000
"""Contexts that have one, the first of which something was booked: callers make up names of models, and are not to fill a metrics
store with them. None ever moves from one to the other, which would lower a counter."""

COARSE_VALUES: Final = 50
FINE_VALUES: Final = 1_000
KEYS: Final = 64
"""Keys of metadata that are known at most; of others, no rollup knows anything."""

LARGEST_COUNT: Final = 10**12
"""A count of one answer; what a provider tells beyond is no count, and a sum must stay within 64 bits."""

SESSION_KEYS: Final = ("session", "session_id")
"""The keys of metadata that name a session."""

PAUSE_MS: Final = 30 * 60_000
"""Without a name, requests of a user are of one sitting while no longer pause lies between them."""

NAMED_PAUSE_MS: Final = 24 * HOUR_MS

_read_names = msgspec.json.Decoder(tuple[str, ...]).decode
_read_metadata = msgspec.json.Decoder(dict[str, str]).decode
_read_usage = msgspec.msgpack.Decoder(Usage).decode
_write = msgspec.json.Encoder(order="sorted").encode


class Who(NamedTuple):
    """A context as its row has it; `groups` and `metadata` are JSON."""

    gateway: str
    provider: str | None
    model: str | None
    user: str | None
    key: str | None
    service: str | None
    groups: str
    metadata: str

    @property
    def digest(self) -> str:
        return hashlib.blake2b(_write(self), digest_size=16).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        return _read_names(self.groups)

    @property
    def attributes(self) -> dict[str, str]:
        return _read_metadata(self.metadata)


class Seen(NamedTuple):
    """One row of ledger or log: its place, and what it adds to it."""

    at: int
    """Unix milliseconds."""
    who: Who
    label: str | int
    """The kind of an entry, or the first digit of a status."""
    sums: tuple[int, ...]


class Attributes:
    """The values of metadata that rollups know."""

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, set[str]] = {}
        self.new: list[tuple[str, str]] = []
        """What was learned and is not written yet."""
        for name, value in known:
            self._values.setdefault(name, set()).add(value)

    def level(self, name: str) -> int | None:
        """The coarsest of the levels that know the key; `None` where none does."""
        known = len(self._values.get(name, ()))
        if known > FINE_VALUES or (known == 0 and len(self._values) >= KEYS):
            return None
        return FINE if known > COARSE_VALUES else COARSE

    def split(self, who: Who) -> tuple[Who, Who, Who]:
        """The fine, the coarse and the plain context of somebody, whose values are known from now on."""
        fine: dict[str, str] = {}
        coarse: dict[str, str] = {}
        for name, value in who.attributes.items():
            self._learn(name, value)
            level = self.level(name)
            if level is not None:
                fine[name] = value
            if level == COARSE:
                coarse[name] = value
        return (
            who._replace(groups=_write(who.names).decode(), metadata=_write(fine).decode()),
            Who(who.gateway, who.provider, who.model, None, None, None, "[]", _write(coarse).decode()),
            Who(who.gateway, who.provider, who.model, None, None, None, "[]", "{}"),
        )

    def _learn(self, name: str, value: str) -> None:
        values = self._values.get(name)
        if values is None:
            if len(self._values) >= KEYS:
                return
            values = self._values[name] = set()
        # One more than are known: it tells that there are more.
        if value not in values and len(values) <= FINE_VALUES:
            values.add(value)
            self.new.append((name, value))


ENTRY_COLUMNS: Final = (
    'occurred_at, kind, amount_nanodollars, id, gateway, provider, model, user, "key", service, "groups", metadata, '
    "usage"
)


def of_entry(row: Sequence[Any]) -> Seen | None:
    """What an entry with `ENTRY_COLUMNS` adds; `None` of one that is no spend."""
    at, kind, amount, _, *who, usage = row
    if kind in NOT_SPEND:
        return None
    used = None if usage is None else _read_usage(usage)
    sums = (
        (amount, 1, int(kind == "unpriced"), 0, 0, 0, 0, 0, 0)
        if used is None
        else (
            amount,
            1,
            int(kind == "unpriced"),
            int(used.input_tokens is not None or used.output_tokens is not None),
            _count(used.input_tokens),
            _count(used.cache_read_input_tokens),
            _count(used.cache_creation_input_tokens),
            _count(used.output_tokens),
            _count(used.reasoning_output_tokens),
        )
    )
    return Seen(at, Who(*who), kind, sums)


def priced(seen: Seen) -> Seen:
    """What the first correction of an unpriced entry takes away from the unpriced ones; its amount is a cell of its own."""
    return seen._replace(label="unpriced", sums=tuple(-int(name == "unpriced") for name in MEASURES["spending"]))


RECORD_COLUMNS: Final = 'at, status, gateway, provider, model, user, "key", service, "groups", metadata, record'


class _Verdict(msgspec.Struct):
    outcome: str


class _Told(msgspec.Struct):
    """The part of a `LogRecord` that is summed."""

    durations: Durations
    decisions: tuple[_Verdict, ...] = ()
    cached: bool = False
    saved: int | None = None
    unserved: bool = False


_read_told = msgspec.msgpack.Decoder(_Told).decode
LEFT_FIRST: Final = 499
"""The status of a request whose caller left: it is neither refused nor an error."""


def of_record(row: Sequence[Any]) -> Seen:
    """What a record with `RECORD_COLUMNS` adds."""
    at, status, *who, record = row
    told = _read_told(record)
    took = told.durations
    refused = status >= 400 and any(verdict.outcome == "deny" for verdict in told.decisions)
    error = status >= 400 and not refused and status != LEFT_FIRST
    buckets = [0] * (len(UPPER_MS) + 1)
    buckets[bisect_left(UPPER_MS, -(-took.total_us // 1000))] = 1
    sums = (
        1,
        int(refused),
        int(error),
        int(told.cached),
        told.saved or 0,
        int(told.cached and told.saved is None),
        took.total_us,
        took.overhead_us,
        int(took.first_chunk_us is not None),
        took.first_chunk_us or 0,
        *buckets,
    )
    seen = Who(*who)
    # Names that callers make up would be contexts without end.
    return Seen(at, seen._replace(model=None) if told.unserved else seen, status // 100, sums)


Lot = tuple[Who, int, str | int, bool]
"""Who, the half of an hour, the label, and whether an amount is below zero. What of a step is of one lot is in the same cells at
every level."""


def add_to(lots: dict[Lot, list[int]], seen: Seen) -> None:
    """Adds a row to its lot."""
    lot = (seen.who, seen.at // HALF_MS, seen.label, isinstance(seen.label, str) and seen.sums[0] < 0)
    known = lots.get(lot)
    lots[lot] = list(seen.sums if known is None else map(add, known, seen.sums))


Cell = tuple[int, int, int, str | int]
"""Level, slot, context, label."""


def cells(
    lots: Mapping[Lot, Sequence[int]], ids: Mapping[Who, Sequence[int]], named: Container[int] | None = None
) -> dict[Cell, Sequence[int]]:
    """What lots add up to, in every level. `ids`: the context of each in every one of `LEVELS`; `named`: the plain ones that
    have a counter of their own, by default all."""
    found: dict[Cell, Sequence[int]] = {}
    for (who, half, label, lowered), sums in lots.items():
        plain = ids[who][-1]
        own = plain if named is None or plain in named else OTHERS
        hour, second = divmod(half, 2)
        parts = [(0, hour), (DAYS, hour // HOURS_A_DAY)]
        if not second:
            parts.append((HALVES, hour))
        for cell in (
            *(
                (level + part, slot, context, label)
                for level, context in zip(LEVELS, ids[who], strict=True)
                for part, slot in parts
            ),
            (EVER, 0, own, f"{LOWERED}{label}" if lowered else label),
        ):
            known = found.get(cell)
            found[cell] = sums if known is None else tuple(map(add, known, sums))
    return found


LABEL: Final[Mapping[Table, str]] = {"spending": "kind", "traffic": "status"}


def session_of(who: Who) -> tuple[str, int]:
    """The name of somebody's session, "" without one, and the longest pause in it (milliseconds)."""
    attributes = who.attributes
    name = next((attributes[key] for key in SESSION_KEYS if attributes.get(key)), "")
    return name, NAMED_PAUSE_MS if name else PAUSE_MS


def _count(told: int | None) -> int:
    return min(told or 0, LARGEST_COUNT)
