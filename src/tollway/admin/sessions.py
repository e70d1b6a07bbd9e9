"""Who is signed in: sessions on the server, known by a random token that the browser keeps in a cookie.

The token is kept as a keyed hash. A session ends when it is idle for too long, when its time is over, when it is ended, and
whenever its person signs in again: of one browser's sessions the older never lives on. What ends, ends in memory first;
where that cannot be written it is tried again until it is.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from tollway.admin.problem import Problem
from tollway.errors import StoreUnavailable
from tollway.identity.grants import proven_now
from tollway.identity.identity import Identity
from tollway.identity.issuer import Trusted
from tollway.identity.keys import digest
from tollway.identity.login import Login
from tollway.identity.names import as_audited, same
from tollway.identity.roles import Administration, Principal, Role
from tollway.storage.protocol import Cabinet, Kept

log = logging.getLogger("tollway.admin")

DRAWER = "session"
SEEN_EVERY_MS = 60_000
"""How exactly it is kept when a session was last seen; what a crash forgets ends it that much sooner."""
AGAIN_S = 1.0
"""Between two tries to write down what has ended."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signed in."""

    id: str
    """The keyed hash of its token."""
    user: str
    groups: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    """Of a local administrator; of anybody else they follow from the settings in force."""
    issuer: str | None = None
    """Where they signed in; `None` of a local administrator."""
    identity: Identity | None = None
    """All that was proven of them there."""
    created_at: int
    """Unix milliseconds."""
    seen_at: int
    ends_at: int
    """Whatever is seen of it."""


class _Ending(NamedTuple):
    """A session that opens nothing any more, which the store may not know yet."""

    session: Session
    by: str | None


Late = Callable[[Session, str], Awaitable[object]]
"""Is told of a session whose end was answered as not kept, and is kept now, and who ended it."""


