import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tollway.cli.commands import app
from tollway.storage.conformance.records import spending
from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore, connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    async def fill() -> None:
        store = SqliteStore(tmp_path)
        await store.open(NOW)
        for number in range(5):
            store.ledger.settle(spending(f"r{number}", 10))
        await store.ledger.flush()
        await store.analytics.roll()
        store.ledger.settle(spending("late", 10))
        await store.close()

    asyncio.run(fill())
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["analytics", *arguments])


def spoil(folder: Path) -> None:
    writing = connection.writer(folder / connection.FILE, "normal")
    writing.execute("UPDATE spending SET amount_nanodollars = amount_nanodollars + 1 WHERE level = 0")
    writing.close()


def test_rollups_that_are_right_are_verified(folder: Path) -> None:
    found = run("verify", "--data", str(folder))
    assert found.exit_code == 0
    assert "equal the 5 ledger entries that are in them, to the nanodollar; 1 are not in them yet" in found.output
    found = run("verify", "--data", str(folder), "--json")
    assert json.loads(found.output) == {"ok": True, "entries": 5, "behind": 1, "stuck": None, "differences": []}


def test_what_differs_is_told_with_a_way_out_which_works(folder: Path) -> None:
    spoil(folder)
    found = run("verify", "--data", str(folder))
    assert found.exit_code == 1
    assert "amount_nanodollars is 0.000000051 US dollars, the ledger has 0.00000005" in found.output
    assert "tollway analytics rebuild" in found.output
    found = run("rebuild", "--data", str(folder))
    assert (found.exit_code, found.output) == (0, "6 ledger entries were added up anew.\n")
    assert json.loads(run("rebuild", "--data", str(folder), "--json").output) == {"entries": 6}
    found = run("verify", "--data", str(folder))
    assert (found.exit_code, "equal the 6" in found.output) == (0, True)


def test_a_folder_in_use_or_without_a_store_is_told(tmp_path: Path) -> None:
    for command in ("verify", "rebuild"):
        found = run(command, "--data", str(tmp_path / "none"))
        assert found.exit_code == 2
        assert "There is no store" in found.output


def test_what_lags_behind_and_cannot_be_taken_in_is_told_with_exit_code_1(folder: Path) -> None:
    writing = connection.writer(folder / connection.FILE, "normal")
    writing.execute("CREATE TRIGGER spoilt BEFORE UPDATE ON spending BEGIN SELECT RAISE(ABORT, 'spoilt'); END")
    writing.close()
    found = run("verify", "--data", str(folder))
    assert found.exit_code == 1
    assert "1 ledger entries are not in the rollups and cannot be taken in: ConstraintError: spoilt" in found.output
    assert "tollway analytics rebuild" in found.output
    found = run("verify", "--data", str(folder), "--json")
    assert (found.exit_code, json.loads(found.output)["ok"]) == (1, False)
