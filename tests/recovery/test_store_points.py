"""A store that dies while it books, prunes, folds its log or keeps an alert: what it said is there when it is opened again,
and late evidence amends what had to be presumed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tollway import failpoints
from tollway.storage.conformance.values import NOW, assert_sound, at, entry, held, metered, reservation, written
from tollway.storage.sqlite import SqliteStore

KEEPER = Path(__file__).with_name("keeper.py")
POINTS = [
    "after_reserve@7", "after_intent@7", "after_extend@5", "after_shrink@5", "after_settle@9", "after_ledger@9",
    "in_checkpoint", "in_checkpoint@3", "in_prune", "in_prune@4", "in_outbox@4",
]  # fmt: skip


def keep_until(point: str, folder: Path) -> list[list[str]]:
    """What keeper.py said until it died at a point."""
    environment = {**os.environ, failpoints.VARIABLE: f"{point}=kill"}
    died = subprocess.run([sys.executable, str(KEEPER), str(folder)], capture_output=True, env=environment, check=False)
    assert died.returncode == -9, f"{point} was not passed: {died.stderr.decode()[-500:]}"
    return [line.split() for line in died.stdout.decode().splitlines()]


@pytest.mark.parametrize("point", POINTS)
async def test_what_a_store_said_before_it_died_is_there(blank: Path, tmp_path: Path, point: str) -> None:
    shutil.copy(blank, tmp_path)
    said = keep_until(point, tmp_path)
    store = SqliteStore(tmp_path)
    presumed = {each.reservation_id: each.charge.amount for each in await store.open(NOW + 1)}
    assert not store.ledger.open_reservations()
    await assert_sound(store)
    charged = {each.reservation_id: each.charge.amount for each in await written(store) if each.kind == "charge"}
    assert charged.keys().isdisjoint(presumed.keys())
    for kind, identity, *_ in said:
        if kind == "A":
            continue
        assert identity in charged if kind == "S" else identity in charged or identity in presumed, (kind, identity)
    # The hold as it was placed, raised or lowered last; what was lowered without a word may be either.
    assert set(presumed.values()) <= {30, 50, 80}
    assert at(store, "a") == at(store, "b") == (sum(charged.values()) + sum(presumed.values()), 0)
    keys = {event.key for event in await store.outbox.events(limit=500)}
    assert {line[1] for line in said if line[0] == "A"} <= keys
    assert len(await store.outbox.due(NOW, 500)) == len(keys)
    await store.close()
    again = SqliteStore(tmp_path)
    assert not await again.open(NOW + 2)
    await again.close()


async def test_a_second_death_while_recovering_changes_nothing(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    keep_until("after_intent@9", tmp_path)
    keep_until("in_recovery", tmp_path)
    store = SqliteStore(tmp_path)
    assert not await store.open(NOW + 1), "what the first presumed was presumed again"
    assert [each for each in await written(store) if each.kind == "presumed"]
    await assert_sound(store)
    await store.close()


@pytest.mark.parametrize("true_amount", [0, 12, 50, 70])
async def test_late_evidence_amends_what_a_crash_presumed(blank: Path, tmp_path: Path, true_amount: int) -> None:
    shutil.copy(blank, tmp_path)
    store = SqliteStore(tmp_path)
    await store.open(NOW)
    made = await held(store, "late", metered("a", 50, 10**9))
    # The same files in another folder are what a crash at this instant leaves.
    after = tmp_path / "after"
    shutil.copytree(tmp_path, after, ignore=shutil.ignore_patterns("after"))
    await store.close()
    store = SqliteStore(after)
    (presumed,) = await store.open(NOW + 1)
    assert (presumed.charge.amount, at(store)) == (50, (50, 0))
    assert store.ledger.settle(entry(made, true_amount))
    assert at(store) == (true_amount, 0)
    assert not store.ledger.settle(entry(made, true_amount)), "evidence counts once"
    await assert_sound(store)
    correction, first = await written(store)
    assert (correction.kind, correction.charge.amount, first.kind) == ("correction", true_amount - 50, "presumed")
    await store.close()
    store = SqliteStore(after)
    assert not await store.open(NOW + 2)
    assert not store.ledger.settle(entry(made, true_amount)), "and not again after another start"
    assert at(store) == (true_amount, 0)
    await store.close()


async def test_evidence_of_a_reservation_that_was_never_written_is_booked_as_it_is(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    store = SqliteStore(tmp_path)
    await store.open(NOW)
    assert store.ledger.settle(entry(reservation("unknown", metered("a", 50, 10**9)), 9))
    assert at(store) == (9, 0)
    await assert_sound(store)
    await store.close()
