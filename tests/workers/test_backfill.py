import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.workers.filled import HOUR, START, Filled, snapshot_of

from tollway.errors import StoreUnavailable
from tollway.ledger.control import budget_of
from tollway.ledger.entry import LedgerEntry
from tollway.storage.books import Stretch
from tollway.storage.memory import MemoryStore
from tollway.storage.protocol import Filter, Known
from tollway.storage.sqlite import SqliteStore
from tollway.workers import backfill
from tollway.workers.backfill import Backfill, openings

DAY = '{name: all, limit: "20", window: {period: day, timezone: UTC}}'
MONTH = '{name: all, limit: "20", window: {period: month, timezone: UTC}}'
EACH = '{name: all, limit: "20", window: {period: day, timezone: UTC}, split_by: [user]}'
ROLLING = '{name: all, limit: "20", window: {rolling: day}}'
TOTAL = '{name: all, limit: "20", window: {period: total}}'
CARRYING = '{name: all, limit: "20", window: {period: day, timezone: UTC}, carry_over: "5"}'
OFF = '{name: all, limit: "20", window: {period: day, timezone: UTC}, enabled: false}'


@pytest.fixture(params=["memory", "sqlite"])
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Filled]:
    store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path)
    await store.open(START)
    yield Filled(store)
    assert not await store.ledger.verify()
    await store.close()


async def assert_exact(filled: Filled) -> None:
    assert filled.does() == filled.should()


async def openings_in(filled: Filled) -> list[LedgerEntry]:
    page = await filled.store.records.entries(Filter(equals={"kind": "opening"}), limit=1000, cursor=None)
    return [each for each in page.items if isinstance(each, LedgerEntry)]


async def test_a_new_budget_has_spent_what_was_spent_before_it(filled: Filled) -> None:
    await filled.spend(amount=70)
    await filled.spend("bob", amount=30)
    assert await filled.change(EACH) == ["all"]
    assert filled.does() == {"all[user=alice]": 70, "all[user=bob]": 30}
    await assert_exact(filled)


async def test_settings_that_count_the_same_cost_nothing(filled: Filled) -> None:
    await filled.change(DAY)
    await filled.spend()
    assert await filled.change(DAY.replace('"20"', '"30"').replace("name: all", "id: all, name: All of us")) == []
    assert await openings_in(filled) == []
    assert filled.snapshot.budgets[0].name == "All of us"


async def test_a_name_without_an_id_makes_another_budget_which_takes_over_what_is_in_its_window(filled: Filled) -> None:
    await filled.change(DAY)
    await filled.spend(amount=70)
    assert await filled.change(DAY.replace("name: all", "name: everyone")) == ["everyone"]
    assert filled.does() == {"everyone": 70}


async def test_a_window_that_changes_to_and_fro_keeps_what_lies_in_it(filled: Filled) -> None:
    await filled.change(MONTH)
    await filled.spend(amount=1)
    filled.now += 30 * HOUR
    await filled.spend(amount=10)
    await filled.change(DAY)
    assert filled.does() == {"all": 10}
    await filled.spend(amount=100)
    for budget, spent in ((MONTH, 111), (ROLLING, 110), (TOTAL, 111), (DAY, 110), (EACH, 110), (MONTH, 111)):
        await filled.change(budget)
        assert sum(filled.does().values()) == spent, budget
        await assert_exact(filled)


async def test_a_split_leaves_nothing_on_the_account_that_was_not_split(filled: Filled) -> None:
    await filled.change(DAY)
    await filled.spend(amount=5)
    await filled.change(EACH)
    assert filled.does() == {"all[user=alice]": 5}
    await filled.change(DAY)
    assert filled.does() == {"all": 5}


async def test_a_budget_that_was_off_counts_what_happened_meanwhile(filled: Filled) -> None:
    await filled.change(DAY)
    await filled.spend(amount=1)
    await filled.change(OFF)
    await filled.spend(amount=10)
    assert await filled.change(DAY) == ["all"]
    assert filled.does() == {"all": 11}


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_budget_that_was_gone_counts_what_happened_meanwhile(filled: Filled, *, restarts: bool) -> None:
    await filled.change(DAY)
    await filled.spend(amount=1)
    await filled.backfill.follow()
    assert [known.settled for known in await filled.store.budgets.known()] == [True]
    await filled.change()
    await filled.spend(amount=10)
    if restarts:
        filled.start()
    assert await filled.change(DAY) == ["all"]
    assert filled.does() == {"all": 11}


