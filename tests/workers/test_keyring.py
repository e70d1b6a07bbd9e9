"""Issued keys through their lives: what has ended never opens again, whatever was done in whatever order."""

import asyncio
import secrets
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from tollway.errors import StoreUnavailable
from tollway.identity.authority import TOLD_MS, IssuedKey
from tollway.identity.issued import Issued
from tollway.identity.keys import Key, digest
from tollway.storage.memory.cabinet import MemoryCabinet
from tollway.workers.keyring import AT_ONCE, USED, Keyring, Made, NotDone

PEPPER = b"a pepper for tests"
START = 1_790_000_000_000


class World:
    """A keyring whose time is turned by hand, and which can be started again."""

    def __init__(self, cabinet: Any = None) -> None:
        self.now = START
        self.cabinet: Any = cabinet or MemoryCabinet()
        self.start()

    def start(self) -> None:
        self.issued = Issued()
        self.ring = Keyring(self.cabinet, self.issued, PEPPER, lambda: self.now, secrets.token_bytes)

    def opens(self, secret: str) -> bool:
        """As `exchange/authenticate.py` asks it."""
        key = self.issued.get(digest(secret, PEPPER))
        return key is not None and key.enabled and (key.expires_at is None or self.now < key.expires_at)

    async def issue(self, name: str = "ci", **fields: Any) -> Made:
        made = await self.ring.issue(wanted(name, self.now, **fields))
        assert isinstance(made, Made)
        return made


def wanted(name: str, now: int, **fields: Any) -> IssuedKey:
    given: dict[str, Any] = {"id": "", "kind": "key", "created_at": now, "created_by": "ann"} | fields
    return IssuedKey(name=name, **given)


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


def refused(answer: Any) -> str:
    assert isinstance(answer, NotDone)
    return answer.code


async def test_an_issued_key_opens_at_once_and_after_a_restart() -> None:
    world = World()
    made = await world.issue(user="ann")
    assert world.opens(made.secret) and made.secret.startswith(f"tw_{made.record.id}_")
    world.start()
    assert not world.opens(made.secret)
    assert await world.ring.load() == 1
    assert world.opens(made.secret) and world.ring.find("ci") == world.ring.find(made.record.id) == made.record


async def test_nothing_that_is_kept_or_shown_has_the_secret() -> None:
    world = World()
    made = await world.issue()
    kept = await world.cabinet.all("key", START)
    for text in (repr(made), repr(world.ring.find("ci")), repr(kept)):
        assert made.secret not in text and made.secret[16:59] not in text


async def test_names_are_unique_also_of_what_was_revoked_until_it_is_deleted() -> None:
    world = World()
    made = await world.issue()
    assert refused(await world.ring.issue(wanted("ci", START))) == "key_taken"
    assert refused(await world.ring.issue(wanted("of-settings", START), {"of-settings"})) == "key_taken"
    await world.ring.revoke(made.record.id, by="ann")
    assert refused(await world.ring.issue(wanted("ci", START))) == "key_taken" and world.issued.names == {"ci"}
    await world.ring.delete(made.record.id, by="ann")
    assert world.issued.names == set() and len(world.ring) == 0
    again = await world.issue()
    assert again.record.id != made.record.id and not world.opens(made.secret)


async def test_no_key_is_named_like_the_id_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    made = await world.issue()
    assert refused(await world.ring.issue(wanted(made.record.id, START))) == "key_taken"
    ids = iter([made.record.id, "ci", "ofsettings01", "freshfresh01"])
    monkeypatch.setattr("tollway.workers.keyring.make_id", lambda _: next(ids))
    drawn = await world.ring.issue(wanted("another", START), {"ofsettings01"})
    assert isinstance(drawn, Made) and drawn.record.id == "freshfresh01"


