"""What Tollway asks of a store. Seven small protocols; every backend passes `conformance`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from tollway.alerts import Delivery, Event, Snooze
from tollway.ledger.change import Change, Recorded
from tollway.ledger.control import Control
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.job import Job
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held, Hold, Reservation
from tollway.logs.record import LogRecord
from tollway.storage.books import Renew, Stretch, Unwritten


class Ledger(Protocol):
    """Holds and entries. Every answer is linearizable: two callers never both get the last dollar."""

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        """Makes the ledger ready: counters rebuilt from entries, and each reservation that an earlier process left
        open ended as presumed. Returns the presumed entries it wrote. Raises StoreUnavailable."""
        ...

    async def reserve(self, reservation: Reservation, now: int, wait_s: float = 0.0) -> Held | Exhausted | Gone:
        """Places every hold or none, and returns Held only once the reservation is durable; a `lenient` one that cannot be
        written is `unwritten` then, as long as no more than a bound of them are, and is written as soon as that works.

        Idempotent by `reservation.id`. With `wait_s`, a contended reservation waits its turn, first come first served
        on the account that refused it, until it fits or the time is over. Raises StoreUnavailable, having held nothing.
        """
        ...

    def settle(self, entry: LedgerEntry) -> bool:
        """Ends the reservation of `entry`, books its amount on its legs, and queues the row for the next commit.

        Never refuses for lack of money. `False` when the entry was there already: nothing changes. A settlement of a
        presumed reservation is booked as a correction of the difference.
        """
        ...

    async def extend(self, reservation_id: str, amount: int, now: int) -> Held | Exhausted | Gone:
        """Raises every metered hold of an open reservation to `amount` nanodollars, or none, and returns Held only once
        that is durable: a crash presumes what was last extended to.

        Never waits in line: an answer under way comes before requests that have not begun. Less than is held changes
        nothing, and 0 asks whether what is held would be let in now. Raises StoreUnavailable, having changed nothing.
        """
        ...

    def shrink(self, reservation_id: str, amount: int) -> bool:
        """Lowers every metered hold of an open reservation to `amount` nanodollars. `False` when it is not open."""
        ...

    async def control(self, control: Control, now: int | None = None) -> None:
        """Puts a freeze or an increase in force, or ends it (`ended_at`), in place of one of the same id; durable when it
        returns. `now` (Unix milliseconds) decides whether it is in force already; without it, the latest instant that the
        ledger was told. Raises StoreUnavailable, having changed nothing."""
        ...

    def judge_by(self, renew: Renew) -> None:
        """Says that other settings are in force: from here on `extend`, and whoever waits, is judged by the holds that
        `renew` gives for a reservation instead of those it was made with. Amounts stay."""
        ...

    def controls(self) -> Sequence[Control]:
        """Those that have not been ended and are not over, oldest first."""
        ...

    def limit(self, hold: Hold) -> int:
        """Nanodollars of the limit in force for the account and window of a hold: its own, what was carried over, and
        increases."""
        ...

    async def move(self, opening: LedgerEntry) -> bool:
        """Books an entry of kind `opening`: amounts that a budget takes over from entries before it, or gives back. Once by
        its id; `False` when it was there. Durable when it returns."""
        ...

    async def booked(self, *, after: int, since: int, until: int | None = None, limit: int) -> Stretch:
        """Durable entries behind the place `after` (0 for all) that were admitted in [since, until) (Unix milliseconds), at
        most `limit`, in the order in which they were booked. Raises StoreUnavailable."""
        ...

    def release(self, reservation_id: str, code: str, now: int) -> bool:
        """Gives every hold back, because provably nothing was billed. `False` when it had already ended."""
        ...

    def sweep(self, now: int) -> Sequence[LedgerEntry]:
        """Ends every reservation whose deadline is over as presumed; returns the entries."""
        ...

    def balances(self, holds: Sequence[Hold]) -> tuple[Balance, ...]:
        """What is spent and held in the window of each hold, now. Amounts of the holds are not used."""
        ...

    def accounts(self, budget: str) -> Sequence[str]:
        """Every account of a budget that has ever held or spent (`budget` itself, or `budget` + "[" + ...)."""
        ...

    def open_reservations(self) -> Sequence[Reservation]:
        """The reservations now held."""
        ...

    async def flush(self) -> None:
        """Returns once everything settled or released so far is durable."""
        ...

    async def verify(self) -> Sequence[str]:
        """Recomputes every counter from the entries and open reservations; returns each difference, in words."""
        ...

    @property
    def unavailable(self) -> str | None:
        """Why nothing can be reserved now, in words; `None` while it can, as far as is known."""
        ...

    @property
    def unwritten(self) -> Unwritten:
        """What a death of the process would lose now, and has been let through until now."""
        ...

    async def prune(self, now: int) -> bool:
        """Removes what recovery no longer needs, one bounded step, never an entry; `True` when there is more to do."""
        ...

    async def close(self) -> None:
        """Flushes and lets go of the store."""
        ...


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which records or entries: all that are given must hold."""

    since: int | None = None
    """Unix milliseconds, inclusive."""
    until: int | None = None
    """Unix milliseconds, exclusive."""
    equals: Mapping[str, str] = {}
    """Field → value: gateway, provider, model, user, key, service, status, code, kind, request_id, group, feedback,
    metadata.<key>."""
    # An empty value asks for what has none. Of records also `deep.DEEP_FIELDS`.
    text: str | None = None
    """Of records: somewhere in their texts, whatever the case."""
    least: Mapping[str, int] = {}
    most: Mapping[str, int] = {}
    """Of records: what each of `deep.RANGES` is at least and at most."""


