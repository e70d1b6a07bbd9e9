"""Anchors are written when the log has grown, go on after a restart, and never stop anything."""

import asyncio
import base64
import contextlib
import stat
from pathlib import Path

import msgspec
import pytest

from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.ledger.change import Change
from tollway.storage import anchored
from tollway.storage.anchored import Anchor
from tollway.storage.conformance.values import NOW
from tollway.storage.memory import MemoryStore
from tollway.workers import anchors as workers
from tollway.workers.anchors import DRAWER, FILE, KEY, LAST, PREVIOUS, AnchorKeys, Anchors, keep_anchors

SEED = base64.b64encode(b"an ed25519 seed of 32 bytes: yes").decode()


async def grow(store: MemoryStore, *targets: str) -> None:
    await store.audit.append(*(Change(at=NOW, by="ann", action="budget.changed", target=target) for target in targets))


def made(store: MemoryStore, folder: Path, environment: dict[str, str] | None = None) -> Anchors:
    return Anchors(store, folder / "anchors", AnchorKeys(folder, environment or {}), lambda: NOW)


def kept(folder: Path) -> list[Anchor]:
    return [each.anchor for each in anchored.read((folder / "anchors").read_bytes())]


async def test_the_head_is_anchored_when_it_moved_and_only_then(tmp_path: Path) -> None:
    store = MemoryStore()
    anchors = made(store, tmp_path)
    assert not await anchors.write()
    assert not (tmp_path / "anchors").exists() and not (tmp_path / FILE).exists()
    await grow(store, "a", "b")
    assert [await anchors.write(), await anchors.write()] == [True, False]
    await grow(store, "c")
    assert await anchors.write()
    head = (await store.audit.changes(limit=1))[0]
    first, second = kept(tmp_path)
    assert (first.number, first.seq, second.number, second.seq, second.hash) == (1, 2, 2, 3, head.hash)
    assert second.previous == anchored.digest(anchored.written(first))
    assert anchored.is_signed(second, anchors.trusted())
    found = await anchors.verify()
    assert (found.differences, found.anchors, found.anchored_line) == ([], 2, 3)
    for name in ("anchors", FILE):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name


async def test_a_restart_goes_on_with_the_same_key_and_the_same_chain(tmp_path: Path) -> None:
    store = MemoryStore()
    await grow(store, "a")
    assert await made(store, tmp_path).write()
    assert not await made(store, tmp_path).write(), "the head has not moved"
    await grow(store, "b")
    again = made(store, tmp_path)
    assert await again.write()
    assert [each.number for each in kept(tmp_path)] == [1, 2]
    assert len({each.key for each in kept(tmp_path)}) == 1
    assert (await again.verify()).differences == []


async def test_a_crash_between_the_file_and_the_database_and_within_a_line_changes_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    await grow(store, "a")
    assert await made(store, tmp_path).write()
    before = await store.cabinet.get(DRAWER, LAST, NOW)
    assert before is not None
    await grow(store, "b")
    assert await made(store, tmp_path).write()
    await store.cabinet.put(before)
    with (tmp_path / "anchors").open("ab") as file:
        file.write(b'{"at":17')
    again = made(store, tmp_path)
    assert (await again.verify()).differences == []
    assert not await again.write()
    assert await store.cabinet.get(DRAWER, LAST, NOW) != before, "the database is told of what the file has"
    await grow(store, "c")
    assert await again.write()
    assert [each.number for each in kept(tmp_path)] == [1, 2, 3]
    assert (await again.verify()).differences == []


async def test_a_disk_that_is_away_or_full_is_told_counted_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    await grow(store, "a")
    anchors = Anchors(store, tmp_path / "mount" / "anchors", AnchorKeys(tmp_path, {}), lambda: NOW)
    assert not await anchors.write()
    assert anchors.failures == 1 and anchors.trouble is not None and "mount" in anchors.trouble
    assert "could not be anchored" in caplog.text
    (tmp_path / "mount").mkdir()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(workers.os, "fsync", full)
        assert not await anchors.write()
    assert anchors.failures == 2 and "No space left" in (anchors.trouble or "")
    assert not await anchors.write(), "the line was taken before the disk said no, and is not written twice"
    assert anchors.trouble is None and "anchored again" in caplog.text
    assert (await anchors.verify()).differences == []
    assert (await anchors.verify()).anchors == 1


