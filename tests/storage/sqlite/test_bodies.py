import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tollway.logs.bodies import Bodies, Body, Part
from tollway.storage.sqlite import bodies as module
from tollway.storage.sqlite.bodies import FILE, SqliteBodies

NOW = 1_700_000_000_000
SECRET = b"sk-a-secret-of-a-provider"


def of(request_id: str, at: int = NOW, secrets: tuple[bytes, ...] = (), **parts: bytes) -> Bodies:
    found = tuple(
        Body(part=part, content=content, content_type="text/plain", size=len(content))  # type: ignore[arg-type]
        for part, content in parts.items()
    )
    return Bodies(request_id=request_id, at=at, bodies=found, secrets=secrets, most=1_000_000)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteBodies]:
    made = SqliteBodies(tmp_path, most_held=1_000)
    yield made
    await made.close()


def files(folder: Path) -> bytes:
    """What is in all of them together."""
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.name.startswith(FILE))


async def put(store: SqliteBodies, bodies: Bodies) -> None:
    assert store.hold(bodies.held)
    store.keep(bodies)
    await store.flush()


async def read(store: SqliteBodies, request_id: str, part: Part = "asked") -> bytes | None:
    found = await store.body(request_id, part)
    return found.content if found is not None else None


async def test_there_is_no_file_before_the_first_body(store: SqliteBodies, tmp_path: Path) -> None:
    assert await store.parts("r") == [] and await store.body("r", "asked") is None
    assert await store.delete(["r"]) == 0 and await store.retain(before=NOW, requests=1, limit_bytes=1) == 0
    await store.give_back()
    assert not files(tmp_path)


async def test_bodies_are_read_back_with_what_is_told_of_them(store: SqliteBodies) -> None:
    await put(store, of("r", asked=b"a question", returned=b"an answer" * 50))
    assert [(a.part, a.size, a.kept, a.content_type) for a in await store.parts("r")] == [
        ("asked", 10, 10, "text/plain"), ("returned", 450, 450, "text/plain"),
    ]  # fmt: skip
    assert await read(store, "r") == b"a question"
    assert await read(store, "r", "returned") == b"an answer" * 50
    assert await read(store, "r", "sent") is None and await read(store, "other") is None


async def test_they_are_compressed_and_no_secret_is_in_the_file(store: SqliteBodies, tmp_path: Path) -> None:
    text = b"The quick brown fox " * 40
    await put(store, of("r", asked=text + SECRET, secrets=(SECRET,)))
    await store.close()
    written = files(tmp_path)
    assert SECRET not in written and text not in written
    reopened = SqliteBodies(tmp_path)
    assert await read(reopened, "r") == text + b"*" * len(SECRET)
    await reopened.close()


async def test_what_does_not_get_smaller_is_kept_as_it_is(store: SqliteBodies) -> None:
    packed = zlib.compress(b"something that was compressed already")
    await put(store, of("r", asked=packed))
    assert await read(store, "r") == packed


async def test_memory_is_given_back_once_they_are_written(store: SqliteBodies) -> None:
    assert store.hold(900) and not store.hold(101)
    store.keep(of("r", asked=b"a" * 900))
    await store.flush()
    assert store.held == 0 and store.hold(1_000)


async def test_there_is_no_room_while_records_wait(tmp_path: Path) -> None:
    pressed = True
    store = SqliteBodies(tmp_path, pressed=lambda: pressed)
    assert not store.hold(1)
    pressed = False
    assert store.hold(1)
    await store.close()


async def test_what_the_disk_does_not_take_is_counted_and_holds_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteBodies(tmp_path / "nowhere")
    for number in range(2):
        await put(store, of(f"r{number}", asked=b"lost"))
    assert (store.dropped, store.held) == (2, 0)
    assert len([line for line in caplog.records if "bodies of requests are not kept" in line.message]) == 1
    await store.close()


async def test_those_of_some_requests_are_deleted(store: SqliteBodies) -> None:
    for name in "abc":
        await put(store, of(name, asked=b"x"))
    assert await store.delete(["a", "c", "unknown"]) == 2
    assert [await read(store, name) for name in "abc"] == [None, b"x", None]


async def test_the_oldest_go_by_age_count_and_size_a_step_at_a_time(
    store: SqliteBodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP", 3)
    for number in range(10):
        await put(store, of(f"r{number}", NOW + number, asked=b"x" * 100))
    assert await store.retain(before=NOW + 4, requests=None, limit_bytes=None) == 3
    assert await store.retain(before=NOW + 4, requests=None, limit_bytes=None) == 1
    assert await store.retain(before=NOW + 4, requests=None, limit_bytes=None) == 0
    assert await store.retain(before=None, requests=4, limit_bytes=None) == 2
    assert await store.retain(before=None, requests=4, limit_bytes=None) == 0
    assert [await read(store, f"r{n}") is not None for n in range(10)] == [False] * 6 + [True] * 4
    assert await store.retain(before=None, requests=None, limit_bytes=1) == 3
    assert await store.retain(before=None, requests=None, limit_bytes=1) == 1
    assert await store.retain(before=None, requests=None, limit_bytes=1) == 0
    await store.give_back()


async def test_one_within_the_limit_of_bytes_is_not_let_go_of(store: SqliteBodies) -> None:
    for number in range(4):
        await put(store, of(f"r{number}", asked=bytes(range(100))))
    whole = await store._file.run(lambda connection: connection.execute("SELECT size FROM total").get)
    assert await store.retain(before=None, requests=None, limit_bytes=whole) == 0
    assert await store.retain(before=None, requests=None, limit_bytes=whole - 1) == 1