class Page(msgspec.Struct, frozen=True):
    """A keyset page, newest first."""

    items: Sequence[LogRecord] | Sequence[LedgerEntry]
    next: str | None
    """The cursor of the page after this one; `None` at the end."""


class SpendRow(msgspec.Struct, frozen=True, kw_only=True):
    """Spend of one group."""

    group: tuple[str | None, ...]
    """The values grouped by, in the order asked; `None` where a request had none."""
    spent: int
    """Nanodollars."""
    entries: int
    unpriced: int
    """Entries whose cost is not known, and which are not in `spent`: no correction has priced them since."""
    input_tokens: int | None
    """Told by providers or counted here; `None` where no entry has any."""
    output_tokens: int | None
    counted_input_tokens: int = 0
    """The part of `input_tokens` that no provider told: the answer was cut, or told no usage, and was counted by its bytes."""
    counted_output_tokens: int = 0
    untold: int = 0
    """Entries of answers of which no usage is known: presumed ones, and those that told nothing a price could be found for."""


class Records(Protocol):
    """The request log and the questions people ask of log and ledger."""

    def write(self, record: LogRecord) -> None:
        """Queues a record for the next batch. Never waits; under pressure the oldest queued record is dropped and counted."""
        ...

    async def flush(self) -> None:
        """Returns once every record queued so far can be read."""
        ...

    async def record(self, request_id: str) -> LogRecord | None: ...

    async def records(self, where: Filter, *, limit: int, cursor: str | None) -> Page:
        """A page may be short, even empty, and have a next one: a search looks at so many records at a time."""
        ...

    async def entries(self, where: Filter, *, limit: int, cursor: str | None) -> Page: ...

    async def spend(self, where: Filter, group_by: Sequence[str]) -> Sequence[SpendRow]:
        """Sums over ledger entries, largest first. `group_by`: the fields of Filter, `day`, `hour`, or `metadata.<key>`.
        Grouping by `group` counts an entry once for each group its caller is in. Raises ValueError naming an unknown field."""
        ...


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One saved state of the settings."""

    number: int
    at: int
    by: str
    document: str
    """The settings document as it was written, with secret references, never secrets."""


class Config(Protocol):
    """Settings, kept with their history."""

    async def save(self, document: str, *, by: str, at: int) -> Revision:
        """A new revision, unless `document` equals the latest: then that one."""
        ...

    async def latest(self) -> Revision | None: ...

    async def history(self, *, limit: int) -> Sequence[Revision]: ...


class Jobs(Protocol):
    """Batches and files that callers have at providers, and whose they are."""

    async def remember(self, job: Job) -> None:
        """Keeps a job in the place of an older copy, and returns once that is durable. What is settled stays settled: an
        older copy that is remembered late changes nothing. Raises StoreUnavailable."""
        ...

    async def recall(self, job_id: str) -> Job | None:
        """The job of that id. Raises StoreUnavailable."""
        ...

    async def open(self, now: int, limit: int) -> Sequence[Job]:
        """At most `limit` batches that are not settled and may be asked about at `now` (Unix milliseconds), the one that
        might have been for longest first. Raises StoreUnavailable."""
        ...


class Audit(Protocol):
    """Who changed what: append-only, each line chained to the one before it by a hash."""

    async def append(self, *changes: Change) -> None:
        """Writes changes in one step; durable when it returns. Raises StoreUnavailable."""
        ...

    async def changes(
        self, *, target: str | None = None, action: str | None = None, limit: int, before: int | None = None
    ) -> Sequence[Recorded]:
        """The newest first, with a `seq` below `before`; `action` may be a noun alone ("budget")."""
        ...

    async def verify(self) -> Sequence[str]:
        """Recomputes every hash; returns each line that does not fit, in words."""
        ...

    async def hashes(self, lines: Collection[int]) -> Mapping[int, str]:
        """By number, the hash that is kept of each of these lines that is there."""
        ...


class Outbox(Protocol):
    """Alert events, each once, and their deliveries, each until it has arrived."""

    async def raise_(self, *events: Event) -> Sequence[Event]:
        """Keeps events that are not known yet by their `key`, with a delivery for each of their channels, in one durable
        step; returns the ones that were new. Raises StoreUnavailable."""
        ...

    async def due(self, now: int, limit: int) -> Sequence[Delivery]:
        """Deliveries that have not arrived and may be tried at `now`, the oldest first."""
        ...

    async def tried(self, delivery: Delivery) -> None:
        """Keeps how a delivery stands in the place of how it stood."""
        ...

    async def events(self, *, limit: int, before: str | None = None, budget: str | None = None) -> Sequence[Event]:
        """The newest first, below the id `before`."""
        ...

    async def deliveries(self, *event_ids: str) -> Sequence[Delivery]: ...

    async def snooze(self, snooze: Snooze) -> None:
        """Keeps a snooze in the place of one of the same rule and account."""
        ...

    async def snoozes(self, now: int) -> Sequence[Snooze]:
        """Those that are not over."""
        ...


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the store remembers of a budget."""

    budget: str
    """Its id."""
    fingerprint: str
    """Of what it selects, how it is split and its window: another one means that its accounts must be computed anew."""
    since: int
    """Unix milliseconds at which this fingerprint came in force."""
    settled: bool = False
    """Its accounts hold all of what it selects, requests that were under way at `since` included."""


