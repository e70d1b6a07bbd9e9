"""Making rollups anew from the ledger, in the store of a gateway that is stopped."""

from pathlib import Path
from typing import Final

from tollway.storage.at_rest import at_rest
from tollway.storage.sql import meters, rollups
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.statements import SAVE_MARK

_AT_ONCE: Final = 5_000


def rebuild(place: Path | str) -> int:
    """Forgets what rollups say of money and adds the ledger up again; returns how many entries there are.

    One transaction: killed at any instant, or where it fails, it leaves the rollups as they were. What they say of the request
    log stays, as records may be gone. Raises StoreUnavailable.
    """
    with at_rest(place) as store, store.writing() as writing:
        return _rebuild(writing)


def _rebuild(writing: Connection) -> int:
    with writing:
        for table in ("spending", "sittings"):
            writing.execute(f"DELETE FROM {table}")
        writing.executemany(SAVE_MARK, [("spending", 0), (rollups.HALVED["spending"], 0)])
        meters.forget(writing)
        take_in(writing)
        return writing.execute("SELECT count(*) FROM entries").get


def take_in(writing: Connection) -> None:
    """Adds all entries that rollups and the sums of statements lack, in the transaction that is under way."""
    known = rollups.Known()
    more = True
    while more:
        gathered = rollups.gather(writing, "spending", _AT_ONCE)
        rollups.book(writing, gathered, known)
        more = gathered.more
    more = True
    while more:
        metered = meters.gather(writing, _AT_ONCE)
        meters.book(writing, metered, known)
        more = metered.more
