import csv
import io
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import duckdb
import pytest

from tollway.exports.columns import Column, Table
from tollway.exports.making import Form, paged, pieces, write

TABLE = Table[int]("numbers", (Column("n", "integer", ""), Column("of", "text", "")), lambda n: [(n, "=x")] * (n % 3))


class Listing:
    """Ten pages of four numbers, of which the second is empty."""

    def __init__(self) -> None:
        self.read = 0

    async def page(self, cursor: str | None) -> "Found":
        at = int(cursor or 0)
        self.read += 1
        return Found([] if at == 1 else list(range(at * 4, at * 4 + 4)), str(at + 1) if at < 9 else None)

    def pages(self) -> AsyncGenerator[Sequence[int]]:
        return paged(self.page)


class Found:
    def __init__(self, items: Sequence[int], following: str | None) -> None:
        self.items = items
        self.next = following


EXPECTED = [n for n in range(40) if n not in range(4, 8) for _ in range(n % 3)]


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def made(form: Form, listing: Listing) -> bytes:
    return b"".join([piece async for piece in pieces(TABLE, listing.pages(), form)])


async def test_csv_has_every_row_in_the_order_of_the_pages() -> None:
    head, *rows = csv.reader(io.StringIO((await made("csv", Listing())).decode(), newline=""))
    assert head == ["n", "of"]
    assert [int(row[0]) for row in rows] == EXPECTED


async def test_a_file_of_nothing_has_its_heading() -> None:
    async def none() -> AsyncGenerator[Sequence[int]]:
        for page in ([], [0]):
            yield page

    assert b"".join([piece async for piece in pieces(TABLE, none(), "csv")]) == b"n,of\r\n"
    assert b"".join([piece async for piece in pieces(TABLE, none(), "ndjson")]) == b""


async def test_no_page_is_read_before_the_one_before_it_was_sent() -> None:
    listing = Listing()
    found = pieces(TABLE, listing.pages(), "csv")
    await anext(found)
    assert listing.read == 1
    await anext(found)
    assert listing.read == 2 + 1, "an empty page is passed over"
    await found.aclose()
    assert listing.read == 3


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
async def test_a_file_is_written_as_a_whole(tmp_path: Path, form: Form) -> None:
    path = tmp_path / f"numbers.{form}"
    await write(TABLE, Listing().pages(), form, path)
    if form == "parquet":
        assert [n for (n,) in duckdb.execute("SELECT n FROM read_parquet(?)", [str(path)]).fetchall()] == EXPECTED
        sent = await made(form, Listing())
        assert len(sent) == path.stat().st_size
    else:
        assert path.read_bytes() == await made(form, Listing())
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
async def test_nothing_is_left_where_reading_fails(tmp_path: Path, form: Form) -> None:
    async def broken() -> AsyncGenerator[Sequence[int]]:
        yield [1, 2]
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        await write(TABLE, broken(), form, tmp_path / "numbers")
    assert names(tmp_path) == []
