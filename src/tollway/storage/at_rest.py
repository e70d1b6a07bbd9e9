"""The store of a gateway that is stopped: nobody writes to it, and none can open it meanwhile."""

from contextlib import AbstractContextManager
from pathlib import Path

from tollway.storage.home import check_here
from tollway.storage.opening import of_postgres
from tollway.storage.sql.database import AtRest
from tollway.storage.sqlite import at_rest as sqlite


def at_rest(place: Path | str) -> AbstractContextManager[AtRest]:
    """The store in a data folder, or at the URL of a PostgreSQL database.

    Raises StoreUnavailable where there is none, where another process has it, or where it cannot be used.
    """
    if isinstance(place, Path):
        check_here(place)
        return sqlite.at_rest(place)
    return of_postgres("at_rest").at_rest(place)
