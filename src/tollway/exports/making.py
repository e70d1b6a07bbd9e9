"""Making a file of a table, page by page: whatever its length, it takes the memory of a page and no time of the event loop."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from tollway.exports import csv, ndjson, parquet
from tollway.exports.columns import Table

T = TypeVar("T")
Thing = TypeVar("Thing", covariant=True)

Form = Literal["csv", "parquet", "ndjson"]

MEDIA_TYPES: dict[Form, str] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "ndjson": "application/x-ndjson",
}

AT_ONCE = 100
"""Things of a page: about three milliseconds of reading."""
WRITTEN_AT_ONCE = 16
"""Things that are written in a thread before others have their turn: of FOCUS, whose rows are wide, three milliseconds."""
PIECE = 256 * 1024
"""Bytes of a finished file that are sent at once."""


class Page(Protocol[Thing]):
    """A keyset page."""

    @property
    def items(self) -> Sequence[Thing]: ...

    @property
    def next(self) -> str | None: ...


async def paged(read: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncGenerator[Sequence[T]]:
    """Every page of a listing; `read` is given the cursor of each, `None` for the first."""
    cursor: str | None = None
    while True:
        page = await read(cursor)
        yield page.items
        cursor = page.next
        if cursor is None:
            return


async def pieces(
    table: Table[T], pages: AsyncIterator[Sequence[T]], form: Form, *, spreadsheet: bool = True
) -> AsyncGenerator[bytes]:
    """The bytes of the file. Rows are in the order of the pages; a Parquet file is finished before its first byte.

    Raises ParquetUnavailable; and what reading a page raises, where it is read.
    """
    if form == "parquet":
        # Where an open file cannot be deleted, it is left to the system.
        with tempfile.TemporaryDirectory(prefix="tollway-export-", ignore_cleanup_errors=True) as folder:
            made = Path(folder) / "made.parquet"
            await _parquet(table, pages, made)
            file = made.open("rb")
        # Opened before its folder was deleted: nothing is left behind, however this ends.
        with file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece
        return
    # The heading goes with the first page: what is wrong with the question is told before anything is sent.
    heading = csv.heading(table.columns) if form == "csv" else b""
    async for page in pages:
        parts = [await asyncio.to_thread(_lines, table, part, form, spreadsheet) for part in _parts(page)]
        if made := b"".join((heading, *parts)):
            yield made
        heading = b""
    if heading:
        yield heading


async def write(
    table: Table[T], pages: AsyncIterator[Sequence[T]], form: Form, path: Path, *, spreadsheet: bool = True
) -> None:
    """The same into a file, which is there as a whole or not at all. Raises ParquetUnavailable, OSError, and what reading a
    page raises."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        if form == "parquet":
            await _parquet(table, pages, unfinished)
        else:
            with unfinished.open("wb") as file:
                async for piece in pieces(table, pages, form, spreadsheet=spreadsheet):
                    await asyncio.to_thread(file.write, piece)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _parts(page: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(page), WRITTEN_AT_ONCE):
        yield page[first : first + WRITTEN_AT_ONCE]


def _lines(table: Table[T], page: Sequence[T], form: Form, spreadsheet: bool) -> bytes:
    rows = table.rows_of(page)
    if form == "csv":
        return csv.lines(table.columns, rows, spreadsheet=spreadsheet)
    return ndjson.lines(table.columns, rows)


async def _parquet(table: Table[T], pages: AsyncIterator[Sequence[T]], target: Path) -> None:
    parquet.check_installed()
    source, columns = target.with_name(f"{target.name}.rows"), parquet.told_apart(table.columns)
    try:
        with source.open("wb") as file:

            def add(page: Sequence[T]) -> None:
                file.write(ndjson.loadable(columns, table.rows_of(page)))

            async for page in pages:
                for part in _parts(page):
                    await asyncio.to_thread(add, part)
        await asyncio.to_thread(parquet.convert, columns, source, target)
    finally:
        source.unlink(missing_ok=True)