async def test_somebody_makes_no_more_keys_for_themselves_than_they_may() -> None:
    world = World()
    mine = {"user": "bob", "created_by": "bob", "own": True}
    first = await world.ring.issue(wanted("0", START, **mine), most_own=3)
    await world.issue("given", user="bob")
    changed_since = await world.ring.issue(wanted("1", START, **mine | {"own": False}), most_own=3)
    assert isinstance(first, Made) and isinstance(changed_since, Made)
    several = await asyncio.gather(*(world.ring.issue(wanted(n, START, **mine), most_own=3) for n in "2345"))
    assert sorted(type(each) is Made for each in several) == [False, False, False, True]
    told = await world.ring.issue(wanted("6", START, **mine), most_own=3)
    assert refused(told) == "key_limit"
    assert isinstance(told, NotDone) and "3 keys" in told.message and "revoke" in told.message
    assert isinstance(await world.ring.issue(wanted("7", START, user="cy", created_by="cy"), most_own=3), Made)
    await world.ring.revoke(first.record.id, by="bob")
    assert isinstance(await world.ring.issue(wanted("8", START, **mine), most_own=3), Made)


async def test_of_a_rotation_both_open_until_the_grace_ends_and_keep_one_name() -> None:
    world = World()
    made = await world.issue()
    fresh = await world.ring.rotate(made.record.id, grace_ms=1_000, by="bob")
    assert isinstance(fresh, Made) and (fresh.record.id, fresh.record.name) == (made.record.id, "ci")
    assert world.opens(made.secret) and world.opens(fresh.secret)
    assert {key.name for key in world.issued.all()} == {"ci"} and {key.id for key in world.issued.all()} == {
        made.record.id
    }
    world.now += 1_000
    assert not world.opens(made.secret) and world.opens(fresh.secret)
    world.start()
    await world.ring.load()
    assert not world.opens(made.secret) and world.opens(fresh.secret)


async def test_a_rotation_without_grace_ends_all_that_opened() -> None:
    world = World()
    made = await world.issue()
    second = await world.ring.rotate(made.record.id, grace_ms=10_000, by="a")
    third = await world.ring.rotate(made.record.id, grace_ms=0, by="a")
    assert isinstance(second, Made) and isinstance(third, Made)
    assert [world.opens(each.secret) for each in (made, second, third)] == [False, False, True]
    assert len(world.issued) == 1


async def test_a_change_is_in_force_at_once_for_every_secret() -> None:
    world = World()
    made = await world.issue()
    fresh = await world.ring.rotate(made.record.id, grace_ms=10_000, by="a")
    assert isinstance(fresh, Made)
    await world.ring.change(made.record.id, lambda record: msgspec.structs.replace(record, enabled=False))
    assert not world.opens(made.secret) and not world.opens(fresh.secret)
    await world.ring.change(
        made.record.id, lambda record: msgspec.structs.replace(record, enabled=True, models=("a/*",))
    )
    assert world.opens(made.secret) and {key.models for key in world.issued.all()} == {("a/*",)}


async def test_what_has_ended_is_neither_changed_nor_rotated() -> None:
    world = World()
    revoked, expired = await world.issue("a"), await world.issue("b", expires_at=START + 5)
    await world.ring.revoke(revoked.record.id, by="ann")
    world.now += 5
    for made in (revoked, expired):
        later = world.ring.change(made.record.id, lambda record: msgspec.structs.replace(record, expires_at=None))
        assert refused(await later) == "key_ended"
        assert refused(await world.ring.rotate(made.record.id, grace_ms=0, by="a")) == "key_ended"
        assert not world.opens(made.secret)
    assert refused(await world.ring.issue(wanted("c", world.now, expires_at=world.now))) == "key_ended"
    for answer in (
        world.ring.revoke("x", by="a"),
        world.ring.delete("x", by="a"),
        world.ring.rotate("x", grace_ms=0, by="a"),
    ):
        assert refused(await answer) == "key_unknown"


