"""Writing one commit: each kind of row in one statement, as every statement is a way to the server and back."""

from collections.abc import Sequence
from typing import Final

from tollway.storage.books import Ended
from tollway.storage.postgres.dialect import bound, translated
from tollway.storage.postgres.driver import Connection
from tollway.storage.sql import statements
from tollway.storage.sql.batch import Batch, Bindings, known_end

_TEXTS: Final = ("text",) * 9
_ENTRY_TYPES: Final = (
    *("bigint", "text", "text", "text", "bigint", "text", "bigint"),
    *_TEXTS,
    *("text", "bigint", "bigint", "text", "bytea", "bytea", "bigint", "bigint"),
)


def _rows(types: Sequence[str]) -> str:
    return f"unnest({', '.join(f'${place}::{kind}[]' for place, kind in enumerate(types, start=1))})"


# As `statements.INSERT_INTENT`; gives back those that were written.
_INTENTS: Final = f"""
INSERT INTO intents (reservation_id, opened_at, record)
SELECT one.id, one.opened_at, one.record FROM {_rows(("text", "bigint", "bytea"))} AS one (id, opened_at, record)
WHERE NOT EXISTS (SELECT 1 FROM entries WHERE entries.id BETWEEN one.id || '.' AND one.id || '/' AND reservation_id = one.id)
  AND NOT EXISTS (SELECT 1 FROM releases WHERE reservation_id = one.id)
ON CONFLICT DO NOTHING RETURNING reservation_id
"""
_RESIZES: Final = f"""
INSERT INTO resizes (reservation_id, number, amount_nanodollars) SELECT * FROM {_rows(("text", "bigint", "bigint"))}
"""
_ENTRIES: Final = (
    statements.INSERT_ENTRY[: statements.INSERT_ENTRY.index("VALUES")].replace("user,", '"user",')
    + f"SELECT * FROM {_rows(_ENTRY_TYPES)}"
)
_RELEASES: Final = f"""
INSERT INTO releases (reservation_id, code, at) SELECT * FROM {_rows(("text", "text", "bigint"))} ON CONFLICT DO NOTHING
"""
_BALANCES: Final = translated(
    statements.SAVE_BALANCE.replace(
        "VALUES (?, ?, ?, ?)", f"SELECT * FROM {_rows(('text', 'bigint', 'bigint', 'bigint'))}"
    )
)
_MARKS: Final = statements.SAVE_MARK.replace("VALUES (?, ?)", f"SELECT * FROM {_rows(('text', 'bigint'))}")


def write(connection: Connection, batch: Batch, *, again: bool) -> dict[int, Ended]:
    """Writes a batch in the transaction that was begun, and commits it.

    `again`: rows of it may have been written by a commit whose answer never came; those are passed over. Returns how the reservations of
    intents that were known already had ended, by place; those were left out. Raises one of `driver.FAILURES`.
    """
    known: dict[int, Ended] = {}
    if batch.intents:
        written = {row[0] for row in _add(connection, _INTENTS, batch.intents)}
        for place, row in enumerate(batch.intents):
            # Of two of one id in a batch, the first was written.
            if bound(row[0]) in written:
                written.discard(bound(row[0]))
            else:
                end = known_end(connection, row[0])
                assert end is not None, "an intent was refused that the store does not know"
                known[place] = end
    _add(connection, _INTENTS, batch.late)
    doubt = " ON CONFLICT DO NOTHING" if again else ""
    _add(connection, _RESIZES + doubt, [*batch.extensions, *batch.shrinks])
    _add(connection, _ENTRIES + (" ON CONFLICT (id) DO NOTHING" if again else ""), batch.entries)
    _add(connection, _RELEASES, batch.releases)
    # What failed before may be followed by a newer figure of the same bucket; of two, the later one stands.
    _add(connection, _BALANCES, list({(bound(row[0]), row[1]): row for row in batch.balances}.values()))
    _add(connection, _MARKS, list(dict(batch.marks).items()))
    if batch.probe:
        _add(connection, _MARKS, [("probe", 1)])
    connection.script("COMMIT")
    return known


def _add(connection: Connection, statement: str, rows: Sequence[Bindings]) -> list[Bindings]:
    if not rows:
        return []
    return connection.fetch(statement, *([bound(value) for value in column] for column in zip(*rows, strict=True)))
