"""Tokens of people who signed in, over the cabinet in memory."""

import asyncio
import os
from typing import Any

import msgspec
import pytest

from tollway.errors import StoreUnavailable
from tollway.identity.grants import AGAIN_MS, MOST_ACCESS, SignedIn
from tollway.identity.identity import Identity
from tollway.identity.issued import Issued
from tollway.identity.keys import digest
from tollway.identity.login import Login
from tollway.identity.person import Person
from tollway.storage.memory.cabinet import MemoryCabinet
from tollway.workers.granted import Granted, NotGranted, Renewed, Unproven
from tollway.workers.tokens import DRAWER, Tokens

PEPPER = b"p" * 32
START = 1_800_000_000_000
LOGIN = Login(issuer="company", access_token_ms=600_000, refresh_token_ms=86_400_000)
ALICE = Identity(
    kind="user", user="alice@example.com", groups=("eng",), person=Person(issuer="https://i.example", subject="a1")
)
SIGNED_IN = SignedIn(identity=ALICE)


class World:
    """Tokens, and a clock to turn."""

    def __init__(self, cabinet: MemoryCabinet | None = None) -> None:
        self.cabinet = cabinet or MemoryCabinet()
        self.issued = Issued()
        self.now = START
        self.tokens = Tokens(self.cabinet, self.issued, PEPPER, lambda: self.now, os.urandom)

    async def begin(
        self, upstream: str | None = None, client_id: str | None = "tollway", login: Login = LOGIN
    ) -> Granted:
        return await self.tokens.begin(SIGNED_IN, upstream, login, client_id, "Tollway command line")

    async def refresh(self, token: str, client_id: str | None = "tollway", renew: Any = None) -> Granted | NotGranted:
        return await self.tokens.refresh(token, client_id, LOGIN, renew or never)

    def opens(self, token: str) -> bool:
        key = self.issued.get(digest(token, PEPPER))
        return key is not None and key.expires_at is not None and key.expires_at > self.now


async def never(identity: Identity, upstream: str) -> Renewed | NotGranted:
    raise AssertionError("there is nothing to ask the identity provider with")


async def test_who_signed_in_is_let_in_for_as_long_as_the_token_is_good() -> None:
    world = World()
    granted = await world.begin()
    key = world.issued.get(digest(granted.access_token, PEPPER))
    assert key is not None
    assert (key.user, key.groups, key.expires_at) == ("alice@example.com", ("eng",), START + 600_000)
    assert world.opens(granted.access_token)
    world.now += 600_000
    assert not world.opens(granted.access_token)
    world.tokens.follow()
    assert len(world.issued) == 0


async def test_what_is_kept_has_no_token_in_it() -> None:
    world = World()
    granted = await world.begin("upstream-canary")
    granted_again = await world.refresh(granted.refresh_token, renew=lambda *_: _renewed("upstream-canary-2"))
    assert isinstance(granted_again, Granted)
    kept = b"".join(each.record for each in await world.cabinet.all(DRAWER, world.now))
    for secret in (granted.access_token, granted.refresh_token, granted_again.refresh_token, "upstream-canary"):
        assert secret.encode() not in kept
        assert secret[4:26].encode() not in kept
    assert granted.access_token not in repr(granted)


async def _renewed(upstream: str, groups: tuple[str, ...] = ("eng", "new")) -> Renewed:
    return Renewed(Identity(kind="user", user="alice@example.com", groups=groups, person=ALICE.person), upstream)


async def test_a_restart_keeps_everybody_signed_in() -> None:
    before = World()
    granted = await before.begin()
    after = World(before.cabinet)
    assert await after.tokens.load() == 1
    assert after.opens(granted.access_token)
    assert isinstance(await after.refresh(granted.refresh_token), Granted)


async def test_refreshing_gives_new_tokens_and_the_old_access_token_is_good_until_its_end() -> None:
    world = World()
    first = await world.begin()
    world.now += 1_000
    second = await world.refresh(first.refresh_token)
    assert isinstance(second, Granted)
    assert {first.access_token, first.refresh_token}.isdisjoint({second.access_token, second.refresh_token})
    assert world.opens(first.access_token)
    assert world.opens(second.access_token)


async def test_a_refresh_token_that_comes_again_at_once_is_answered_as_before() -> None:
    world = World()
    first = await world.begin()
    answers = await asyncio.gather(*(world.refresh(first.refresh_token) for _ in range(5)))
    assert all(isinstance(each, Granted) for each in answers)
    assert len({(each.access_token, each.refresh_token) for each in answers if isinstance(each, Granted)}) == 1
    assert not world.tokens._turns, "whoever had a turn has left"


