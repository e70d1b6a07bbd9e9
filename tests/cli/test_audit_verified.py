"""`tollway audit verify --offline`: what it finds, what it says, and how it ends."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tollway.cli.audit_verified import show_verified, verified_offline
from tollway.ledger.change import Change
from tollway.storage import anchored
from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.driver import connect
from tollway.workers.anchors import FILE, AnchorKeys, Anchors


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a stopped gateway with three lines and two anchors."""
    folder = tmp_path_factory.mktemp("stopped")

    async def fill() -> None:
        store = SqliteStore(folder)
        await store.open(NOW)
        anchors = Anchors(store, folder / "audit-anchors.jsonl", AnchorKeys(folder, {}), lambda: NOW)
        for target in ("a", "b"):
            await store.audit.append(Change(at=NOW, by="ann", action="budget.changed", target=target))
            await anchors.write()
        await store.audit.append(Change(at=NOW, by="ann", action="budget.changed", target="c"))
        await store.close()

    asyncio.run(fill())
    return folder


@pytest.fixture
def folder(stopped: Path, tmp_path: Path) -> Path:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    return tmp_path


def verified(folder: Path, anchors: str | None = None, *keys: str, as_json: bool = False) -> int:
    return verified_offline(str(folder), anchors, keys, as_json=as_json)


def test_a_whole_log_says_so_and_what_is_not_seen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(folder) == 0
    said = capsys.readouterr().out
    assert "3 lines, each chained" in said
    assert "Anchors: 2; the last of them signs line 2, at " in said
    assert f"Signed with: {AnchorKeys(folder, {}).trusted()[0]}" in said
    assert "Audit line 3 has no anchor yet." in said and "5 minutes" in said


def test_nothing_is_written(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
    assert verified(folder) == 0
    assert {path: path.read_bytes() for path in before} == before


def test_the_same_is_told_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(folder, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["lines"], found["anchors"], found["anchored_line"]) == (True, 3, 2, 2)


def test_a_log_that_was_cut_off_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = connect(folder / "tollway.db")
    database.execute("DROP TRIGGER audit_no_delete")
    database.execute("DELETE FROM audit WHERE seq > 1")
    database.close()
    assert verified(folder) == 1
    told = capsys.readouterr()
    assert "Audit line 2 was cut off at the end: anchor 2 of " in told.err
    assert "each chained" not in told.out


def test_a_key_that_is_given_is_the_only_one_believed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own,) = AnchorKeys(folder, {}).trusted()
    (folder / FILE).unlink()
    assert verified(folder) == 2, "anchors without a key prove nothing"
    assert "there is no key to check the anchors with: give --key" in capsys.readouterr().err
    assert verified(folder, None, own) == 0
    assert verified(folder, None, anchored.SigningKey(bytes(32)).public) == 1
    assert "prove nothing" in capsys.readouterr().err
    assert verified(folder, None, "abc") == 2
    assert "--key: 'abc' is no public key" in capsys.readouterr().err


def test_anchors_that_are_named_and_not_there_end_with_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(folder, str(folder / "elsewhere")) == 2
    assert "there is no file" in capsys.readouterr().err
    moved = (folder / "audit-anchors.jsonl").rename(folder / "elsewhere")
    assert verified(folder, str(moved)) == 0
    assert verified(folder) == 1, "the database remembers them"
    assert "The database remembers anchor 2" in capsys.readouterr().err


def test_a_folder_that_cannot_be_read_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(tmp_path) == 2
    assert "The audit log cannot be verified: There is no store in" in capsys.readouterr().err


def test_differences_are_told_and_notes_are_not_where_there_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"ok": False, "differences": ["one", "two"], "anchored_line": 0, "notes": ["quiet"], "keys": []}
    assert show_verified(found, as_json=False) == 1
    told = capsys.readouterr()
    assert (told.err.split(), told.out) == (["one", "two"], "")