async def test_a_store_that_is_away_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    await grow(store, "a")
    anchors = made(store, tmp_path)

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(store.cabinet, "put", away)
        assert not await anchors.write()
        assert not await anchors.write(), "no second anchor before the database knows of the first"
    assert anchors.failures == 2
    assert not await anchors.write() and anchors.trouble is None
    assert len(kept(tmp_path)) == 1
    assert (await anchors.verify()).differences == []


async def test_anchors_that_are_gone_are_missed_though_more_follow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    anchors = made(store, tmp_path)
    for target in "abc":
        await grow(store, target)
        assert await anchors.write()
    lines = (tmp_path / "anchors").read_bytes().splitlines(keepends=True)
    (tmp_path / "anchors").write_bytes(lines[0])
    assert "not there" in (await anchors.verify()).differences[0]
    await grow(store, "d")
    assert await anchors.write()
    assert "is not in" in caplog.text
    assert [each.number for each in kept(tmp_path)] == [1, 4]
    assert "Anchor 4 follows anchor 1" in (await anchors.verify()).differences[0]


async def test_anchors_in_another_file_go_on_from_those_of_before(tmp_path: Path) -> None:
    store = MemoryStore()
    await grow(store, "a")
    assert await made(store, tmp_path).write()
    (tmp_path / "anchors").rename(tmp_path / "old")
    moved = made(store, tmp_path)
    assert await moved.write()
    assert "The anchors begin with number 2" in (await moved.verify()).differences[0]
    old = (tmp_path / "old").read_bytes()
    (tmp_path / "anchors").write_bytes(old + (tmp_path / "anchors").read_bytes())
    assert (await moved.verify()).differences == []


async def test_a_log_that_was_changed_behind_its_back_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, other = MemoryStore(), MemoryStore()
    await grow(store, "a", "b")
    assert await made(store, tmp_path).write()
    kept_before = await store.cabinet.get(DRAWER, LAST, NOW)
    assert kept_before is not None
    await other.cabinet.put(kept_before)
    await grow(other, "a", "x", "y")
    anchors = made(other, tmp_path)
    assert await anchors.write()
    await grow(other, "z")
    assert await anchors.write()
    assert caplog.text.count("the audit log was changed: line 2 is not the one that anchor 1 signs") == 1
    words = (await anchors.verify()).differences
    assert words[0].startswith("Audit line 2 is not the one that anchor 1 of ")


async def test_what_the_database_remembers_may_have_been_changed_and_stops_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    await grow(store, "a")
    anchors = made(store, tmp_path)
    assert await anchors.write()
    before = await store.cabinet.get(DRAWER, LAST, NOW)
    assert before is not None
    await store.cabinet.put(msgspec.structs.replace(before, record=b'{"number": 99999999999999999999, "digest": 1}'))
    assert "cannot be read: it was changed" in (await anchors.verify()).differences[0]
    await grow(store, "b")
    assert await anchors.write()
    assert (await anchors.verify()).differences == []


async def test_anchors_that_somebody_else_added_are_not_followed(tmp_path: Path) -> None:
    store = MemoryStore()
    await grow(store, "a")
    anchors = made(store, tmp_path)
    assert await anchors.write()
    forged = anchored.SigningKey(bytes(32)).sign(msgspec.structs.replace(kept(tmp_path)[0], number=2**53))
    with (tmp_path / "anchors").open("ab") as file:
        file.write(anchored.written(forged) + b"\n")
    await grow(store, "b")
    assert await anchors.write()
    assert [each.number for each in kept(tmp_path)] == [1, 2**53, 2]
    assert any("prove nothing" in words for words in (await anchors.verify()).differences)