async def test_a_refresh_token_that_comes_again_later_ends_the_whole_family() -> None:
    world = World()
    first = await world.begin()
    second = await world.refresh(first.refresh_token)
    assert isinstance(second, Granted)
    other = await world.begin()
    world.now += AGAIN_MS
    answer = await world.refresh(first.refresh_token)
    assert isinstance(answer, NotGranted)
    assert answer.error == "invalid_grant"
    assert not world.opens(first.access_token)
    assert not world.opens(second.access_token)
    assert isinstance(await world.refresh(second.refresh_token), NotGranted)
    assert world.opens(other.access_token), "another login of the same person stands"


@pytest.mark.parametrize("token", ["", "twr_x", "twa_" + "0" * 49, "twr_" + "0" * 71])
async def test_what_is_no_refresh_token_ends_nothing(token: str) -> None:
    world = World()
    first = await world.begin()
    assert isinstance(await world.refresh(token), NotGranted)
    assert isinstance(await world.refresh(first.refresh_token, client_id="another"), NotGranted)
    assert isinstance(await world.refresh(first.refresh_token), Granted)


async def test_a_login_ends_however_often_it_was_refreshed() -> None:
    world = World()
    granted: Granted | NotGranted = await world.begin()
    while world.now < START + LOGIN.refresh_token_ms - 3_600_000:
        world.now += 3_600_000
        assert isinstance(granted, Granted)
        granted = await world.refresh(granted.refresh_token)
    assert isinstance(granted, Granted)
    assert len(world.issued) <= MOST_ACCESS
    world.now = START + LOGIN.refresh_token_ms
    assert isinstance(await world.refresh(granted.refresh_token), NotGranted)


async def test_groups_are_asked_for_anew_where_the_identity_provider_gave_a_refresh_token() -> None:
    world = World()
    asked: list[str] = []

    async def renew(identity: Identity, upstream: str) -> Renewed:
        asked.append(upstream)
        return await _renewed(f"{upstream}+")

    first = await world.begin("up")
    second = await world.refresh(first.refresh_token, renew=renew)
    assert isinstance(second, Granted)
    assert second.identity.groups == ("eng", "new")
    for token in (first.access_token, second.access_token):
        key = world.issued.get(digest(token, PEPPER))
        assert key is not None
        assert key.groups == ("eng", "new"), "an older token stands for the same person"
    assert isinstance(await world.refresh(second.refresh_token, renew=renew), Granted)
    assert asked == ["up", "up+"]


async def test_who_is_no_longer_welcome_at_the_identity_provider_is_signed_out() -> None:
    world = World()

    async def gone(identity: Identity, upstream: str) -> NotGranted:
        return NotGranted("invalid_grant", "gone")

    first = await world.begin("up")
    assert await world.refresh(first.refresh_token, renew=gone) == NotGranted(
        "invalid_grant", "gone", "alice@example.com"
    )
    assert not world.opens(first.access_token)


async def test_an_identity_provider_that_does_not_answer_ends_nothing_and_gives_nothing() -> None:
    world = World()

    async def away(identity: Identity, upstream: str) -> NotGranted:
        return NotGranted("temporarily_unavailable", "away")

    first = await world.begin("up")
    assert await world.refresh(first.refresh_token, renew=away) == NotGranted("temporarily_unavailable", "away")
    assert world.opens(first.access_token)
    assert isinstance(await world.refresh(first.refresh_token, renew=lambda *_: _renewed("up2")), Granted)


async def test_a_revoked_access_token_ends_alone_and_a_refresh_token_takes_all_along() -> None:
    world = World()
    first = await world.begin()
    second = await world.refresh(first.refresh_token)
    assert isinstance(second, Granted)
    assert await world.tokens.revoke(first.access_token) is None
    assert not world.opens(first.access_token)
    again = World(world.cabinet)
    await again.tokens.load()
    assert not again.opens(first.access_token), "also after a restart"
    assert again.opens(second.access_token)
    ended = await world.tokens.revoke(second.refresh_token)
    assert ended is not None
    assert not world.opens(second.access_token)
    assert isinstance(await world.refresh(second.refresh_token), NotGranted)
    assert await world.tokens.revoke("nonsense") is None


async def test_a_store_that_is_away_gives_nothing_out() -> None:
    class Away(MemoryCabinet):
        async def put(self, *kept: Any) -> None:
            raise StoreUnavailable("away")

        async def swap(self, kept: Any, before: bytes | None) -> bool:
            raise StoreUnavailable("away")

    world = World()
    first = await world.begin()
    away = Away()
    away._kept = world.cabinet._kept
    cut_off = World(away)
    with pytest.raises(StoreUnavailable):
        await cut_off.begin()
    with pytest.raises(StoreUnavailable):
        await cut_off.refresh(first.refresh_token)
    assert len(cut_off.issued) == 0


