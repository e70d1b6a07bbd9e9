"""Statements as files: a spreadsheet takes nothing for a formula, and a page nothing for markup."""

import csv
import io
import sys

import pytest
from tests.statements.made import FROZEN, HOSTILE, NOW, statement

from tollway.admin import statement_files
from tollway.admin.statement_files import COLUMNS, PdfUnavailable, as_csv, as_pdf, as_pictures
from tollway.money import parse


def rows(made: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made.decode())))


def test_the_amounts_of_a_file_add_up_to_its_statements() -> None:
    both = [statement(), statement("web")]
    found = rows(as_csv(both, FROZEN))
    assert sum(parse(row["amount_usd"]) for row in found if row["amount_usd"]) == sum(each.total for each in both)
    assert {row["section"] for row in found} == {"usage", "presumed", "adjustment", "unpriced"}
    assert {row["sha256"] for row in found} == {FROZEN.hash}
    assert list(found[0]) == [column.name for column in COLUMNS]


def test_what_has_no_price_has_a_line_without_an_amount() -> None:
    (row,) = [row for row in rows(as_csv([statement()], None)) if row["section"] == "unpriced"]
    assert (row["user"], row["quantity"], row["amount_usd"], row["frozen_at"]) == ("ann@example.com", "1", "", "")


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_that_begins_as_a_formula_is_none_in_a_spreadsheet(value: str) -> None:
    found = rows(as_csv([statement(value)], None))
    assert {row["value"] for row in found} == {f"'{value}"}
    assert "-1" in {row["amount_usd"] for row in found}


def pages(value: str) -> list[bytes]:
    return as_pictures([statement(value)], FROZEN, now=NOW, whole=False)


@pytest.mark.parametrize(
    "value", [HOSTILE, "#import", "$", "*", "]", '"', "\\", "#panic()", "\u202e", "\x00", "\ud800", "名前", "x" * 900]
)
def test_no_name_is_taken_for_markup(value: str) -> None:
    made = as_pdf([statement(value)], FROZEN, now=NOW, whole=False)
    assert made.startswith(b"%PDF-")


def test_a_star_is_printed_and_makes_nothing_bold() -> None:
    # Were they markup, both would leave the same letters on the page.
    assert pages("*ml*") != pages("ml") != pages("_ml_")
    assert pages("*ml*") != pages("_ml_")
    assert pages("ml") == pages("ml")


def test_a_page_can_be_set_again_to_the_same_picture_and_a_long_one_has_several() -> None:
    assert len(as_pictures([statement(users=120)], None, now=NOW, whole=False)) > 1


def test_without_typst_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(PdfUnavailable, match=r"pip install 'tollway\[reports\]'"):
        as_pdf([statement()], None, now=NOW, whole=False)
    assert as_csv([statement()], None)


def test_the_template_reads_nothing_and_asks_nobody() -> None:
    text = statement_files._template().decode()
    for word in ("#import", "#include", "read(", "image(", "@preview", "eval("):
        assert word not in text
