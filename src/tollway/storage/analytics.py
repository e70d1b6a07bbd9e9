"""What people ask about money over time, and what a store answers: sums that equal the ledger's, to the nanodollar."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from tollway.storage.fields import METADATA

Table = Literal["spending", "traffic"]
"""spending: sums of ledger entries · traffic: sums over the request log."""

UPPER_MS: Final = (50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400)
"""Requests are counted by how long they took: up to each of these, and longer than the last."""

MEASURES: Final[Mapping[Table, tuple[str, ...]]] = {
    "spending": (
        "amount_nanodollars",
        "entries",
        "unpriced",
        "told",
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
    ),
    "traffic": (
        "requests",
        "refused",
        "errors",
        "cached",
        "saved_nanodollars",
        "saved_unknown",
        "total_us",
        "overhead_us",
        "first_chunks",
        "first_chunk_us",
        *(f"took_{number}" for number in range(len(UPPER_MS) + 1)),
    ),
}
"""What is summed. `unpriced`: entries whose cost is not known and which are not in the amount; `told`: those whose usage is
known, without which a sum of tokens is unknown and not zero; `saved_unknown`: answers given again whose cost is not known;
`first_chunks`: requests that have a first chunk."""

FIELDS: Final = frozenset({"gateway", "provider", "model", "user", "group", "key", "service", "kind", "status"})
"""What may be grouped and searched by, besides `metadata.<key>`."""

OWN_TABLE: Final[Mapping[str, Table]] = {"kind": "spending", "status": "traffic"}
"""Fields that one table alone has: the kind of an entry, and "2xx" and so on of a request."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold of a field: one of the values, or none of them."""

    field: str
    values: tuple[str, ...]
    """An empty one stands for "has none"."""
    prefixes: tuple[str, ...] = ()
    """What a value may begin with instead."""
    negated: bool = False


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over [bounds[0], bounds[-1]), by time and by fields."""

    bounds: Sequence[int]
    """Unix milliseconds, ascending: each two neighbours are a bucket."""
    by: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    columns: Mapping[Table, tuple[str, ...]]
    """What is to be summed, of `MEASURES`."""
    limit: int = 20
    """So many groups, the largest by the first column that is summed; all others are one."""


Sums = dict[Table, list[int]]
"""By table, a sum for each column asked for."""

Group = tuple[str | None, ...]
"""A value for each field grouped by; `None` where there is none."""


class Series(msgspec.Struct, frozen=True):
    """Sums of something, over all of the time and in each bucket of it."""

    whole: Sums
    buckets: Sequence[Sums]
    """One for each bucket; empty where there is but one."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The total, and what it is made of. Everything is of one instant."""

    total: Series
    groups: Mapping[Group, Series]
    """The largest first."""
    other: Series | None = None
    """All groups that are not in `groups`; `None` where there is none."""
    others: int = 0
    """How many they are."""
    overlapping: bool = False
    """Somebody may be in several groups, so these add up to more than the total."""


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """What a user spent in one go."""

    user: str
    name: str
    """The session as the caller named it; empty where only the pauses between requests tell."""
    first_at: int
    last_at: int
    spent: int
    """Nanodollars."""
    entries: int


OWN_DAYS = 30
"""A sitting is judged by the user's own sittings of so many days before it."""

OWN_SESSIONS = 5
"""With fewer of them, nobody knows what is usual for the user."""


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """A sitting that stands out, and what it is judged by, in nanodollars."""

    sitting: Sitting
    usual: int
    """The 95th percentile, by the nearest rank, of the user's sittings of the days before."""
    rare: int
    """The 99th of all other sittings of the range and of the days before it."""


class Outstanding(msgspec.Struct, frozen=True, kw_only=True):
    """How many sittings stand out, and the dearest of them."""

    number: int
    dearest: tuple[Anomaly, ...]


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of a user that were refused for one reason, or that a cheaper model served."""

    code: str
    """A key of `errors.REASONS`, or "downgraded"."""
    provider: str | None
    model: str | None
    """What was asked for, as far as it is known."""
    user: str | None
    requests: int
    at: int
    """Unix milliseconds of the last one."""
    charged: int | None = None
    """downgraded: nanodollars, without those of which no price is known; `None` where it is of none of them."""


class Stops(msgspec.Struct, frozen=True, kw_only=True):
    """What was refused, and what was downgraded."""

    refused_since: int
    """From where on all refusals are here: the beginning of the range; later where there are too many to be read, or where those of
    an older log are not listed yet."""
    refused: Sequence[Stopped]
    swapped_since: int
    """In the same way, of what was downgraded."""
    swapped: Sequence[Stopped]


class Hole(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of a model that have no price, or were charged at the dearest of its provider's list."""

    provider: str
    model: str
    requests: int
    """In the ledger without an amount."""
    input_tokens: int
    output_tokens: int
    """Of those, as far as they are known."""
    counted: int
    """Charged at the dearest price."""
    counted_amount: int
    """Nanodollars."""


