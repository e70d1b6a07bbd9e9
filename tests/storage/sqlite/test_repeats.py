"""Requests that may be repeated, across the end of the process."""

import asyncio
import sys
from pathlib import Path

import pytest

from tollway.cache.entry import Kept
from tollway.cache.idempotency import Fresh, Lost, Replay
from tollway.storage.repeats import Repeats
from tollway.storage.sqlite.repeats import FILE, SqliteShelf

KEPT = Kept(status=200, headers=(), body=b"{}", made_at=0, expires_at=1)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_no_file_is_made_before_a_key_is_sent(tmp_path: Path) -> None:
    repeats = Repeats(SqliteShelf(tmp_path))
    await repeats.close()
    assert files(tmp_path) == []


async def test_an_answer_survives_a_restart(tmp_path: Path) -> None:
    repeats = Repeats(SqliteShelf(tmp_path))
    await repeats.begin(b"k", b"f", 0)
    await repeats.finish(b"k", KEPT, 1)
    await repeats.close()
    again = Repeats(SqliteShelf(tmp_path))
    assert await again.begin(b"k", b"f", 2) == Replay(KEPT)
    await again.close()


async def test_what_was_under_way_at_a_crash_is_not_run_again(tmp_path: Path) -> None:
    crashed = Repeats(SqliteShelf(tmp_path))
    assert await crashed.begin(b"k", b"f", 0) == Fresh()
    # Its file is read as a crash leaves it, by another while the first has it open.
    after = Repeats(SqliteShelf(tmp_path))
    assert await after.begin(b"k", b"f", 1) == Lost("interrupted")
    await after.close()
    await crashed.close()


DIES = """
import asyncio, os, sys
from pathlib import Path
from tollway.cache.entry import Kept
from tollway.storage.repeats import Repeats
from tollway.storage.sqlite.repeats import SqliteShelf

async def main():
    repeats = Repeats(SqliteShelf(Path(sys.argv[1])))
    kept = Kept(status=200, headers=(), body=b"{}", made_at=0, expires_at=1)
    for key in (b"answered", b"cut", b"refused"):
        await repeats.begin(key, b"f", 0)
    await repeats.finish(b"answered", kept, 1)
    await repeats.finish(b"refused", None, 1)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_a_process_that_is_killed_leaves_behind_how_its_requests_stood(tmp_path: Path) -> None:
    died = await asyncio.create_subprocess_exec(sys.executable, "-c", DIES, str(tmp_path))
    assert await died.wait() == -9
    repeats = Repeats(SqliteShelf(tmp_path))
    told = [await repeats.begin(key, b"f", 2) for key in (b"answered", b"cut", b"refused")]
    assert told == [Replay(KEPT), Lost("interrupted"), Fresh()]
    await repeats.finish(b"refused", None, 3)
    await repeats.close()


async def test_an_end_that_cannot_be_kept_leaves_the_request_under_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = SqliteShelf(tmp_path)
    repeats = Repeats(shelf)
    await repeats.begin(b"k", b"f", 0)
    await shelf.close()
    await repeats.finish(b"k", KEPT, 1)
    assert "cannot be kept" in caplog.text
    again = Repeats(SqliteShelf(tmp_path))
    assert await again.begin(b"k", b"f", 2) == Lost("interrupted")
    await again.close()


async def test_a_file_that_is_no_database_is_started_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(b"nonsense" * 1_000)
    repeats = Repeats(SqliteShelf(tmp_path, sync="full"))
    assert await repeats.begin(b"k", b"f", 0) == Fresh()
    await repeats.finish(b"k", None, 1)
    await repeats.close()
    assert "started over" in caplog.text