def reached(folder: Path) -> int:
    """The last line that is anchored by now: a thread writes the file, which may be there before its first line is whole."""
    path = folder / "anchors"
    said = path.read_bytes() if path.exists() else b""
    return max((each.anchor.seq for each in anchored.read(said[: said.rfind(b"\n") + 1])), default=0)


async def test_the_worker_writes_at_the_start_and_then_every_so_often(tmp_path: Path) -> None:
    store = MemoryStore()
    await grow(store, "a")
    anchors = made(store, tmp_path)
    running = asyncio.create_task(keep_anchors(anchors, 0.0))
    for target in ("b", "c"):
        seen = (await store.audit.changes(limit=1))[0].seq
        while reached(tmp_path) < seen:
            assert not running.done()
            await asyncio.sleep(0)
        await grow(store, target)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert [each.seq for each in kept(tmp_path)][:2] == [1, 2]


def test_a_key_may_be_named_by_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SEED}\n")
    by_file = AnchorKeys(tmp_path, {KEY: f"file:{tmp_path / 'key'}"})
    by_name = AnchorKeys(tmp_path, {KEY: "env:SIGNING", "SIGNING": SEED})
    assert by_file.trusted() == by_name.trusted() == (by_file.signing().public,)
    assert not (tmp_path / FILE).exists()
    assert AnchorKeys(tmp_path, {}).trusted() == (), "none is made to look at anchors"
    assert SEED not in repr(by_file) + repr(by_file.signing())


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({KEY: SEED}, "write env:NAME or file:PATH"),
        ({KEY: "env:MISSING"}, "env:MISSING has no key of 32 bytes"),
        ({KEY: "env:SHORT", "SHORT": "YWJj"}, "openssl rand -base64 32"),
        ({KEY: "file:/nowhere/key"}, "'/nowhere/key' cannot be read"),
        ({PREVIOUS: "abc"}, "'abc' is no public key"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_with_the_way_out(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsInvalid, match=said) as refused:
        AnchorKeys(tmp_path, environment)
    assert SEED not in str(refused.value)


async def test_another_key_believes_anchors_of_the_one_before_where_that_is_named(tmp_path: Path) -> None:
    store = MemoryStore()
    await grow(store, "a")
    first = made(store, tmp_path)
    assert await first.write()
    public = first.trusted()[0]
    await grow(store, "b")
    other = made(store, tmp_path, {KEY: "env:SIGNING", "SIGNING": SEED})
    assert await other.write()
    assert [each.number for each in kept(tmp_path)] == [1, 2]
    assert "prove nothing" in (await other.verify()).differences[0]
    named = made(store, tmp_path, {KEY: "env:SIGNING", "SIGNING": SEED, PREVIOUS: public})
    assert (await named.verify()).differences == []


@pytest.mark.parametrize("text", [b"", b"YWJj\n", b"\xff\xfe"])
async def test_a_key_in_the_data_folder_that_is_broken_stops_nothing_and_is_left_as_it_is(
    tmp_path: Path, text: bytes
) -> None:
    store = MemoryStore()
    await grow(store, "a")
    (tmp_path / FILE).write_bytes(text)
    anchors = made(store, tmp_path)
    assert not await anchors.write()
    assert "audit.key has no key of 32 bytes" in (anchors.trouble or "")
    assert (tmp_path / FILE).read_bytes() == text
    with pytest.raises(SettingsInvalid):
        await anchors.verify()


async def test_a_disk_that_never_answers_does_not_hold_up_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    await grow(store, "a")
    anchors = made(store, tmp_path)
    async with anchors._lock:
        # As while a write hangs.
        await anchors.finish(within_s=0.0)
    assert "it did not answer" in caplog.text and not (tmp_path / "anchors").exists()
    await anchors.finish()
    assert len(kept(tmp_path)) == 1


async def test_many_at_once_write_one_anchor(tmp_path: Path) -> None:
    store = MemoryStore()
    await grow(store, "a")
    anchors = made(store, tmp_path)
    assert sorted(await asyncio.gather(*(anchors.write() for _ in range(5)))) == [False] * 4 + [True]
    assert (tmp_path / "anchors").stat().st_size == len(anchored.written(kept(tmp_path)[0])) + 1