class Budgets(Protocol):
    """What is remembered of budgets besides their money."""

    async def known(self) -> Sequence[Known]: ...

    async def remember(self, *known: Known) -> None:
        """Keeps each in the place of an older one of the same budget. Durable when it returns."""
        ...


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the control plane keeps."""

    drawer: str
    """What kind of thing it is: "key", "grant", "session" ..."""
    id: str
    record: bytes
    """JSON, read by whoever keeps it. Never a secret in clear."""
    at: int
    """Unix milliseconds at which this was written."""
    expires_at: int | None = None
    """From then on it is not there."""


class Cabinet(Protocol):
    """Small things the control plane keeps, by drawer and id: keys, grants, sessions, sealed secrets, drafts. Every change is
    durable when it returns, and every method raises StoreUnavailable."""

    async def put(self, *kept: Kept) -> None:
        """Keeps each in the place of an older one of its id, all in one step."""
        ...

    async def swap(self, kept: Kept, before: bytes | None) -> bool:
        """Keeps it if the record that is there at `kept.at` is `before` (`None`: if none is), in one step; whether it did."""
        ...

    async def get(self, drawer: str, name: str, now: int) -> Kept | None:
        """The thing of that id, unless it has expired at `now` (Unix milliseconds)."""
        ...

    async def take(self, drawer: str, name: str, now: int) -> Kept | None:
        """Takes it out: of many who ask, one gets it."""
        ...

    async def all(self, drawer: str, now: int) -> Sequence[Kept]:
        """What a drawer holds, by id."""
        ...

    async def sweep(self, now: int) -> int:
        """Takes out at most 1,000 of what has expired; how many there were."""
        ...


class Store(Protocol):
    """The eight in one place, opened and closed together."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def records(self) -> Records: ...

    @property
    def config(self) -> Config: ...

    @property
    def jobs(self) -> Jobs: ...

    @property
    def audit(self) -> Audit: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def budgets(self) -> Budgets: ...

    @property
    def cabinet(self) -> Cabinet: ...

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        """`Ledger.open`, and everything else made ready. Raises StoreUnavailable."""
        ...

    async def prune(self, now: int) -> bool:
        """`Ledger.prune`."""
        ...

    async def close(self) -> None:
        """Flushes log and ledger and lets go of both, even where flushing raises StoreUnavailable."""
        ...