async def test_what_cannot_be_kept_is_not_issued_and_what_is_revoked_ends_all_the_same() -> None:
    cabinet = Broken()
    world = World(cabinet)
    made = await world.issue()
    cabinet.away = True
    with pytest.raises(StoreUnavailable):
        await world.ring.issue(wanted("other", START))
    with pytest.raises(StoreUnavailable):
        await world.ring.rotate(made.record.id, grace_ms=0, by="a")
    assert world.opens(made.secret) and len(world.ring) == 1 and world.issued.names == {"ci"}
    with pytest.raises(StoreUnavailable):
        await world.ring.revoke(made.record.id, by="a")
    assert not world.opens(made.secret)
    cabinet.away = False
    # Asked again it is kept, though it was revoked here already.
    await world.ring.revoke(made.record.id, by="a")
    world.start()
    await world.ring.load()
    assert not world.opens(made.secret)


async def test_a_key_that_cannot_be_deleted_opens_nothing() -> None:
    cabinet = Broken()
    world = World(cabinet)
    made = await world.issue()
    cabinet.away = True
    with pytest.raises(StoreUnavailable):
        await world.ring.delete(made.record.id, by="a")
    record = world.ring.find("ci")
    assert not world.opens(made.secret) and record is not None and world.ring.state(record) == "revoked"


async def test_a_client_is_known_by_both_halves_and_from_its_networks() -> None:
    world = World()
    token = await world.issue(
        "agent", kind="service_token", service="agent", addresses=("10.0.0.0/8",), expires_at=START + 9
    )
    key = await world.issue("key")
    client_id = token.record.client_id
    found = world.ring.client(client_id, token.secret, "10.1.1.1")
    assert found is not None and found.service == "agent" and world.ring.last_used("agent") == START
    for wrong in (
        ("", token.secret, "10.1.1.1"),
        (client_id, token.secret[:-1], "10.1.1.1"),
        (client_id, key.secret, "10.1.1.1"),
        ("", key.secret, "10.1.1.1"),
        (client_id, token.secret, "11.1.1.1"),
    ):
        assert world.ring.client(*wrong) is None
    world.now += 9
    assert world.ring.client(client_id, token.secret, "10.1.1.1") is None


async def test_uses_are_written_down_in_batches_and_read_at_the_next_start() -> None:
    world = World()
    await world.issue()
    world.now += 7
    world.issued.uses |= {"ci": world.now, "of-settings": world.now, "nobody's": world.now}
    assert world.ring.last_used("ci") == world.now
    assert await world.ring.write_uses({"of-settings"}) == 2
    assert world.issued.uses == {} and await world.ring.write_uses() == 0
    assert [kept.id for kept in await world.cabinet.all(USED, START)] == ["ci", "of-settings"]
    world.start()
    await world.ring.load()
    assert (world.ring.last_used("ci"), world.ring.last_used("nobody's")) == (START + 7, None)


async def test_uses_that_cannot_be_written_wait_for_the_next_time() -> None:
    cabinet = Broken()
    world = World(cabinet)
    names = {f"key {n}" for n in range(AT_ONCE + 1)}
    world.issued.uses = dict.fromkeys(names, START)
    cabinet.away = True
    with pytest.raises(StoreUnavailable):
        await world.ring.write_uses(names)
    assert world.issued.uses.keys() == names
    cabinet.away = False
    assert await world.ring.write_uses(names) == AT_ONCE + 1


async def test_the_use_of_another_key_of_that_name_is_not_this_ones() -> None:
    world = World()
    made = await world.issue()
    world.issued.uses["ci"] = START
    await world.ring.write_uses()
    await world.ring.delete(made.record.id, by="a")
    # As if the process had died in between: the use is still there.
    world.ring._used["ci"] = START  # pyright: ignore[reportPrivateUsage]
    world.now += 5
    await world.issue()
    assert world.ring.last_used("ci") is None


