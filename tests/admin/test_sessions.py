"""A session lives as long as it may, and not a moment longer."""

import asyncio
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.admin.problem import Problem
from tollway.admin.sessions import DRAWER, Session, Sessions, principal_of
from tollway.errors import StoreUnavailable
from tollway.identity.identity import Identity
from tollway.identity.issuer import Issuer, Trusted
from tollway.identity.login import Login
from tollway.identity.person import Person
from tollway.identity.roles import Administration, Holders
from tollway.storage.conformance.values import NOW
from tollway.storage.memory import MemoryCabinet

RULES = Administration(holders={"finance": Holders(groups=frozenset({"finance"}))}, session_idle_s=600, session_s=3_600)


def sessions(cabinet: MemoryCabinet) -> Sessions:
    return Sessions(cabinet, lambda: b"pepper", random.Random(1).randbytes)


async def test_a_session_ends_when_it_is_idle_and_when_its_time_is_over() -> None:
    there = sessions(MemoryCabinet())
    _, token = await there.start("ada", RULES, NOW)
    at = NOW
    while at + 500_000 < NOW + 3_600_000:
        at += 500_000
        assert await there.find(token, RULES, at) is not None
    assert await there.find(token, RULES, NOW + 3_600_000) is None
    _, idle = await there.start("ada", RULES, NOW)
    assert await there.find(idle, RULES, NOW + 599_999) is not None
    assert await there.find(idle, RULES, NOW + 599_999 + 600_000) is None
    # What has ended does not come back with the clock.
    assert await there.find(idle, RULES, NOW) is None


async def test_a_shorter_time_in_the_settings_holds_for_those_who_are_signed_in() -> None:
    there = sessions(MemoryCabinet())
    _, token = await there.start("ada", RULES, NOW)
    assert await there.find(token, msgspec.structs.replace(RULES, session_s=60), NOW + 60_000) is None


async def test_a_session_outlives_the_process_and_its_token_is_not_kept() -> None:
    cabinet = MemoryCabinet()
    made, token = await sessions(cabinet).start("ada", RULES, NOW, groups=("finance",), issuer="https://idp")
    found = await sessions(cabinet).find(token, RULES, NOW)
    assert found == made
    (kept,) = await cabinet.all(DRAWER, NOW)
    assert token.encode() not in kept.record and token not in kept.id
    assert await Sessions(cabinet, lambda: b"another").find(token, RULES, NOW) is None


async def test_that_it_was_seen_is_kept_once_a_minute() -> None:
    cabinet = MemoryCabinet()
    there = sessions(cabinet)
    _, token = await there.start("ada", RULES, NOW)
    for at in range(NOW, NOW + 500_000, 1_000):
        await there.find(token, RULES, at)
    (kept,) = await cabinet.all(DRAWER, NOW + 400_000)
    assert NOW + 499_000 - kept.at <= 60_000
    # A crash may end it a minute early, never late.
    assert await sessions(cabinet).find(token, RULES, NOW + 499_000 + 600_000) is None


async def test_signing_in_again_ends_what_the_browser_had() -> None:
    there = sessions(MemoryCabinet())
    _, first = await there.start("mallory", RULES, NOW)
    _, second = await there.start("ada", RULES, NOW, instead_of=first)
    assert first != second
    assert await there.find(first, RULES, NOW) is None
    found = await there.find(second, RULES, NOW)
    assert found is not None and found.user == "ada"


async def test_all_sessions_of_a_user_can_be_ended() -> None:
    there = sessions(MemoryCabinet())
    tokens = [(await there.start(user, RULES, NOW + n))[1] for n, user in enumerate(("ada", "Ada", "bob"))]
    assert [each.user for each in await there.all(RULES, NOW + 3)] == ["bob", "Ada", "ada"]
    assert await there.end_of("ADA", NOW) == 2
    assert await there.end_of("\uff22ob", NOW) == 0
    _, kate = await there.start("kate", RULES, NOW + 3)
    assert await there.end_of("\u212aate", NOW) == 0 and await there.find(kate, RULES, NOW + 3) is not None
    assert [await there.find(token, RULES, NOW + 3) is not None for token in tokens] == [False, False, True]


