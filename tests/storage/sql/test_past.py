"""What the database knows for ever: ends, entries, saved balances."""

from collections.abc import Mapping

from tests.storage.sql.places import while_closed

from tollway.ledger import journal
from tollway.storage.conformance.values import NOW, entry, held, hold
from tollway.storage.counters import RELEASED, SETTLED, Ended
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.past import SqlPast
from tollway.storage.sql.store import SqlStore


async def past(store: SqlStore) -> SqlPast:
    """A past of its own, behind everything that has been queued."""
    await store.ledger.flush()
    return SqlPast(store._database.look_up)


async def test_each_end_is_told_apart_and_what_is_open_or_unknown_has_none(store: SqlStore) -> None:
    made = {
        name: await held(store, name, hold("a", 10)) for name in ("open", "charged", "free", "back", "lapsed", "late")
    }
    store.ledger.settle(entry(made["charged"], 4))
    store.ledger.settle(entry(made["free"], 0, "unpriced"))
    store.ledger.release("back.1", "rejected", NOW)
    for name in ("lapsed", "late"):
        store.ledger.settle(journal.presumption(made[name], NOW))
    store.ledger.settle(entry(made["late"], 3))
    asked = await past(store)
    assert {name: asked.ended(f"{name}.1") for name in (*made, "unknown")} == {
        "open": None,
        "charged": SETTLED,
        "free": SETTLED,
        "back": RELEASED,
        "lapsed": Ended("presumed", 10),
        "late": SETTLED,
        "unknown": None,
    }


async def test_a_credit_or_a_lone_correction_ends_nothing(store: SqlStore) -> None:
    made = await held(store, "one", hold("a", 10))
    store.ledger.settle(entry(made, -2, "correction"))
    store.ledger.settle(entry(made, -2, "credit"))
    asked = await past(store)
    assert asked.ended("one.1") is None


async def test_an_id_that_begins_like_another_is_another(store: SqlStore) -> None:
    store.ledger.settle(entry(await held(store, "r.1", hold("a", 10)), 4))
    asked = await past(store)
    assert asked.ended("r.1.1") == SETTLED
    assert asked.ended("r.1") is None
    assert asked.ended("r") is None
    assert (asked.has_entry("r.1.1.charge"), asked.has_entry("r.1.1"), asked.has_entry("R.1.1.charge")) == (
        True,
        False,
        False,
    )


async def test_the_saved_buckets_of_an_account_are_its_alone(store: SqlStore) -> None:
    for number, account in enumerate(("a", "a", "ab")):
        store.ledger.settle(
            entry(await held(store, f"r{number}", hold(account, 10, bucket=number, since=0)), number + 1)
        )
    await store.close()

    def spent(reading: Connection) -> list[Mapping[int, int]]:
        asked = SqlPast(lambda question: question(reading))
        return [asked.spent(account) for account in ("a", "ab", "b")]

    assert await while_closed(store, spent) == [{0: 1, 1: 2}, {2: 3}, {}]


async def test_what_is_written_later_is_known_to_a_past_that_is_open_already(store: SqlStore) -> None:
    asked = await past(store)
    assert not asked.has_entry("one.1.charge")
    store.ledger.settle(entry(await held(store, "one", hold()), 4))
    await store.ledger.flush()
    assert asked.has_entry("one.1.charge")


async def test_counters_that_have_forgotten_are_told(store: SqlStore) -> None:
    made = await held(store, "one", hold("a", 10))
    store.ledger.settle(entry(made, 4))
    await store.ledger.flush()
    counters = store.ledger._counters
    for _ in range(2):
        counters.forget(0)
        counters.bury("another", SETTLED)
    assert not counters.remembers("one.1")
    assert store.ledger.settle(entry(made, 4)) is False
    assert store.ledger.release("one.1", "rejected", NOW) is False
    assert store.ledger.balances([hold("a")])[0].spent == 4
