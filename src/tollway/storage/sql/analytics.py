"""`storage.analytics.Analytics` in a database."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from msgspec import structs

from tollway.storage.analytics import (
    MEASURES,
    Answer,
    Ever,
    Hole,
    Outstanding,
    Question,
    Rolled,
    Sitting,
    Stops,
    Table,
    check,
)
from tollway.storage.sql import meters, rollups, stopped
from tollway.storage.sql.asking import SOURCES, answer
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.holes import holes
from tollway.storage.sql.outstanding import outstanding

LOTS_AT_ONCE: Final = 80
"""Of one step: their cells are added on the event loop, in three milliseconds."""

FEWEST_AT_ONCE: Final = 100
MOST_AT_ONCE: Final = 1_000
"""Rows of one step. How many make as many lots depends on who asks; twice as many as in the last step are read, or as many as it took."""

CELLS_AT_ONCE: Final = 600
"""Of what statements are made of, in two milliseconds."""

_DELETED_AT_ONCE: Final = 100
"""Records, on the event loop too."""
LOOKED_UP_AT_MOST: Final = 20
"""Users; of more, everybody's sittings are gone through at once."""
_TOO_OLD: Final = "SELECT {} FROM records WHERE at < ? AND +seq <= ? ORDER BY at, seq LIMIT ?"
_TOO_MANY: Final = "SELECT {} FROM records WHERE seq <= ? ORDER BY seq LIMIT ?"


_Gathered = TypeVar("_Gathered", rollups.Gathered, meters.Gathered)


