"""`tollway store copy`: from the file of a stopped gateway to PostgreSQL, all of it or nothing."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tollway.cli.commands import app
from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW, entry, hold, reservation
from tollway.storage.home import REMEMBERED
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.protocol import Filter
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore


async def _filled(folder: Path) -> None:
    store = SqliteStore(folder)
    await store.open(NOW)
    for number in range(3):
        made = reservation(f"r{number}", hold(amount=50, limit=1_000))
        await store.ledger.reserve(made, NOW)
        store.ledger.settle(entry(made, 7 + number))
    await store.close()


async def _spent(store: SqlStore) -> int:
    assert not await store.open(NOW)
    try:
        rows = await store.records.spend(Filter(), ())
        assert await store.ledger.verify() == []
        return sum(row.spent for row in rows)
    finally:
        await store.close()


def _copy(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["store", "copy", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_a_copied_store_has_what_the_folder_has_and_the_folder_keeps_it(tmp_path: Path, postgres_url: str) -> None:
    asyncio.run(_filled(tmp_path))
    code, said, _ = _copy("--data", str(tmp_path), "--to", postgres_url)
    assert code == 0
    assert "add up to the same nanodollars" in said
    assert asyncio.run(_spent(PostgresStore(postgres_url, tmp_path))) == 7 + 8 + 9
    # The folder goes by the copy from then on.
    with pytest.raises(StoreUnavailable, match=r"remove books\.json"):
        asyncio.run(_spent(SqliteStore(tmp_path)))
    (tmp_path / REMEMBERED).unlink()
    assert asyncio.run(_spent(SqliteStore(tmp_path))) == 7 + 8 + 9


def test_the_copy_tells_how_many_rows_there_are_as_json(tmp_path: Path, postgres_url: str) -> None:
    asyncio.run(_filled(tmp_path))
    code, said, _ = _copy("--data", str(tmp_path), "--to", postgres_url, "--json")
    assert code == 0
    assert json.loads(said)["rows"] >= 3


def test_a_database_that_has_a_store_already_is_refused(tmp_path: Path, postgres_url: str) -> None:
    asyncio.run(_filled(tmp_path))
    assert _copy("--data", str(tmp_path), "--to", postgres_url)[0] == 0
    (tmp_path / REMEMBERED).unlink()
    code, _, complaint = _copy("--data", str(tmp_path), "--to", postgres_url)
    assert code == 2
    assert "has a store with rows in it already" in complaint


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://somewhere/else", "--to: the URL cannot be used: it does not begin with postgresql://"),
        ("postgresql://ann:very-secret@127.0.0.1:1/tollway", "cannot be written"),
    ],
)
def test_what_cannot_be_used_is_told_without_its_password(tmp_path: Path, url: str, told: str) -> None:
    asyncio.run(_filled(tmp_path))
    code, _, complaint = _copy("--data", str(tmp_path), "--to", url)
    assert code == 2
    assert told in complaint.replace("\n", " ")
    assert "very-secret" not in complaint


def test_a_folder_without_a_store_is_told(tmp_path: Path, postgres_url: str) -> None:
    code, _, complaint = _copy("--data", str(tmp_path), "--to", postgres_url)
    assert code == 2
    assert "There is no store" in complaint


def test_a_database_is_copied_back_into_a_folder_without_a_file(tmp_path: Path, postgres_url: str) -> None:
    asyncio.run(_filled(tmp_path / "there"))
    assert _copy("--data", str(tmp_path / "there"), "--to", postgres_url)[0] == 0
    code, said, _ = _copy("--data", str(tmp_path / "back"), "--from", postgres_url)
    assert (code, "add up to the same nanodollars" in said) == (0, True)
    assert asyncio.run(_spent(SqliteStore(tmp_path / "back"))) == 7 + 8 + 9
    code, _, complaint = _copy("--data", str(tmp_path / "there"), "--from", postgres_url)
    assert (code, "has a store already" in complaint) == (2, True)


@pytest.mark.parametrize("given", [[], ["--to", "postgresql://db/x", "--from", "postgresql://db/x"]])
def test_one_direction_has_to_be_said(tmp_path: Path, given: list[str]) -> None:
    code, _, complaint = _copy("--data", str(tmp_path), *given)
    assert (code, "--to URL for a database, or --from URL for a file" in complaint) == (2, True)


def test_the_url_to_copy_from_is_told_by_its_own_name(tmp_path: Path) -> None:
    code, _, complaint = _copy("--data", str(tmp_path), "--from", "postgresql://me:very-secret/x@db/x")
    assert (code, "--from: the URL cannot be used" in complaint, "very-secret" in complaint) == (2, True, False)
