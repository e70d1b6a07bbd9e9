"""A stopped gateway's audit log: a thousand ways to tamper with its database, and each is found."""

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tollway.errors import StoreUnavailable
from tollway.ledger.change import Change
from tollway.storage import anchored, chain
from tollway.storage.conformance.values import NOW
from tollway.storage.sql.audited import AuditLog, examine_audit
from tollway.storage.sqlite import SqliteStore, connection
from tollway.storage.sqlite.connection import FILE, FolderLock
from tollway.storage.sqlite.driver import connect
from tollway.workers.anchors import DRAWER, LAST, AnchorKeys, Anchors

LINES, EVERY = 40, 5
Row = list[Any]
"""seq, at, by, action, target, record, previous, hash"""
_ROWS = """SELECT seq, at, "by", action, target, record, previous, hash FROM audit ORDER BY seq"""


def change(number: int) -> Change:
    return Change(at=NOW + number, by=f"admin-{number % 3}", action="budget.changed", target=f"b{number}", after="{}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with forty lines, the last of them and every fifth before it anchored, whose database nothing guards."""
    folder = tmp_path_factory.mktemp("whole")

    async def fill() -> None:
        store = SqliteStore(folder)
        await store.open(NOW)
        anchors = Anchors(store, folder / "anchors", AnchorKeys(folder, {}), lambda: NOW)
        for number in range(1, LINES + 1):
            await store.audit.append(change(number))
            if number % EVERY == 0:
                assert await anchors.write()
        await store.close()

    asyncio.run(fill())
    database = connect(folder / FILE)
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute("PRAGMA journal_mode = DELETE")
    database.close()
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return tmp_path


def log_of(folder: Path) -> AuditLog:
    lines = {each.anchor.seq for each in anchored.read((folder / "anchors").read_bytes())}
    return examine_audit(folder, lines, (DRAWER, LAST))


def differences(folder: Path, trusted: tuple[str, ...]) -> list[str]:
    log, anchors = log_of(folder), anchored.read((folder / "anchors").read_bytes())
    found = anchored.verdict(
        log.broken, anchors, head=log.head, hashes=log.hashes, remembered=log.remembered, trusted=trusted
    )
    return list(found.differences)


def edit(rows: list[Row], chance: random.Random) -> None:
    """Says something else of one line: in its record, in a column beside it, or in a hash."""
    row = chance.choice(rows)
    place = chance.choice(["record", "column", "hash", "everywhere"])
    said = msgspec.json.decode(row[5], type=Change)
    forged = msgspec.structs.replace(
        said, **{chance.choice(["by", "action", "target", "after", "before", "reason"]): f"x{chance.random()}"}
    )
    if place == "record":
        row[5] = chain.canonical(forged)
    elif place == "column":
        row[chance.choice([2, 3, 4])] = f"x{chance.random()}"
    elif place == "hash":
        row[chance.choice([6, 7])] = chance.randbytes(32).hex()
    else:
        row[1:6] = [forged.at, forged.by, forged.action, forged.target, chain.canonical(forged)]


def delete(rows: list[Row], chance: random.Random) -> None:
    for row in chance.sample(rows, chance.randint(1, 4)):
        rows.remove(row)
    if chance.random() < 0.5:
        for seq, row in enumerate(rows, start=1):
            row[0] = seq


def reorder(rows: list[Row], chance: random.Random) -> None:
    first, last = sorted(chance.sample(range(len(rows)), 2))
    moved = [row[1:] for row in rows[first : last + 1]]
    if chance.random() < 0.5:
        moved[0], moved[-1] = moved[-1], moved[0]
    else:
        moved = [*moved[1:], moved[0]]
    for row, content in zip(rows[first : last + 1], moved, strict=True):
        row[1:] = content


def truncate(rows: list[Row], chance: random.Random) -> None:
    del rows[chance.randrange(len(rows)) :]


def grow_again(rows: list[Row], chance: random.Random) -> None:
    """Cuts lines off and writes others, with hashes that fit."""
    truncate(rows, chance)
    while len(rows) < LINES + chance.randint(0, 3):
        insert(rows, chance, at=len(rows))
    compute_again(rows)


def insert(rows: list[Row], chance: random.Random, at: int | None = None) -> None:
    forged = msgspec.structs.replace(change(len(rows)), by=f"mallory-{chance.random()}")
    place = chance.randrange(len(rows)) if at is None else at
    rows.insert(place, [0, forged.at, forged.by, forged.action, forged.target, chain.canonical(forged), "", ""])
    for seq, row in enumerate(rows, start=1):
        row[0] = seq


def compute_again(rows: list[Row]) -> None:
    previous = ""
    for row in rows:
        row[6], row[7] = previous, chain.link(previous, row[5])
        previous = row[7]


TAMPERINGS: list[Callable[[list[Row], random.Random], None]] = [edit, delete, reorder, truncate, grow_again, insert]


def test_each_of_a_thousand_tamperings_with_the_database_is_found(folder: Path) -> None:
    trusted = AnchorKeys(folder, {}).trusted()
    assert differences(folder, trusted) == []
    database = connect(folder / FILE)
    database.execute("PRAGMA synchronous = OFF")
    rows = [list(row) for row in database.execute(_ROWS).fetchall()]
    chance = random.Random(37)
    done: Counter[str] = Counter()
    missed: list[tuple[int, str]] = []
    while (number := done.total()) < 1_000:
        tampered = [list(row) for row in rows]
        how = chance.choice(TAMPERINGS)
        how(tampered, chance)
        name = how.__name__
        if chance.random() < 0.5:
            compute_again(tampered)
            name += ", computed again"
        if tampered == rows:
            # Only a hash was edited, and computing it again made that good.
            assert name == "edit, computed again"
            continue
        done[name] += 1
        with database:
            database.execute("DELETE FROM audit")
            database.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", tampered)
        if not differences(folder, trusted):
            missed.append((number, name))
    database.close()
    assert missed == []
    assert len(done) == 2 * len(TAMPERINGS), done


def test_each_of_three_hundred_tamperings_with_the_anchors_is_found(folder: Path) -> None:
    file, trusted = folder / "anchors", AnchorKeys(folder, {}).trusted()
    log, text = log_of(folder), file.read_bytes()
    lines, chance = text.splitlines(), random.Random(38)
    for number in range(300):
        kind, changed = number % 4, list(lines)
        place = chance.randrange(len(lines))
        if kind == 0:
            letter = chance.randrange(len(lines[place]))
            changed[place] = lines[place][:letter] + b"?" + lines[place][letter + 1 :]
        elif kind == 1:
            del changed[place]
        elif kind == 2:
            del changed[place:]
        else:
            other = (place + chance.randint(1, len(lines) - 1)) % len(lines)
            changed[place], changed[other] = changed[other], changed[place]
        found = anchored.verdict(
            log.broken,
            anchored.read(b"\n".join(changed)),
            head=log.head,
            hashes=log.hashes,
            remembered=log.remembered,
            trusted=trusted,
        )
        assert found.differences, (number, kind)


def test_what_is_cut_off_behind_the_last_anchor_is_not_seen_and_that_is_said(folder: Path) -> None:
    lines = (folder / "anchors").read_bytes().splitlines(keepends=True)
    database = connect(folder / FILE)
    with database:
        database.execute("DELETE FROM cabinet WHERE drawer = 'anchor'")
        database.execute("DELETE FROM audit WHERE seq > 35")
    database.close()
    (folder / "anchors").write_bytes(b"".join(lines[:7]))
    log = log_of(folder)
    found = anchored.verdict(
        log.broken,
        anchored.read((folder / "anchors").read_bytes()),
        head=log.head,
        hashes=log.hashes,
        remembered=log.remembered,
        trusted=AnchorKeys(folder, {}).trusted(),
    )
    assert (found.differences, found.anchored_line) == ([], 35)
    assert "behind line 35" in found.notes[0] and "is not seen before the next anchor" in found.notes[0]


def test_a_folder_without_a_store_in_use_or_that_cannot_be_read_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="There is no store in"):
        examine_audit(tmp_path / "nowhere", (), (DRAWER, LAST))
    lock = FolderLock(folder)
    with pytest.raises(StoreUnavailable, match="in use by another Tollway"):
        examine_audit(folder, (), (DRAWER, LAST))
    lock.release()
    (folder / FILE).write_bytes(b"no database" * 999)
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        examine_audit(folder, (), (DRAWER, LAST))
    assert connection.FILE == FILE


def test_a_log_that_is_empty_has_no_head(folder: Path) -> None:
    database = connect(folder / FILE)
    with database:
        database.execute("DELETE FROM audit")
        database.execute("DELETE FROM cabinet")
    database.close()
    assert examine_audit(folder, {3}, (DRAWER, LAST)) == AuditLog([], (0, ""), {}, None)