class SqlAnalytics:
    """`analytics.Analytics` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = rollups.Known()
        self._failing: dict[Table, str] = {}
        self._at_once: dict[str, int] = {}

    async def roll(self) -> bool:
        more = False
        failed: Exception | None = None
        for table in MEASURES:
            try:
                more |= await self._roll(table)
                self._failing.pop(table, None)
            except Exception as error:
                # What is in the way of one does not keep the other from going on.
                self._failing[table] = str(error)
                failed = failed or error
        for step in (self._meter, self._list):
            try:
                more |= await step()
            except Exception as error:
                failed = failed or error
        if failed is not None and not more:
            raise failed
        return more

    async def _roll(self, table: Table) -> bool:
        return await self._take_in(table, partial(rollups.gather, table=table, most_lots=LOTS_AT_ONCE), rollups.book)

    async def _meter(self) -> bool:
        return await self._take_in("meters", partial(meters.gather, most=CELLS_AT_ONCE), meters.book)

    async def _take_in(
        self, name: str, gather: Callable[..., _Gathered], book: Callable[[Connection, _Gathered, rollups.Known], bool]
    ) -> bool:
        limit = self._at_once.get(name, FEWEST_AT_ONCE)
        gathered = await self._database.query(partial(gather, limit=limit))
        self._at_once[name] = max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, gathered.rows * (1 if gathered.full else 2)))
        if gathered.through == gathered.after:
            return False
        booked = False
        try:
            booked = await self._database.change(lambda writing: book(writing, gathered, self._known))
        finally:
            if not booked:
                self._known.forget()
        return gathered.more

    async def _list(self) -> bool:
        """Takes in a stretch of what was logged before there were lines of it."""
        listed = await self._database.query(stopped.unlisted)
        return listed is not None and await self._database.change(partial(stopped.enlist, listed=listed))

    async def rolled(self) -> Rolled:
        found = await self._database.query(_rolled)
        return structs.replace(found, failing=dict(self._failing))

    async def ever(self) -> Mapping[Table, Sequence[Ever]]:
        return await self._database.query(_ever)

    async def ask(self, question: Question) -> Answer:
        check(question)
        return await self._database.query(partial(answer, question=question))

    async def users(self) -> Sequence[str]:
        return await self._database.query(_users)

    async def sittings(self, *, since: int, until: int, user: str | None = None) -> Sequence[Sitting]:
        return await self._database.query(partial(_sittings, since=since, until=until, user=user))

    async def last_charged(self, users: Collection[str]) -> Mapping[str, int]:
        return await self._database.query(partial(_last_charged, users=tuple(users)))

    async def outstanding(self, *, since: int, until: int, among: Collection[str] | None, listed: int) -> Outstanding:
        return await self._database.query(partial(outstanding, since=since, until=until, among=among, listed=listed))

    async def stops(self, *, since: int, until: int, user: str | None = None, gateway: str | None = None) -> Stops:
        return await self._database.query(partial(stopped.stops, since=since, until=until, user=user, gateway=gateway))

    async def holes(self, since: int) -> Sequence[Hole]:
        return await self._database.query(partial(holes, since=since))

    async def retain(self, *, before: int | None, rows: int | None) -> int:
        return await self._database.change(partial(_retain, before=before, rows=rows))


def _ever(reading: Connection) -> Mapping[Table, Sequence[Ever]]:
    with reading:
        return {table: rollups.ever(reading, table) for table in MEASURES}


def _rolled(reading: Connection) -> Rolled:
    with reading:
        last = {
            table: int(reading.execute(f"SELECT coalesce(max(seq), 0) FROM {source}").get)
            for table, (source, _, _) in SOURCES.items()
        }
        through = {table: rollups.mark(reading, table) for table in MEASURES}
        full = rollups.full(reading)
    return Rolled(
        entries=through["spending"],
        entries_behind=last["spending"] - through["spending"],
        records=through["traffic"],
        records_behind=last["traffic"] - through["traffic"],
        full=full,
    )


def _users(reading: Connection) -> Sequence[str]:
    return [user for (user,) in reading.execute("SELECT DISTINCT user FROM contexts WHERE user IS NOT NULL ORDER BY 1")]


def _sittings(reading: Connection, since: int, until: int, user: str | None) -> Sequence[Sitting]:
    found = reading.execute(
        # The plus keeps the index of instants out of it: one user's sittings lie side by side in the table.
        "SELECT user, name, first_at, last_at, amount_nanodollars, entries FROM sittings "
        + (
            "WHERE user = ? AND +last_at >= ? AND +last_at < ?"
            if user is not None
            else "WHERE last_at >= ? AND last_at < ?"
        )
        + " ORDER BY last_at, user, name, first_at",
        (*([] if user is None else [user]), since, until),
    )
    return [
        Sitting(user=row[0], name=row[1], first_at=row[2], last_at=row[3], spent=row[4], entries=row[5])
        for row in found
    ]


def _last_charged(reading: Connection, users: Sequence[str]) -> Mapping[str, int]:
    if len(users) > LOOKED_UP_AT_MOST:
        # Going through all of them takes a tenth of a second for half a million; of each, another way to a server and back.
        rows = reading.execute("SELECT user, max(last_at) FROM sittings NOT INDEXED GROUP BY user")
        wanted = frozenset(users)
        return {user: last for user, last in rows if user in wanted}
    found: dict[str, int] = {}
    with reading:
        for user in users:
            last: int | None = reading.execute("SELECT max(last_at) FROM sittings WHERE user = ?", (user,)).get
            if last is not None:
                found[user] = last
    return found


def _retain(writing: Connection, before: int | None, rows: int | None) -> int:
    # Never beyond the mark, as rollups outlive what they were made of; never the newest, whose number would be given again.
    newest: int = writing.execute("SELECT coalesce(max(seq), 0) FROM records").get
    through = min(rollups.mark(writing, "traffic"), newest - 1)
    deleted = 0
    if before is not None:
        deleted += _delete(writing, _TOO_OLD, (before, through, _DELETED_AT_ONCE))
    if rows is not None:
        deleted += _delete(writing, _TOO_MANY, (min(through, newest - rows), _DELETED_AT_ONCE))
    return deleted


def _delete(writing: Connection, records: str, bindings: Sequence[int]) -> int:
    stopped.lose(writing, records.format("at"), bindings, oldest=True)
    stopped.drop(writing, records.format("at, seq"), bindings)
    before = writing.total_changes()
    writing.execute(f"DELETE FROM records WHERE seq IN ({records.format('seq')})", bindings)
    return writing.total_changes() - before
