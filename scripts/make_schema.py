"""Writes the schema of a new database as SQL: what all migrations make of an empty file.

    python scripts/make_schema.py

A new database is made from it without Alembic, which takes half a second and 25 MB to load. A test keeps the two equal.
"""

import sqlite3
import tempfile
from pathlib import Path

from tollway.storage import migrations


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


if __name__ == "__main__":
    written = migrations.HERE / migrations.FRESH
    written.write_text(
        f"-- Schema {migrations.HEAD}, made by scripts/make_schema.py from the migrations.\n{schema_of_migrations()}"
    )
    print(f"{written.name}: schema {migrations.HEAD}")
