"""Administrators that are known here alone, by a password: for the first day, and for the day the identity provider is down."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import msgspec

from tollway.admin.problem import Problem
from tollway.identity.names import same
from tollway.identity.roles import Role
from tollway.storage.protocol import Cabinet, Kept

DRAWER = "user"
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1_024
"""Characters: hashing costs with the length, and anybody may send one."""
MOST_WAITING = 8
"""Who wait for their password to be looked at, behind the one whose is."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


class LocalUser(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator of this gateway alone."""

    name: str
    password: str
    """Argon2id, with its parameters and its salt."""
    roles: tuple[Role, ...]
    created_at: int
    by: str
    enabled: bool = True

    def __repr__(self) -> str:
        return f"LocalUser({self.name!r}, …)"


class LocalUsers:
    """One for a process. Its methods raise StoreUnavailable."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        # Argon2 takes 64 MiB and 50 ms: whoever guesses in parallel waits in a row.
        self._one_at_a_time = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._signing_in = 0

    async def all(self, now: int) -> list[LocalUser]:
        return [_read(kept) for kept in await self._cabinet.all(DRAWER, now)]

    async def get(self, name: str, now: int) -> LocalUser | None:
        kept = await self._cabinet.get(DRAWER, same(name), now)
        return _read(kept) if kept is not None else None

    async def swap(self, user: LocalUser, before: LocalUser | None, now: int) -> bool:
        """Keeps a user in the place of what was read (`None`: of nobody); whether nobody came between."""
        old = msgspec.json.encode(before) if before is not None else None
        kept = Kept(drawer=DRAWER, id=same(user.name), record=msgspec.json.encode(user), at=now)
        return await self._cabinet.swap(kept, old)

    async def remove(self, name: str, now: int) -> LocalUser | None:
        kept = await self._cabinet.take(DRAWER, same(name), now)
        return _read(kept) if kept is not None else None

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """The turn of somebody who signs in. Raises Problem where too many wait for theirs, before anything is hashed."""
        if self._signing_in > MOST_WAITING:
            raise Problem(
                503,
                "overloaded",
                "Too many are signing in with a password now. Try again in a second.",
                retry_after_s=1,
            )
        self._signing_in += 1
        try:
            async with self._turn:
                yield
        finally:
            self._signing_in -= 1

    async def hashed(self, password: str) -> str:
        async with self._one_at_a_time:
            return await asyncio.to_thread(_hash, password)

    async def verified(self, name: str, password: str, now: int) -> LocalUser | None:
        """The user whose password that is. A name that nobody has takes as long as one that somebody has."""
        if len(password) > LONGEST_PASSWORD or not NAME.fullmatch(name):
            return None
        user = await self.get(name, now)
        async with self._one_at_a_time:
            right = await asyncio.to_thread(_matches, user.password if user is not None else None, password)
        if user is None or not right or not user.enabled:
            return None
        if _hasher().check_needs_rehash(user.password):
            fresh = msgspec.structs.replace(user, password=await self.hashed(password))
            # Whoever was changed or taken out meanwhile is not to come back as they were.
            return fresh if await self.swap(fresh, user, now) else None
        return user


def _hash(password: str) -> str:
    return str(_hasher().hash(password))


def _matches(hashed: str | None, password: str) -> bool:
    """`hashed`: `None` where nobody has the name, which takes as long."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return bool(_hasher().verify(hashed if hashed is not None else _nobodys(), password)) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> Any:
    # Imported when somebody signs in: most never do here.
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hash("nobody has this password")


def _read(kept: Kept) -> LocalUser:
    return msgspec.json.decode(kept.record, type=LocalUser)