async def test_what_ended_long_ago_takes_no_memory() -> None:
    world = World()
    made = await world.issue("a", expires_at=START + 5)
    await world.ring.change(made.record.id, lambda record: msgspec.structs.replace(record, expires_at=START + 50))
    kept = await world.issue("b")
    await world.ring.rotate(kept.record.id, grace_ms=10, by="a")
    world.now += 10 + TOLD_MS
    assert world.ring.drop_ended() == 1 and len(world.issued) == 2
    world.now += 50
    assert world.ring.drop_ended() == 1 and len(world.issued) == 1


async def test_pages_follow_the_names() -> None:
    world = World()
    for name in ("c", "a", "d", "b"):
        await world.issue(name)
    assert [each.name for each in world.ring.after("", 2)] == ["a", "b"]
    assert [each.name for each in world.ring.after("b", 9)] == ["c", "d"]


class Lives(RuleBasedStateMachine):
    """Any order of operations, restarts and time between them. `ends` is what was said of each secret, worked out apart."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.ended: set[str] = set()
        self.secrets: dict[str, tuple[str, int | None]] = {}
        """Secret → its key, and the end of its grace."""
        self.expiry: dict[str, int | None] = {}
        self.gone: set[str] = set()
        self.off: set[str] = set()

    def run_it(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    def over(self, key_id: str) -> bool:
        end = self.expiry[key_id]
        return key_id in self.gone or (end is not None and end <= self.world.now)

    @rule(target=ids, life=st.none() | st.integers(1, 40))
    def issue(self, life: int | None) -> Any:
        self.count += 1
        end = None if life is None else self.world.now + life
        made = self.run_it(self.world.issue(f"key {self.count}", expires_at=end))
        self.secrets[made.secret] = (made.record.id, None)
        self.expiry[made.record.id] = end
        return made.record.id

    @rule(key_id=ids, grace=st.sampled_from([0, 1, 10, 1_000]))
    def rotate(self, key_id: str, grace: int) -> None:
        made = self.run_it(self.world.ring.rotate(key_id, grace_ms=grace, by="a"))
        assert isinstance(made, NotDone) == self.over(key_id)
        if isinstance(made, Made):
            end = self.world.now + grace
            for secret, (owner, until) in self.secrets.items():
                if owner == key_id:
                    self.secrets[secret] = (owner, end if until is None else min(until, end))
            self.secrets[made.secret] = (key_id, None)

    @rule(key_id=ids, graces=st.lists(st.sampled_from([0, 1, 4, 10, 1_000]), min_size=2, max_size=3))
    def rotate_again_and_again(self, key_id: str, graces: list[int]) -> None:
        for grace in graces:
            self.rotate(key_id, grace)

    @rule(key_id=ids, life=st.none() | st.integers(-5, 40))
    def move_the_end(self, key_id: str, life: int | None) -> None:
        end = None if life is None else self.world.now + life
        done = self.run_it(
            self.world.ring.change(key_id, lambda record: msgspec.structs.replace(record, expires_at=end))
        )
        assert isinstance(done, NotDone) == self.over(key_id)
        if not isinstance(done, NotDone):
            self.expiry[key_id] = end

    @rule(key_id=ids, enabled=st.booleans())
    def switch(self, key_id: str, enabled: bool) -> None:
        done = self.run_it(
            self.world.ring.change(key_id, lambda record: msgspec.structs.replace(record, enabled=enabled))
        )
        if not isinstance(done, NotDone):
            (self.off.discard if enabled else self.off.add)(key_id)

    @rule(key_id=ids)
    def revoke(self, key_id: str) -> None:
        self.run_it(self.world.ring.revoke(key_id, by="a"))
        self.gone.add(key_id)

    @rule(key_id=consumes(ids))
    def delete(self, key_id: str) -> None:
        self.run_it(self.world.ring.delete(key_id, by="a"))
        self.gone.add(key_id)

    @rule(passed=st.sampled_from([1, 5, 20, TOLD_MS]))
    def pass_time(self, passed: int) -> None:
        self.world.now += passed
        self.world.ring.drop_ended()

    @rule()
    def restart(self) -> None:
        self.world.start()
        self.run_it(self.world.ring.load())

    @invariant()
    def each_secret_opens_exactly_while_it_should(self) -> None:
        for secret, (key_id, until) in self.secrets.items():
            over = self.over(key_id) or (until is not None and until <= self.world.now)
            if over:
                self.ended.add(secret)
            assert self.world.opens(secret) == (not over and key_id not in self.off)

    @invariant()
    def what_has_ended_never_opens_again(self) -> None:
        assert not any(self.world.opens(secret) for secret in self.ended)

    def teardown(self) -> None:
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)


async def own(world: World, name: str, user: str) -> Made | NotDone:
    return await world.ring.issue(wanted(name, world.now, user=user, own=True, created_by=user), most_own=9)


async def test_a_name_that_was_anothers_is_nobodys_for_a_key_of_their_own() -> None:
    world = World()
    for name, fields in (
        ("nightly", {"service": "nightly"}),
        ("bobs", {"user": "bob", "own": True}),
        ("given", {"user": "bob"}),
    ):
        made = await world.issue(name, **fields)
        await world.ring.delete(made.record.id, by="ann")
    await world.ring.remember([Key(name="of-the-file", digest=b"d", user="bob")])
    for again in (False, True):
        if again:
            world.start()
            await world.ring.load()
        for name in ("nightly", "bobs", "given", "of-the-file"):
            assert refused(await own(world, name, "mallory")) == "key_taken"
        # What an administrator made was given rules, perhaps, which nobody takes along.
        for name in ("nightly", "given", "of-the-file"):
            assert refused(await own(world, name, "bob")) == "key_taken"
    mine = await own(world, "bobs", "bob")
    assert isinstance(mine, Made)
    assert isinstance(await world.ring.issue(wanted("nightly", world.now, service="nightly")), Made), (
        "an administrator may"
    )


async def test_a_name_that_several_had_is_nobodys() -> None:
    world = World()
    for user in ("bob", "alice", "bob"):
        made = await world.issue("ide", user=user, own=True)
        await world.ring.delete(made.record.id, by="ann")
    assert refused(await own(world, "ide", "bob")) == "key_taken"


async def test_names_that_are_noted_already_are_not_written_again() -> None:
    cabinet = Broken()
    world = World(cabinet)
    keys = [Key(name="a", digest=b"d"), Key(name="b", digest=b"e")]
    await world.ring.remember(keys)
    cabinet.away = True
    await world.ring.remember(keys)
    with pytest.raises(StoreUnavailable):
        await world.ring.remember([Key(name="c", digest=b"f")])


async def test_what_was_kept_before_addresses_were_lowered_is_theirs_whom_it_names() -> None:
    world = World()
    made = await world.issue("k", user="Alice@Example.com", owner="Boss@Example.com")
    world.start()
    await world.ring.load()
    found = world.ring.find("k")
    assert found is not None and (found.user, found.owner) == ("alice@example.com", "boss@example.com")
    key = world.issued.get(digest(made.secret, PEPPER))
    assert key is not None and key.user == "alice@example.com"


async def test_a_key_that_its_owner_called_like_anothers_login_opens_nothing_after_a_restart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    posing = await world.issue("login:bob", user="mallory", own=True, created_by="mallory")
    given = await world.issue("login:ci", service="ci")
    world.start()
    await world.ring.load()
    assert (world.opens(posing.secret), world.opens(given.secret)) == (False, True)
    assert "login:bob" in caplog.text and "login:ci" in caplog.text
    ended = await world.ring.revoke(posing.record.id, by="ann")
    assert isinstance(ended, IssuedKey)