async def test_a_change_that_did_not_come_to_its_end_is_no_return_to_what_was(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled.change(DAY)
    await filled.backfill.follow()
    real, calls = filled.store.budgets.remember, 0

    async def remember(*known: Known) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StoreUnavailable("it ended here")
        await real(*known)

    monkeypatch.setattr(filled.store.budgets, "remember", remember)
    await filled.change(EACH)
    # The new settings were in force for a moment, and a request was admitted under them.
    await filled.spend(amount=3)
    assert filled.does() == {"all[user=alice]": 3}
    filled.start()
    assert await filled.change(DAY) == ["all"]
    assert filled.does() == {"all": 3}


async def test_the_window_before_is_computed_where_something_of_it_is_carried_over(filled: Filled) -> None:
    await filled.spend(amount=7)
    filled.now += 24 * HOUR
    assert await filled.change(DAY) == ["all"]
    assert filled.does() == {}
    assert await filled.change(CARRYING) == ["all"]
    assert filled.does() == {"all": 7}
    assert await filled.change(DAY) == [], "what is counted already is not counted again"


async def test_a_request_under_way_is_counted_by_the_new_budget_once_it_ends(filled: Filled) -> None:
    under_way = await filled.open(amount=50)
    await filled.change(DAY)
    await filled.backfill.follow()
    assert filled.backfill.unsettled == {"all"}
    filled.close(under_way, 40)
    assert await filled.backfill.follow() == 1
    assert filled.does() == {"all": 40}
    assert filled.backfill.unsettled == frozenset()
    assert [known.settled for known in await filled.store.budgets.known()] == [True]
    assert await filled.backfill.follow() == 0, "it is not counted twice"


@pytest.mark.parametrize("before", [0, 250], ids=["nothing before", "several stretches before"])
@pytest.mark.parametrize("at", ["first stretch", "last stretch", "before the swap", "after the swap"])
async def test_a_request_that_ends_while_a_budget_is_filled_is_counted_once(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, at: str, before: int
) -> None:
    for _ in range(before):
        await filled.spend("bob", amount=1)
    under_way = [await filled.open(amount=50) for _ in range(2)]
    real = filled.store.ledger.booked
    reads = 0

    async def booked(**asked: int | None) -> Stretch:
        nonlocal reads
        reads += 1
        if reads == 1 and at == "first stretch":
            filled.close(under_way[0], 40)
        found: Stretch = await real(**asked)  # type: ignore[arg-type]
        opened = {each.id for each in filled.store.ledger.open_reservations()}
        if not found.more and at == "last stretch" and under_way[0].id in opened:
            # It is settled after what was read, and before what was read is booked.
            filled.close(under_way[0], 40)
        return found

    monkeypatch.setattr(filled.store.ledger, "booked", booked)
    fresh = snapshot_of(EACH, revision=filled.snapshot.revision + 1)

    def put_in_force() -> None:
        if at == "before the swap":
            filled.close(under_way[0], 40)
        filled.snapshot = fresh
        if at == "after the swap":
            filled.close(under_way[0], 40)

    await filled.backfill.take_over(fresh, put_in_force)
    await filled.backfill.follow()
    assert filled.does().get("all[user=alice]") == 40
    assert filled.backfill.unsettled == {"all"}, "the other is still under way"
    filled.close(under_way[1], 2)
    await filled.backfill.follow()
    assert filled.does().get("all[user=alice]") == 42
    assert filled.does().get("all[user=bob]", 0) == before
    assert await filled.backfill.follow() == 0
    await assert_exact(filled)
    assert await filled.change(EACH.replace("day", "month")) == ["all"]
    assert filled.does().get("all[user=alice]") == 42


async def test_a_correction_of_an_old_entry_is_counted_by_the_new_budget(filled: Filled) -> None:
    old = await filled.spend(amount=50)
    await filled.change(DAY)
    await filled.backfill.follow()
    filled.correct(old, -20)
    await filled.backfill.follow()
    assert filled.does() == {"all": 30}
    await filled.change(DAY, EACH.replace("name: all", "name: each"))
    filled.correct(old, 5)
    await filled.backfill.follow()
    await assert_exact(filled)


async def test_requests_of_the_new_settings_need_no_opening(filled: Filled) -> None:
    await filled.change(DAY)
    for _ in range(3):
        await filled.spend()
    filled.close(await filled.open(), 3)
    assert await filled.backfill.follow() == 0
    assert await openings_in(filled) == []


async def test_what_is_not_known_to_be_whole_is_computed_at_the_next_start(filled: Filled) -> None:
    under_way = await filled.open(amount=50)
    await filled.change(DAY)
    filled.close(under_way, 40)
    filled.start()
    assert await filled.change(DAY) == ["all"]
    assert filled.does() == {"all": 40}
    await filled.backfill.follow()
    filled.start()
    assert await filled.change(DAY) == []


async def test_after_a_crash_a_budget_that_changed_in_its_window_is_computed_again(filled: Filled) -> None:
    old = await filled.spend(amount=50)
    await filled.change(DAY)
    await filled.backfill.follow()
    filled.correct(old, 5)
    filled.start()
    assert await filled.change(DAY, crashed=True) == ["all"]
    assert filled.does() == {"all": 55}


async def test_a_start_goes_on_watching_for_corrections(filled: Filled) -> None:
    old = await filled.spend(amount=50)
    await filled.change(DAY)
    await filled.backfill.follow()
    filled.start()
    assert await filled.change(DAY) == []
    filled.correct(old, 5)
    assert await filled.backfill.follow() == 1
    assert filled.does() == {"all": 55}
    filled.now += 48 * HOUR
    filled.correct(old, 5)
    assert await filled.backfill.follow() == 0, "it lies in no window that counts"


@pytest.mark.parametrize("steps", range(1, 9))
async def test_a_crash_at_any_step_is_made_good_by_the_next_start(
    tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path)
    await store.open(START)
    filled = Filled(store)
    monkeypatch.setattr(backfill, "BOOKED_AT_ONCE", 2)
    await filled.change(EACH)
    for number in range(9):
        await filled.spend(f"user{number}", amount=number + 1)
    left = steps

    def crash() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise StoreUnavailable("it ended here")

    for owner, name in ((store.budgets, "remember"), (store.ledger, "move"), (store.ledger, "booked")):
        real = getattr(owner, name)

        async def step(*given: object, real: object = real, **named: object) -> object:
            crash()
            return await real(*given, **named)  # type: ignore[operator]

        monkeypatch.setattr(owner, name, step)
    with contextlib.suppress(StoreUnavailable):
        await filled.change(DAY)
    left = 0
    await store.close()
    again = SqliteStore(tmp_path)
    await again.open(filled.now)
    filled.store = again
    filled.start()
    await filled.change(DAY)
    assert filled.does() == {"all": 45}
    assert not await again.ledger.verify()
    await again.close()


async def test_many_accounts_are_opened_without_ever_counting_less(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "BOOKED_AT_ONCE", 3)
    await filled.change(EACH)
    for number in range(10):
        await filled.spend(f"user{number}", amount=7)
    least: list[int] = []

    async def look() -> None:
        while True:
            least.append(sum(filled.does().values()))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await filled.change(DAY)
    looking.cancel()
    assert min(least) >= 70
    assert filled.does() == {"all": 70}


async def test_a_store_that_goes_away_in_the_middle_leaves_too_much_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled = Filled(MemoryStore())
    monkeypatch.setattr(backfill, "BOOKED_AT_ONCE", 3)
    await filled.change(EACH)
    for number in range(10):
        await filled.spend(f"user{number}", amount=7)
    real = filled.store.ledger.move

    async def move(opening: LedgerEntry) -> bool:
        if opening.charge.amount < 0:
            raise StoreUnavailable("the disk is full")
        return await real(opening)

    monkeypatch.setattr(filled.store.ledger, "move", move)
    await filled.change(DAY)
    assert sum(filled.does().values()) == 140
    monkeypatch.setattr(filled.store.ledger, "move", real)
    await filled.backfill.follow()
    assert filled.does() == {"all": 70}


async def test_a_difference_is_booked_once_by_its_id() -> None:
    store = MemoryStore()
    made = openings({("all", 0): 5}, 3, START)
    assert [await store.ledger.move(each) for each in (*made, *openings({("all", 0): 5}, 3, START + 1))] == [
        True,
        False,
    ]


@pytest.mark.parametrize("amount", [2**63 - 1, 27 * 10**18, -27 * 10**18, 0])
def test_a_difference_that_64_bits_do_not_hold_is_booked_in_parts(amount: int) -> None:
    made = openings({("all", 0): amount}, 3, START)
    assert sum(each.charge.amount for each in made) == amount
    assert all(abs(each.charge.amount) < 2**63 for each in made)
    assert len({each.id for each in made}) == len(made) == (3 if abs(amount) > 2**64 else 1)


async def test_a_store_that_is_away_changes_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open(START)
    filled = Filled(store)
    await filled.spend()
    before = filled.snapshot
    await store.close()
    with pytest.raises(StoreUnavailable):
        await filled.change(DAY)
    assert filled.snapshot is before


async def test_following_goes_on_when_the_store_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    filled = Filled(MemoryStore())
    turns = 0
    done = asyncio.Event()

    async def follow(self: Backfill) -> int:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise StoreUnavailable("the disk is full")
        done.set()
        return 0

    monkeypatch.setattr(Backfill, "follow", follow)
    following = asyncio.create_task(backfill.keep_following(filled.backfill, 0.0))
    await done.wait()
    following.cancel()


WINDOWS = (
    "{period: day, timezone: UTC}",
    "{period: day, timezone: America/New_York}",
    "{period: month, timezone: UTC}",
    "{rolling: day}",
    "{every: 7200}",
    "{period: total}",
)
BUDGET = st.builds(
    lambda name, window, where, split, extra: (
        f'{{name: {name}, limit: "20", window: {window}, where: {{{where}}}, split_by: [{split}]{extra}}}'
    ),
    st.sampled_from(["a", "b"]),
    st.sampled_from(WINDOWS),
    st.sampled_from(["", "user: alice", "metadata.team: ml", "user: '!bob'", "model: '*gpt-4o'"]),
    st.sampled_from(["", "user", "metadata.team", "user, metadata.team"]),
    st.sampled_from(["", ", enabled: false", ", untagged: bucket"]),
)
STEP = st.one_of(
    st.tuples(st.just("spend"), st.sampled_from(["alice", "bob"]), st.sampled_from(["ml", "web"]), st.integers(1, 999)),
    st.tuples(st.just("open"), st.sampled_from(["alice", "bob"]), st.sampled_from(["ml", "web"]), st.integers(1, 999)),
    st.tuples(st.just("close"), st.integers(0, 9), st.integers(0, 999)),
    st.tuples(st.just("correct"), st.integers(0, 99), st.integers(-99, 99)),
    st.tuples(st.just("later"), st.sampled_from([60_000, HOUR, 7 * HOUR, 25 * HOUR, 24 * 30 * HOUR])),
    st.tuples(st.just("edit"), st.lists(BUDGET, max_size=2, unique_by=lambda written: written[7])),
    st.tuples(st.just("follow")),
    st.tuples(st.just("restart")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=25))
def test_whatever_is_spent_and_edited_each_account_holds_what_its_budget_selects_now(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    asyncio.run(_played(steps))


async def _played(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    filled = Filled(MemoryStore(), grace_ms=0)
    written: list[str] = []
    under_way = []
    for step in steps:
        match step:
            case ("spend", user, team, amount):
                await filled.spend(user, team, amount)
            case ("open", user, team, amount):
                under_way.append(await filled.open(user, team, amount))
            case ("close", which, amount) if under_way:
                filled.close(under_way.pop(which % len(under_way)), amount)
            case ("correct", which, amount) if filled.entries:
                filled.correct(filled.entries[which % len(filled.entries)], amount)
            case ("later", length):
                filled.now += length
            case ("edit", budgets):
                written = budgets
                await filled.change(*written)
            case ("follow",):
                await filled.backfill.follow()
            case ("restart",):
                await filled.backfill.follow()
                filled.start()
                await filled.change(*written)
            case _:
                pass
    await filled.backfill.follow()
    should = filled.should()
    off = {budget.id for budget in filled.snapshot.budgets if not budget.enabled}
    assert filled.does() == {name: amount for name, amount in should.items() if budget_of(name) not in off}
    assert not await filled.store.ledger.verify()
