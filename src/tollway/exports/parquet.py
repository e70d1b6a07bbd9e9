"""Parquet files, made by DuckDB from rows that were written to a file first: the memory they take does not grow with them.

Amounts are DECIMAL(38, 9) and exact. DuckDB is the extra `export`, loaded when a file is first asked for.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tollway.exports.columns import Column, Kind

_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "money": "DECIMAL(38, 9)",
    "decimal": "DECIMAL(38, 18)",
    "instant": "TIMESTAMPTZ",
    "second": "TIMESTAMPTZ",
    "boolean": "BOOLEAN",
    "json": "VARCHAR",
}

MEMORY = "256MB"
"""What DuckDB may take; beyond, it writes beside the file."""
_ROW_GROUP = 20_000
_LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of a row: its metadata, tags and lines are the caller's to make long, within the limits of a request."""


class ParquetUnavailable(Exception):
    """DuckDB is not installed; the message says how it is."""


def check_installed() -> None:
    """Raises ParquetUnavailable where no Parquet can be made."""
    if find_spec("duckdb") is None:
        raise ParquetUnavailable(
            "Parquet needs DuckDB, which is not installed where the gateway runs: pip install 'tollway[export]'. "
            "CSV and NDJSON need nothing"
        )


def told_apart(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns as the file has them. DuckDB takes "metadata.Team" and "metadata.team" for one name: the second is called
    "metadata.team (2)"."""
    taken = {column.name.lower() for column in columns}
    seen: set[str] = set()
    found: list[Column] = []
    for column in columns:
        name, number = column.name, 1
        if name.lower() in seen:
            while name.lower() in taken:
                number += 1
                name = f"{column.name} ({number})"
            taken.add(name.lower())
        seen.add(name.lower())
        found.append(column._replace(name=name))
    return tuple(found)


def convert(columns: Sequence[Column], source: Path, target: Path) -> None:
    """Writes `target` from the lines of `ndjson.loadable` in `source`, in their order. `columns`: of `told_apart`, there too.
    Blocks; raises ParquetUnavailable."""
    check_installed()
    import duckdb

    described = ", ".join(f"{_text(column.name)}: {_text(_TYPES[column.kind])}" for column in columns)
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": "1",
        "memory_limit": MEMORY,
        "temp_directory": str(target.parent),
        # Nothing is fetched from anywhere.
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(config=settings) as database:
        database.execute(
            f"COPY (SELECT * FROM read_ndjson({_text(str(source))}, columns = {{{described}}}, "
            f"maximum_object_size = {_LONGEST_LINE})) TO {_text(str(target))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
        )


def _text(value: str) -> str:
    """A literal of SQL."""
    return "'" + value.replace("'", "''") + "'"
