"""Writes the schema of a new database as SQL: what all migrations make of an empty file, and the same tables for PostgreSQL.

    python scripts/make_schema.py

A new database is made from it without Alembic, which takes half a second and 25 MB to load. A test keeps the two equal.
"""

import re
import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from tollway.storage import migrations, postgres, schema
from tollway.storage.postgres.schema import TABLES


def schema_of_migrations() -> str:
    """Every statement that makes the schema of `migrations.HEAD`, in an order in which they can be run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new.db"
        migrations.migrate(path)
        database = sqlite3.connect(path)
        try:
            rows = database.execute(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type != 'table', rowid"
            ).fetchall()
        finally:
            database.close()
    return "".join(f"{statement.strip()};\n" for (statement,) in rows)


def tables_of_postgres() -> str:
    """Every table and index. Texts are in the order of their bytes, as in SQLite, whatever the database's own collation is."""
    dialect = postgresql.dialect()
    made = ["CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"]
    for table in schema.metadata.sorted_tables:
        told = str(CreateTable(table).compile(dialect=dialect))
        indexes = [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=_name)]
        for constraint in table.constraints:
            if isinstance(constraint, sa.PrimaryKeyConstraint | sa.UniqueConstraint) and _long(constraint.columns):
                told = re.sub(rf", \n\t[^\n]*\({re.escape(_listed(constraint.columns))}\)", "", told)
                keys = ", ".join(
                    f"brief({_quoted(each)})" if _long([each]) else each.name for each in constraint.columns
                )
                indexes.append(f"CREATE UNIQUE INDEX {constraint.name or f'{table.name}_key'} ON {table.name} ({keys})")
            if isinstance(constraint, sa.PrimaryKeyConstraint) and _long(constraint.columns):
                # What follows a database by its changes has to know rows by something.
                indexes.append(f"ALTER TABLE {table.name} REPLICA IDENTITY FULL")
        made += [told, *indexes]
    told = "".join(f"{statement.strip()};\n" for statement in made)
    return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', re.sub(r"[ \t]+$", "", told, flags=re.MULTILINE))


def _long(columns: Iterable[sa.Column[Any]]) -> bool:
    return any(column.info.get("long") for column in columns)


def _listed(columns: Iterable[sa.Column[Any]]) -> str:
    return ", ".join(map(_quoted, columns))


def _quoted(column: sa.Column[Any]) -> str:
    return postgresql.dialect().identifier_preparer.quote(column.name)


def _name(index: sa.Index) -> str:
    return str(index.name)


if __name__ == "__main__":
    written = migrations.HERE / migrations.FRESH
    written.write_text(
        f"-- Schema {migrations.HEAD}, made by scripts/make_schema.py from the migrations.\n{schema_of_migrations()}"
    )
    print(f"{written.name}: schema {migrations.HEAD}")
    written = Path(postgres.__path__[0]) / TABLES
    written.write_text(f"-- Schema {migrations.HEAD}, made by scripts/make_schema.py.\n{tables_of_postgres()}")
    print(f"{written.name}: schema {migrations.HEAD}")