class Ever(msgspec.Struct, frozen=True, kw_only=True):
    """What all rows of a context that rollups have add up to, by its label."""

    context: int
    """Its number: 0 for what has no context of its own."""
    gateway: str | None
    provider: str | None
    model: str | None
    label: str
    """The kind of ledger entries, or the first digit of a status of requests."""
    lowered: bool
    """Entries of an amount below nothing, which take back what others charged."""
    sums: tuple[int, ...]
    """One for each of the table's `MEASURES`."""


class Behind(Exception):
    """Rollups lack too much of what was asked for to read it from the ledger meanwhile."""

    def __init__(self, words: str, *, temporary: bool, deleted: bool = False) -> None:
        super().__init__(words)
        self.temporary = temporary
        """It will be answered later, without being changed."""
        self.deleted = deleted
        """It never will, as what would tell it is deleted."""


class Rolled(msgspec.Struct, frozen=True, kw_only=True):
    """How far rollups have come."""

    entries: int
    entries_behind: int
    records: int
    records_behind: int
    full: bool = False
    """A sum of money is beyond what 64 bits hold, and stands at the largest they do; the ledger has all of it."""
    failing: Mapping[Table, str] = msgspec.field(default_factory=dict[Table, str])
    """Of which table the last step failed, and why."""


class Analytics(Protocol):
    """Rollups of ledger and log, and the questions that they answer."""

    async def roll(self) -> bool:
        """Takes in what was booked and logged since, one bounded step of each table, and a step of what an older version logged; `True`
        when there is more. Raises StoreUnavailable where one cannot be taken in, and the other has no more."""
        ...

    async def rolled(self) -> Rolled: ...

    async def ever(self) -> Mapping[Table, Sequence[Ever]]:
        """What all that was rolled up adds up to, of one instant."""
        ...

    async def ask(self, question: Question) -> Answer:
        """Exact at the instant of asking: what rollups lack is read from the ledger. Raises Behind."""
        ...

    async def users(self) -> Sequence[str]:
        """Everybody who ever asked and is known by name, as far as rollups have come."""
        ...

    async def sittings(self, *, since: int, until: int, user: str | None = None) -> Sequence[Sitting]:
        """Those that were over in [since, until), oldest first, as far as rollups have come."""
        ...

    async def last_charged(self, users: Collection[str]) -> Mapping[str, int]:
        """When each of these was last charged (Unix milliseconds), whoever was at all, as far as rollups have come."""
        ...

    async def outstanding(self, *, since: int, until: int, among: Collection[str] | None, listed: int) -> Outstanding:
        """Sittings that were over in [since, until) and cost more than twice what is usual for their user, and more than is
        common at all; of the users `among` alone, where they are given. The dearest `listed` are told, as far as rollups have
        come."""
        ...

    async def stops(self, *, since: int, until: int, user: str | None = None, gateway: str | None = None) -> Stops:
        """Requests of [since, until) that were refused or downgraded, a bounded number of the newest. Exact at the instant of asking.
        Raises Behind."""
        ...

    async def holes(self, since: int) -> Sequence[Hole]:
        """What of the requests admitted since then has no price, by provider and model. Exact at the instant of asking."""
        ...

    async def retain(self, *, before: int | None, rows: int | None) -> int:
        """Deletes the oldest records of the log, one bounded step: those older than `before` (Unix milliseconds), and those
        beyond the newest `rows`; how many. Never one that rollups lack, never the newest, never anything of the ledger."""
        ...


def check(question: Question) -> None:
    """Raises ValueError naming what cannot be asked."""
    for field in (*question.by, *(condition.field for condition in question.where)):
        if field not in FIELDS and not (field.startswith(METADATA) and len(field) > len(METADATA)):
            raise ValueError(f'"{field}" is not a field; choose from {", ".join(sorted(FIELDS))} and metadata.<key>')
        table = OWN_TABLE.get(field)
        if table is not None and set(question.columns) - {table}:
            wrong = "of requests" if table == "spending" else "of money and tokens"
            raise ValueError(f'"{field}" cannot be asked for together with measures {wrong}')
