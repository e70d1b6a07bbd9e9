"""The audit log in a database: who edits the file is found out, and the database refuses it first."""

from contextlib import closing

import apsw
import pytest
from tests.storage.sql.places import dropping_triggers, in_a_file

from tollway.errors import StoreUnavailable
from tollway.storage import chain
from tollway.storage.conformance.remembered import change
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.store import SqlStore


async def alter(store: SqlStore, *lines: str) -> None:
    def work(writing: Connection) -> None:
        for line in lines:
            writing.execute(line)

    await store._database.writer.run(work)


def literal(record: bytes) -> str:
    return f"X'{record.hex()}'"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET target = 'x'",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT * FROM audit WHERE TRUE ON CONFLICT (seq) DO UPDATE SET hash = ''",
    ],
)
async def test_a_line_cannot_be_changed_or_deleted(store: SqlStore, statement: str) -> None:
    await store.audit.append(change("budget.changed", "ml"))
    with pytest.raises(StoreUnavailable, match="never changed or deleted"):
        await alter(store, statement)
    assert list(await store.audit.verify()) == []


@in_a_file
async def test_a_line_cannot_be_replaced_either(store: SqlStore) -> None:
    await store.audit.append(change("budget.changed", "ml"))
    with pytest.raises(StoreUnavailable, match="never changed or deleted"):
        await alter(store, "REPLACE INTO audit SELECT * FROM audit")
    assert list(await store.audit.verify()) == []


@in_a_file
async def test_no_other_program_can_replace_a_line_either(store: SqlStore) -> None:
    await store.audit.append(change("budget.changed", "ml"))
    # As any program but ours has it: what is replaced is deleted without a trigger.
    refused = pytest.raises(apsw.ConstraintError, match="never changed or deleted")
    with closing(apsw.Connection(str(store._database.path))) as other, refused:
        other.execute("REPLACE INTO audit SELECT * FROM audit")
    await store.audit.append(change("budget.changed", "web"))
    assert list(await store.audit.verify()) == []


async def test_who_takes_the_guard_away_and_changes_a_line_breaks_the_chain(store: SqlStore) -> None:
    await store.audit.append(*(change("budget.changed", f"b{number}") for number in range(4)))
    await alter(
        store,
        *dropping_triggers(store, "audit"),
        f"UPDATE audit SET record = {literal(chain.canonical(change('budget.changed', 'bX')))} WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
    )
    words = await store.audit.verify()
    assert [each[:12] for each in words] == ["Audit line 2", "Audit line 4", "Audit line 4", "Audit line 2"]
    assert "was changed" in words[0] and "gone" in words[1]


async def test_the_chain_goes_on_after_a_start(store: SqlStore) -> None:
    await store.audit.append(change("budget.changed", "ml"))
    await store.close()
    await store.open(0)
    await store.audit.append(change("budget.changed", "ml"))
    second, first = await store.audit.changes(limit=9)
    assert (second.seq, second.previous) == (2, first.hash)
    assert list(await store.audit.verify()) == []


async def test_many_changes_are_one_step(store: SqlStore) -> None:
    lines = [change("budget.changed", "ml"), change("budget.changed", None)]  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await store.audit.append(*lines)
    assert list(await store.audit.changes(limit=9)) == []


@pytest.mark.parametrize(
    ("column", "value"), [("at", "7"), ('"by"', "'mallory'"), ("action", "'key.created'"), ("target", "'other'")]
)
async def test_a_column_that_says_something_else_than_what_was_hashed_is_named(
    store: SqlStore, column: str, value: str
) -> None:
    await store.audit.append(change("budget.changed", "ml"), change("budget.changed", "ml"))
    await alter(store, *dropping_triggers(store, "audit"), f"UPDATE audit SET {column} = {value} WHERE seq = 2")
    (words,) = await store.audit.verify()
    name, kept = column.strip('"'), value
    assert words.startswith(f"Audit line 2 was changed: {name} is kept as {kept}, and its record says ")


async def test_a_record_that_cannot_be_read_is_told_and_not_stumbled_over(store: SqlStore) -> None:
    await store.audit.append(change("budget.changed", "ml"))
    await alter(store, *dropping_triggers(store, "audit"), f"UPDATE audit SET record = {literal(b'{')}")
    words = await store.audit.verify()
    assert "its hash is" in words[0]
    assert words[1] == "Audit line 1 was changed: its record cannot be read."
