"""What the database knows of reservations and accounts that memory has let go of."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeVar

from tollway.money import LARGEST
from tollway.storage.books import Ended
from tollway.storage.counters import RELEASED, SETTLED
from tollway.storage.sql import statements
from tollway.storage.sql.driver import Connection

T = TypeVar("T")


class LookUp(Protocol):
    """Asks a reader of the database a question."""

    def __call__(self, question: Callable[[Connection], T], /) -> T: ...


def ended(reader: Connection, reservation_id: str) -> Ended | None:
    """How a reservation ended; `None` where the database knows of no end."""
    amounts: dict[str, int] = dict(reader.execute(statements.ENDING_ENTRIES, (reservation_id,)).fetchall())
    if amounts.keys() == {"presumed"}:
        return Ended("presumed", amounts["presumed"])
    # A correction alone ends nothing; one that amends a presumption has settled it.
    if amounts.keys() - {"correction"}:
        return SETTLED
    return RELEASED if reader.execute(statements.RELEASED, (reservation_id,)).fetchone() else None


def saved_balances(reader: Connection, account: str | None = None) -> Iterator[tuple[str, int, int, int]]:
    """The balances that were saved, of one account or of all: (account, bucket, nanodollars spent, the last entry in it).

    What 64 bits do not hold was saved as the most they do: of those, the entries are added up anew.
    """
    rows = (
        reader.execute(statements.ALL_BALANCES)
        if account is None
        else reader.execute(statements.ACCOUNT_BALANCES, (account,))
    )
    for name, bucket, spent, through in rows:
        if abs(spent) >= LARGEST:
            spent = sum(
                amount
                for place, seq, amount in reader.execute(statements.BOOKED_ON, (name,))
                if place == bucket and seq <= through
            )
        yield name, bucket, spent, through


class SqlPast:
    """`counters.Past`, answered on the loop: each a look-up by a unique key."""

    __slots__ = ("_ask",)

    def __init__(self, look_up: LookUp) -> None:
        """`look_up` is `Database.look_up`: it raises StoreUnavailable, and nothing has been changed by then."""
        self._ask = look_up

    def ended(self, reservation_id: str) -> Ended | None:
        return self._ask(lambda reader: ended(reader, reservation_id))

    def has_entry(self, entry_id: str) -> bool:
        return self._ask(lambda reader: reader.execute(statements.HAS_ENTRY, (entry_id,)).fetchone() is not None)

    def spent(self, account: str) -> Mapping[int, int]:
        return self._ask(lambda reader: {bucket: spent for _, bucket, spent, _ in saved_balances(reader, account)})
