"""What is remembered of budgets, across starts."""

from tollway.storage.conformance.values import NOW
from tollway.storage.protocol import Known
from tollway.storage.sql.store import SqlStore


async def test_what_is_known_of_budgets_is_known_after_a_start(store: SqlStore) -> None:
    known = [Known(budget=name, fingerprint=name * 2, since=NOW, settled=name == "b") for name in "ab"]
    await store.budgets.remember(*known)
    await store.budgets.remember()
    await store.close()
    await store.open(NOW)
    assert list(await store.budgets.known()) == known