class Sessions:
    """One for a process. Its methods raise StoreUnavailable, those that end something a Problem that says what holds."""

    def __init__(
        self,
        cabinet: Cabinet,
        pepper: Callable[[], bytes],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        *,
        late: Late | None = None,
        again_s: float = AGAIN_S,
    ) -> None:
        self._cabinet = cabinet
        self._pepper = pepper
        self._random_bytes = random_bytes
        self._sessions: dict[str, Session] | None = None
        self._lock = asyncio.Lock()
        self._late = late
        self._again_s = again_s
        self._ending: dict[str, _Ending] = {}
        self._again: asyncio.Task[None] | None = None

    async def start(
        self,
        user: str,
        administration: Administration,
        now: int,
        *,
        groups: tuple[str, ...] = (),
        roles: tuple[Role, ...] = (),
        issuer: str | None = None,
        identity: Identity | None = None,
        instead_of: str | None = None,
    ) -> tuple[Session, str]:
        """A new session, and its token, which is told once. `instead_of`: the token that the browser had until now."""
        known = await self._known(now)
        if instead_of is not None:
            await self.end(self._id(instead_of), now)
        token = self._random_bytes(32).hex()
        session = Session(
            id=self._id(token),
            user=user,
            groups=groups,
            roles=roles,
            issuer=issuer,
            identity=identity,
            created_at=now,
            seen_at=now,
            ends_at=now + administration.session_s * 1000,
        )
        await self._keep(session, administration)
        known[session.id] = session
        return session, token

    async def find(self, token: str, administration: Administration, now: int) -> Session | None:
        """The session of a token, which is seen by that; `None` where there is none, or it has ended."""
        known = await self._known(now)
        found = known.get(self._id(token))
        if found is None:
            return None
        if now >= self._over_at(found, administration):
            # Its time is over by what is kept, too: whether that can be taken out now matters to nobody.
            known.pop(found.id, None)
            self._ending[found.id] = _Ending(found, None)
            await self.write_ended(now)
            return None
        if now > found.seen_at:
            seen = msgspec.structs.replace(found, seen_at=now)
            known[found.id] = seen
            if now - found.seen_at >= SEEN_EVERY_MS or now // SEEN_EVERY_MS != found.seen_at // SEEN_EVERY_MS:
                # What cannot be kept of it ends it sooner; whoever is to mend the store has to get in meanwhile.
                with suppress(StoreUnavailable):
                    await self._keep(seen, administration)
            return seen
        return found

    async def end(self, session_id: str, now: int, *, by: str | None = None) -> Session | None:
        """Ends a session at once; the one it was. Raises Problem where that cannot be kept, also when asked again."""
        known = await self._known(now)
        ended = await self._end([session_id] if session_id in known or session_id in self._ending else [], now, by)
        return ended[0] if ended else None

    async def end_token(self, token: str, now: int) -> Session | None:
        """Ends the session of a token, also one that is not found any more because its end could not be kept."""
        session_id = self._id(token)
        held = (await self._known(now)).get(session_id) or self._ending.get(session_id)
        who = held.session.user if isinstance(held, _Ending) else held.user if held is not None else None
        return await self.end(session_id, now, by=as_audited(who) if who is not None else None)

    async def end_of(self, user: str, now: int, *, by: str | None = None) -> int:
        """Ends every session of a user; how many. Raises Problem where that cannot be kept, also when asked again."""
        known = await self._known(now)
        there = (*known.values(), *(each.session for each in self._ending.values()))
        return len(await self._end([each.id for each in there if same(each.user) == same(user)], now, by))

    async def write_ended(self, now: int) -> bool:
        """Writes down what has ended and could not be kept; whether nothing is left. Tried again by itself until then."""
        for session_id in list(self._ending):
            try:
                ending = await self._written(session_id, now)
            except StoreUnavailable as error:
                self._try_again(now, error)
                return False
            if ending is not None and ending.by is not None and self._late is not None:
                await self._late(ending.session, ending.by)
        return not self._ending

    async def _end(self, ids: list[str], now: int, by: str | None) -> list[Session]:
        known = await self._known(now)
        for session_id in ids:
            # All of them before anything is waited for.
            gone = known.pop(session_id, None)
            if gone is not None:
                self._ending[session_id] = _Ending(gone, by)
        ended: list[Session] = []
        try:
            for session_id in ids:
                ending = await self._written(session_id, now)
                if ending is not None:
                    ended.append(ending.session)
        except StoreUnavailable as error:
            self._try_again(now, error)
            raise _not_kept(len(ids)) from None
        return ended

    async def _written(self, session_id: str, now: int) -> _Ending | None:
        """Takes a session that has ended out of the store; `None` where another did so first."""
        await self._cabinet.take(DRAWER, session_id, now)
        return self._ending.pop(session_id, None)

    def _try_again(self, now: int, error: StoreUnavailable) -> None:
        async def trying() -> None:
            while True:
                await asyncio.sleep(self._again_s)
                if await self.write_ended(now):
                    return

        if self._again is None or self._again.done():
            log.error("that a session has ended could not be written, and is tried again: %s", error)
            self._again = asyncio.get_running_loop().create_task(trying())

    async def all(self, administration: Administration, now: int) -> list[Session]:
        """Those that have not ended, the newest first."""
        known = await self._known(now)
        there = [each for each in known.values() if now < self._over_at(each, administration)]
        return sorted(there, key=lambda each: (-each.created_at, each.id))

    def csrf_of(self, session: Session) -> str:
        """What a page of ours sends along with every change, and a page of somebody else's cannot know."""
        return hmac.digest(self._pepper(), b"csrf\0" + session.id.encode(), hashlib.sha256).hex()

    async def _known(self, now: int) -> dict[str, Session]:
        if self._sessions is None:
            async with self._lock:
                if self._sessions is None:
                    kept = await self._cabinet.all(DRAWER, now)
                    self._sessions = {each.id: msgspec.json.decode(each.record, type=Session) for each in kept}
        return self._sessions

    async def _keep(self, session: Session, administration: Administration) -> None:
        over_at = self._over_at(session, administration)
        await self._cabinet.put(
            Kept(
                drawer=DRAWER,
                id=session.id,
                record=msgspec.json.encode(session),
                at=session.seen_at,
                # It may be a minute more alive than it is kept.
                expires_at=over_at + SEEN_EVERY_MS,
            )
        )

    def _over_at(self, session: Session, administration: Administration) -> int:
        longest = session.created_at + administration.session_s * 1000
        return min(session.ends_at, longest, session.seen_at + administration.session_idle_s * 1000)

    def _id(self, token: str) -> str:
        return digest(token, self._pepper()).hex()


def _not_kept(sessions: int) -> Problem:
    what, have = ("The session", "has") if sessions == 1 else (f"{sessions} sessions", "have")
    return Problem(
        503,
        "store_unavailable",
        f"{what} {have} ended and open{'s' if sessions == 1 else ''} nothing now, but that could not be kept and will not "
        "outlast a restart. It is tried until it can be; ask again shortly to know.",
    )


def principal_of(session: Session, administration: Administration, login: Login | None, issuers: Trusted) -> Principal:
    """Who asks with a session: their roles, and what is proven of them, are by the settings in force now."""
    held = administration.roles_of(session.user, session.groups) if session.issuer is not None else frozenset[Role]()
    return Principal(
        name=as_audited(session.user),
        roles=held | frozenset(session.roles),
        user=session.user if session.issuer is not None else None,
        groups=session.groups,
        by="session",
        session=session.id,
        identity=proven_now(session.identity, login, issuers) if session.identity is not None else None,
    )
