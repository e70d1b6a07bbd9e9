"""Bodies of requests, kept beside the log and apart from the ledger: what may be lost first, and is bounded everywhere."""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from tollway.logs.bodies import About, Bodies, KeptBody, Part

MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes in memory at once: of answers that are being taken down, and of what waits for the disk."""


class BodyStore(Protocol):
    """Where bodies are kept, and what was done with those that could not be."""

    @property
    def dropped(self) -> int:
        """Requests whose bodies were to be kept and are not: there was no room in memory, or the disk did not take them."""
        ...

    @property
    def held(self) -> int:
        """Bytes in memory now."""
        ...

    def hold(self, size: int) -> bool:
        """Makes room in memory for so many bytes; `False` where there is none, and nothing changes."""
        ...

    def let_go(self, size: int) -> None:
        """Gives such room back."""
        ...

    def drop(self) -> None:
        """Counts a request whose bodies are not kept for want of room."""
        ...

    def keep(self, bodies: Bodies) -> None:
        """Queues bodies, for which there is room already (`hold`), and gives that back once they are written. Never waits."""
        ...

    async def parts(self, request_id: str) -> Sequence[About]:
        """What is kept of a request. Raises StoreUnavailable."""
        ...

    async def body(self, request_id: str, part: Part) -> KeptBody | None:
        """One of them. Raises StoreUnavailable."""
        ...

    async def delete(self, request_ids: Collection[str]) -> int:
        """Lets go of the bodies of these requests; of how many there were any. Raises StoreUnavailable."""
        ...

    async def retain(self, *, before: int | None, requests: int | None, limit_bytes: int | None) -> int:
        """Lets go of the oldest, one bounded step: of requests older than `before` (Unix milliseconds), beyond the newest so
        many, and beyond so many bytes on the disk. Of how many requests. Raises StoreUnavailable."""
        ...

    async def give_back(self) -> None:
        """Makes what is on the disk as small as what is kept. Raises StoreUnavailable."""
        ...

    async def flush(self) -> None:
        """Returns once all that was queued until now is written, or lost."""
        ...

    async def close(self) -> None: ...


class Room:
    """What bodies may hold of memory."""

    __slots__ = ("_most", "dropped", "held")

    def __init__(self, most: int = MOST_HELD) -> None:
        self._most = most
        self.held = 0
        self.dropped = 0

    def hold(self, size: int) -> bool:
        if self.held + size > self._most:
            return False
        self.held += size
        return True

    def let_go(self, size: int) -> None:
        self.held -= size