class Broken(MemoryCabinet):
    """One that cannot be written while `away`."""

    away = False

    async def put(self, *kept: Any) -> None:
        if self.away:
            raise StoreUnavailable("away")
        await super().put(*kept)

    async def take(self, drawer: str, name: str, now: int) -> Any:
        if self.away:
            raise StoreUnavailable("away")
        return await super().take(drawer, name, now)


async def ends(there: Sessions, way: str, token: str, session_id: str) -> int:
    """How many sessions one of the ways ended."""
    match way:
        case "of":
            return await there.end_of("ADA", NOW)
        case "id":
            return int(await there.end(session_id, NOW) is not None)
        case _:
            return int(await there.end_token(token, NOW) is not None)


@pytest.mark.parametrize("way", ["of", "id", "token"])
async def test_an_end_that_cannot_be_kept_holds_at_once_and_is_told_as_it_is(way: str) -> None:
    cabinet = Broken()
    there = Sessions(cabinet, lambda: b"pepper", again_s=3_600)
    session, token = await there.start("ada", RULES, NOW)
    cabinet.away = True
    for _ in range(3):
        with pytest.raises(Problem, match="will not outlast a restart") as told:
            await ends(there, way, token, session.id)
        assert (told.value.status, told.value.code) == (503, "store_unavailable")
        assert await there.find(token, RULES, NOW) is None
        assert await there.all(RULES, NOW) == []
    assert await sessions(cabinet).find(token, RULES, NOW) is not None, "which is what was said"
    cabinet.away = False
    assert await ends(there, way, token, session.id) == 1
    assert await ends(there, way, token, session.id) == 0
    assert await sessions(cabinet).find(token, RULES, NOW) is None


async def test_all_of_them_end_before_the_first_is_written() -> None:
    cabinet = Broken()
    there = Sessions(cabinet, lambda: b"pepper", again_s=3_600)
    tokens = [(await there.start("ada", RULES, NOW))[1] for _ in range(3)]
    cabinet.away = True
    with pytest.raises(Problem, match="3 sessions have ended"):
        await there.end_of("ada", NOW)
    assert [await there.find(token, RULES, NOW) for token in tokens] == [None] * 3


async def test_an_end_that_could_not_be_kept_is_tried_until_it_is_and_then_told_to_the_audit_log() -> None:
    cabinet, told, written = Broken(), list[tuple[str, str]](), asyncio.Event()

    async def late(session: Session, by: str) -> None:
        told.append((session.user, by))
        written.set()

    there = Sessions(cabinet, lambda: b"pepper", late=late, again_s=0)
    _, token = await there.start("ada", RULES, NOW)
    cabinet.away = True
    with pytest.raises(Problem):
        await there.end_of("ada", NOW, by="root")
    assert not await there.write_ended(NOW) and told == []
    cabinet.away = False
    await asyncio.wait_for(written.wait(), 5)
    assert told == [("ada", "root")] and await there.write_ended(NOW)
    assert await sessions(cabinet).find(token, RULES, NOW) is None
    assert await there.end_of("ada", NOW) == 0


async def test_whoever_is_signed_in_stays_so_while_it_cannot_be_kept_that_they_were_seen() -> None:
    cabinet = Broken()
    there = sessions(cabinet)
    _, token = await there.start("ada", RULES, NOW)
    cabinet.away = True
    assert await there.find(token, RULES, NOW + 120_000) is not None
    assert await there.find(token, RULES, NOW + 120_000 + 600_000) is None


IDP = "https://idp"
LOGIN = Login(issuer="company")


def trusted(**fields: Any) -> Trusted:
    asked: dict[str, Any] = {"audiences": ("x",), "algorithms": frozenset(), "token_types": frozenset()}
    return Trusted([Issuer(name="company", issuer=IDP, **asked, **fields)])


