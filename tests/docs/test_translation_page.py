"""The table of the page on translation is what the code does."""

import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import translation_table  # noqa: E402


def test_the_table_is_up_to_date() -> None:
    page = translation_table.PAGE.read_text(encoding="utf-8")
    assert page == translation_table.written(page), "run: python scripts/translation_table.py"


def test_the_table_tells_of_what_is_refused_and_of_what_is_left_out() -> None:
    table = translation_table.table()
    assert "**refused**: `logprobs`" in table and "without `tools.web_search`" in table
