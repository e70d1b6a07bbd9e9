"""Verifying rollups finds whatever differs from the ledger, and only that."""

import shutil
from pathlib import Path

import pytest
from tests.storage.sqlite.rolling import DAY, HOUR, START, Rolling

from tollway.errors import StoreUnavailable
from tollway.storage.rolled import HALVES, LEVELS
from tollway.storage.sql.verified import verified, verify


def filled() -> Rolling:
    rolling = Rolling()
    for number in range(20):
        rolling.settle(START + number * DAY // 10, 7, user=f"u{number % 3}", metadata={"team": "a"})
    rolling.roll()
    return rolling


def test_rollups_that_are_right_have_no_difference_and_say_what_they_lack() -> None:
    rolling = filled()
    rolling.settle(START, 1)
    found = verified(rolling.connection)
    assert (found.entries, found.behind, found.differences) == (20, 1, [])


def test_halves_are_right_from_the_first_hour_on_that_no_older_version_rolled_up() -> None:
    rolling = filled()
    rolling.be_of_an_older_version()
    # What comes late for an hour of before makes a half of it that is not whole, which nobody is told.
    rolling.settle(START, 1)
    later = rolling.settle(START + 9 * DAY, 5)
    rolling.roll()
    assert verified(rolling.connection).differences == []
    rolling.connection.execute(
        "UPDATE spending SET entries = 2 WHERE level = ? AND slot = ?", (HALVES, later.occurred_at // HOUR)
    )
    assert [
        "(fine, first half): entries is 2, the ledger has 1" in each
        for each in verified(rolling.connection).differences
    ] == [True]


@pytest.mark.parametrize("level", [*range(6), *(level + HALVES for level in LEVELS)])
def test_one_nanodollar_in_one_cell_is_found(level: int) -> None:
    rolling = filled()
    rolling.connection.execute(
        "UPDATE spending SET amount_nanodollars = amount_nanodollars + 1 WHERE (level, slot, context) = "
        "(SELECT level, slot, context FROM spending WHERE level = ? LIMIT 1)",
        (level,),
    )
    (words, *_) = verified(rolling.connection).differences
    assert ("the day is not the sum of its hours" in words) or "0.000000001" in words or "0.000000008" in words


def test_a_cell_that_is_gone_and_one_too_many_are_found() -> None:
    rolling = filled()
    rolling.connection.execute(
        "DELETE FROM spending WHERE level = 0 AND slot = (SELECT min(slot) FROM spending WHERE level = 0)"
    )
    assert any("entries is 0, the ledger has 1" in words for words in verified(rolling.connection).differences)
    rolling = filled()
    rolling.connection.execute(
        "UPDATE spending SET slot = slot + 1000 WHERE level = 4 AND slot = (SELECT min(slot) FROM spending WHERE level = 4)"
    )
    assert len(verified(rolling.connection).differences) >= 2


def test_a_folder_without_a_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no store"):
        verify(tmp_path)


def test_a_store_that_nobody_has_open_is_verified(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    assert verify(tmp_path) == (0, 0, [], None)