async def test_all_that_was_proven_of_somebody_is_kept_with_the_session() -> None:
    cabinet = MemoryCabinet()
    person = Person(issuer="https://idp", subject="a", claims={"department": ["rd"]})
    identity = Identity(
        kind="user", user="ada", groups=("eng",), gateways=("lab",), metadata={"department": "rd"}, priority="batch",
        proven_only=frozenset({"department"}), person=person, source="token",
    )  # fmt: skip
    started = {"groups": ("eng",), "issuer": "https://idp", "identity": identity}
    _, token = await sessions(cabinet).start("ada", RULES, NOW, **started)
    found = await sessions(cabinet).find(token, RULES, NOW)
    assert found is not None and principal_of(found, RULES, LOGIN, trusted(priority="batch")).identity == identity


async def test_roles_follow_the_settings_in_force_and_a_local_administrators_are_their_own() -> None:
    there = sessions(MemoryCabinet())
    person, _ = await there.start("ada", RULES, NOW, groups=("finance",), issuer="https://idp")
    local, _ = await there.start("root", RULES, NOW, groups=("finance",), roles=("admin",))
    assert (
        principal_of(person, RULES, LOGIN, trusted()).roles == {"finance"}
        and principal_of(person, Administration(), LOGIN, trusted()).roles == frozenset()
    )
    assert (
        principal_of(local, RULES, LOGIN, trusted()).roles == {"admin"}
        and principal_of(local, RULES, LOGIN, trusted()).user is None
    )
    assert principal_of(person, RULES, LOGIN, trusted()).user == "ada"


async def test_what_a_page_sends_along_is_the_sessions_own() -> None:
    there = sessions(MemoryCabinet())
    one, _ = await there.start("ada", RULES, NOW)
    two, _ = await there.start("ada", RULES, NOW)
    assert there.csrf_of(one) != there.csrf_of(two) and one.id not in there.csrf_of(one)


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "é" * 32])
async def test_a_token_that_was_made_up_is_nobodys(token: str) -> None:
    there = sessions(MemoryCabinet())
    await there.start("ada", RULES, NOW)
    assert await there.find(token, RULES, NOW) is None


@given(st.lists(st.integers(0, 900_000), max_size=12))
def test_no_order_of_visits_keeps_a_session_past_its_end(steps: list[int]) -> None:
    async def visits() -> None:
        there = sessions(MemoryCabinet())
        _, token = await there.start("ada", RULES, NOW)
        at, seen, alive = NOW, NOW, True
        for step in steps:
            at += step
            alive = alive and at < min(seen + 600_000, NOW + 3_600_000)
            assert (await there.find(token, RULES, at) is not None) == alive
            seen = at if alive else seen

    asyncio.run(visits())


async def test_what_a_session_proves_is_by_the_settings_of_now() -> None:
    identity = Identity(kind="user", user="ada", priority="production", person=Person(issuer=IDP, subject="a"))
    started, _ = await sessions(MemoryCabinet()).start("ada", RULES, NOW, issuer=IDP, identity=identity)
    login = Login(issuer="company", gateways=("lab", "prod"))
    proven = principal_of(started, RULES, login, trusted(gateways=("lab",), priority="batch")).identity
    assert proven is not None and (proven.gateways, proven.priority) == (("lab",), "batch")
    for settings in ((None, trusted()), (login, trusted(gateways=("other",))), (login, trusted(enabled=False))):
        asker = principal_of(started, RULES, *settings)
        assert (asker.name, asker.identity) == ("ada", None), "who may use nothing has no key made"


async def test_somebody_who_is_called_like_the_administrators_token_is_told_apart() -> None:
    for name in ("admin", "FILE", "gateway"):
        started, _ = await sessions(MemoryCabinet()).start(name, RULES, NOW, issuer=IDP)
        asker = principal_of(started, RULES, LOGIN, trusted())
        assert (asker.name, asker.user) == (f'user "{name}"', name)
