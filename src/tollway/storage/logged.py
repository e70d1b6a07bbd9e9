"""What else is done with the request log: remarks beside it, what is newer than a request, taking requests out of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from tollway.logs.record import LogRecord
from tollway.logs.remark import Patch, Remark
from tollway.storage.protocol import Filter


class Tail(msgspec.Struct, frozen=True):
    """Requests that were logged after another one, the oldest first."""

    items: Sequence[LogRecord]
    after: str | None
    """The id behind which to go on, also where what is newer is not meant; `None` where nothing is newer."""


class Picked(msgspec.Struct, frozen=True):
    """Requests that a filter means, by their numbers and ids."""

    rows: Sequence[tuple[int, str]]
    next: str | None
    """Where to go on; `None` at the end."""


class Logged(Protocol):
    """The log beside `protocol.Records`."""

    async def remark(
        self, patch: Patch, *, request_id: str, recorded_at: int, at: int, by: str
    ) -> tuple[Remark | None, Remark]:
        """Changes what is said of a request; how it was, and how it is. Durable when it returns. Raises StoreUnavailable."""
        ...

    async def remarks(self, request_ids: Collection[str]) -> Mapping[str, Remark]:
        """What is said of these requests, of those of which something is."""
        ...

    async def tail(self, where: Filter, *, after: str, limit: int, only: str | None = None) -> Tail | None:
        """What was logged after the request `after`, which may be long after it arrived: in the order of the log, a bounded
        stretch of it. `None` where that request is not in the log. Raises ValueError as `Records.records` does.

        With `only`, of that user's requests alone: those of others are not in the log, as far as the answer tells."""
        ...

    async def pick(self, where: Filter, *, limit: int, cursor: str | None) -> Picked:
        """Requests to be taken out: a page of them, which may be short, as `Records.records` gives them."""
        ...

    async def erase(self, rows: Sequence[tuple[int, str]]) -> int:
        """Takes requests out of the log, one bounded step for `pick`'s page of 100: how many. Never one that rollups lack,
        nor the newest, whose number would be given again. What the ledger has of them stays. Raises StoreUnavailable."""
        ...

    async def oldest(self) -> int | None:
        """When the oldest request of the log arrived (Unix milliseconds); `None` where there is none."""
        ...

    async def forget(self, before: int) -> int:
        """Lets go of remarks on requests that arrived before then, one bounded step: how many. Raises StoreUnavailable."""
        ...
