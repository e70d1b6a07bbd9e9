"""A database file beside the ledger's."""

import asyncio
from pathlib import Path

import apsw
import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.sql.driver import Connection
from tollway.storage.sqlite.aside import Aside

SCHEMA = "CREATE TABLE IF NOT EXISTS thing (number INTEGER NOT NULL UNIQUE, body BLOB)"


def opened(folder: Path, version: int = 1) -> Aside:
    return Aside(folder / "side.db", SCHEMA, version, "off")


def put(number: int, body: bytes = b"") -> "object":
    return lambda connection: connection.execute("INSERT INTO thing VALUES (?, ?)", (number, body)) and None


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def count(connection: Connection) -> int:
    return connection.execute("SELECT count(*) FROM thing").get


async def test_the_file_is_made_when_it_is_first_needed_and_is_its_owners_alone(tmp_path: Path) -> None:
    aside = opened(tmp_path)
    assert not aside.exists
    assert await aside.run(count) == 0
    assert aside.exists
    assert {path.stat().st_mode & 0o777 for path in files(tmp_path)} == {0o600}
    await aside.close()


async def test_what_is_asked_at_once_is_done_in_turn(tmp_path: Path) -> None:
    aside = opened(tmp_path)
    found = await asyncio.gather(*(aside.run(lambda c, n=n: (put(n)(c), count(c))[1]) for n in range(200)))  # type: ignore[operator]
    assert found == list(range(1, 201))
    await aside.close()
    again = opened(tmp_path)
    assert await again.run(count) == 200
    await again.close()


async def test_what_fails_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    aside = opened(tmp_path)
    await aside.run(put(1))  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match=r"side\.db"):
        await aside.run(put(1))  # type: ignore[arg-type]
    assert await aside.run(count) == 1
    await aside.close()


async def test_a_defect_in_what_is_asked_is_told_to_whoever_asked(tmp_path: Path) -> None:
    aside = opened(tmp_path)
    with pytest.raises(ZeroDivisionError):
        await aside.run(lambda _: 1 // 0)
    assert await aside.run(count) == 0
    await aside.close()


async def test_a_file_of_another_version_is_started_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = opened(tmp_path)
    await first.run(put(1))  # type: ignore[arg-type]
    await first.close()
    second = opened(tmp_path, version=2)
    assert await second.run(count) == 0
    await second.close()
    assert "its version is 1, not 2" in caplog.text


async def test_a_file_that_is_corrupt_is_started_over_even_while_it_is_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aside = opened(tmp_path)
    await aside.run(put(1))  # type: ignore[arg-type]

    def corrupt(_: Connection, seen: list[int] = []) -> int:  # noqa: B006 - counts its calls
        seen.append(1)
        if len(seen) == 1:
            raise apsw.CorruptError("database disk image is malformed")
        return count(_)

    assert await aside.run(corrupt) == 0
    assert "started over" in caplog.text
    await aside.close()


async def test_a_file_that_can_never_be_read_is_told(tmp_path: Path) -> None:
    aside = opened(tmp_path)

    def corrupt(_: Connection) -> int:
        raise apsw.CorruptError("database disk image is malformed")

    with pytest.raises(StoreUnavailable, match="malformed"):
        await aside.run(corrupt)
    await aside.close()


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    aside = opened(tmp_path / "none")
    with pytest.raises(StoreUnavailable):
        await aside.run(count)
    await aside.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await aside.run(count)


async def test_of_what_was_deleted_nothing_is_left_in_the_file(tmp_path: Path) -> None:
    aside = opened(tmp_path)
    await aside.run(put(1, b"SECRET-" * 20_000))  # type: ignore[arg-type]
    await aside.run(lambda connection: connection.execute("DELETE FROM thing") and None)
    await aside.give_back()
    left = b"".join(path.read_bytes() for path in files(tmp_path))
    assert b"SECRET-" not in left
    assert aside.path.stat().st_size < 50_000
    await aside.close()


async def test_what_was_asked_for_is_done_before_it_closes(tmp_path: Path) -> None:
    aside = opened(tmp_path)
    asked = [asyncio.create_task(aside.run(put(n))) for n in range(100)]  # type: ignore[arg-type]
    while not aside.exists:
        await asyncio.sleep(0)
    await aside.close()
    await asyncio.gather(*asked)
    again = opened(tmp_path)
    assert await again.run(count) == 100
    await again.close()