async def test_an_answer_that_proves_nothing_ends_no_login_and_its_next_upstream_token_is_kept() -> None:
    world = World()
    first = await world.begin("upstream-1")

    async def unproven(_: Identity, upstream: str) -> Unproven:
        assert upstream == "upstream-1"
        return Unproven("its clock is wrong", "upstream-2")

    answer = await world.refresh(first.refresh_token, renew=unproven)
    assert answer == NotGranted("temporarily_unavailable", "its clock is wrong")
    assert world.opens(first.access_token)
    assert "upstream-2" not in repr(Unproven("x", "upstream-2"))
    seen: list[str] = []

    async def renewed(_: Identity, upstream: str) -> Renewed:
        seen.append(upstream)
        return await _renewed("upstream-3")

    world.now += 1
    again = await world.refresh(first.refresh_token, renew=renewed)
    assert isinstance(again, Granted)
    assert again.identity.groups == ("eng", "new")
    assert seen == ["upstream-2"], "the one before may be good no longer"


async def test_new_settings_close_what_was_given_out_and_later_ones_open_it_again() -> None:
    world = World()
    granted = await world.begin()
    world.tokens.judge(lambda key: None)
    assert not world.opens(granted.access_token)
    during = await world.begin()
    assert not world.opens(during.access_token), "also what is given out meanwhile"
    restarted = World(world.cabinet)
    restarted.tokens.judge(lambda key: None)
    await restarted.tokens.load()
    assert not restarted.opens(granted.access_token)
    world.tokens.judge(lambda key: msgspec.structs.replace(key, gateways=("other",)))
    key = world.issued.get(digest(granted.access_token, PEPPER))
    assert key is not None and key.gateways == ("other",)
    world.tokens.judge(lambda key: None)
    await world.tokens.revoke(granted.access_token)
    world.tokens.judge(lambda key: key)
    assert world.opens(during.access_token)
    assert not world.opens(granted.access_token), "what was revoked stays so"


class Slow:
    """An identity provider that takes its time."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, identity: Identity, upstream: str) -> Renewed:
        self.asked.set()
        await self.go.wait()
        return await _renewed(f"{upstream}+")


async def test_an_access_token_that_is_revoked_while_its_login_is_refreshed_stays_revoked() -> None:
    world, slow = World(), Slow()
    first = await world.begin("up")
    refreshing = asyncio.create_task(world.refresh(first.refresh_token, renew=slow))
    await slow.asked.wait()
    revoking = asyncio.create_task(world.tokens.revoke(first.access_token))
    await asyncio.sleep(0)
    assert not world.opens(first.access_token)
    slow.go.set()
    second = await refreshing
    assert isinstance(second, Granted) and world.opens(second.access_token)
    assert not world.opens(first.access_token), "not between the one and the other, either"
    await revoking
    assert not world.opens(first.access_token)
    world.tokens.judge(lambda key: key)
    again = World(world.cabinet)
    await again.tokens.load()
    assert not again.opens(first.access_token) and again.opens(second.access_token)
    world.now += LOGIN.access_token_ms
    world.tokens.follow()
    assert not world.tokens._revoked, "nothing is kept of what has ended by itself"


@pytest.mark.parametrize("by_token", [False, True])
async def test_ending_a_login_waits_for_no_identity_provider_and_nothing_opens_it_again(by_token: bool) -> None:
    world, slow = World(), Slow()
    first, other = await world.begin("up"), await world.begin("up")
    refreshing = asyncio.create_task(world.refresh(first.refresh_token, renew=slow))
    await slow.asked.wait()
    if by_token:
        ended = await world.tokens.revoke(first.refresh_token)
        assert ended is not None and ended.identity == ALICE
        await world.tokens.end(other.family)
    else:
        # The one that is refreshed first: the other ends with it all the same.
        assert [one.id for one in await world.tokens.end(first.family, other.family)] == [first.family, other.family]
    assert not world.opens(first.access_token) and not world.opens(other.access_token)
    slow.go.set()
    answer = await refreshing
    assert isinstance(answer, NotGranted) and answer.error == "invalid_grant"
    assert len(world.issued) == 0 and not world.tokens._ending and not world.tokens._turns
    assert await world.tokens.families() == []
    assert isinstance(await world.refresh(first.refresh_token), NotGranted)


async def test_a_login_whose_end_could_not_be_kept_is_refreshed_no_more() -> None:
    class Away(MemoryCabinet):
        away = False

        async def take(self, *asked: Any) -> Any:
            if self.away:
                raise StoreUnavailable("away")
            return await super().take(*asked)

    cabinet = Away()
    world = World(cabinet)
    first = await world.begin()
    cabinet.away = True
    with pytest.raises(StoreUnavailable):
        await world.tokens.end(first.family)
    assert not world.opens(first.access_token)
    assert isinstance(await world.refresh(first.refresh_token), NotGranted)
    cabinet.away = False
    assert len(await world.tokens.end(first.family)) == 1
    assert not world.tokens._ending


async def test_an_access_token_that_is_revoked_while_all_of_its_login_ends_brings_nothing_back() -> None:
    world = World()
    first = await world.begin()
    await asyncio.gather(world.tokens.revoke(first.access_token), world.tokens.end(first.family))
    assert await world.tokens.families() == [] and len(world.issued) == 0
