"""Statements as the API writes them: nothing is lost on the way."""

from tests.statements.made import FROZEN, NOW, statement

from tollway.admin.statement_shown import document_shown, frozen_shown, month_shown
from tollway.money import dollars, parse
from tollway.statements.statement import by_value, total_of
from tollway.storage.billing import Billed

ONE = statement()


def test_a_document_has_every_line_and_its_sums() -> None:
    (shown,) = document_shown([ONE], FROZEN).statements
    assert parse(shown.total.total_usd) == ONE.total
    assert sum(parse(each.amount_usd) for each in (*shown.charges, *shown.adjustments)) == ONE.total
    assert sum(parse(each.amount_usd) for each in (*shown.lines, *shown.presumed, *shown.adjustments)) == ONE.total
    assert sum(parse(each.total_usd) for each in shown.users) == ONE.total
    credit = next(each for each in shown.adjustments if each.kind == "credit")
    assert (credit.word, credit.booked_by, credit.entry) == ("Outage", "ada", "a.1.credit")
    assert [each.entry for each in shown.adjustments if each.kind != "credit"] == [None, None]


def test_a_document_says_from_when_to_when_by_its_plain_names() -> None:
    shown = document_shown([ONE], None).model_dump(by_alias=True)
    assert (shown["from"], shown["to"]) == ("2026-09-30T22:00:00.000Z", "2026-10-31T23:00:00.000Z")
    assert shown["frozen"] is None


def test_a_month_is_running_open_or_frozen() -> None:
    def state(now: int, billed: Billed) -> str:
        return month_shown(
            billed, month="2026-10", by="team", timezone="UTC", span=(ONE.since, ONE.until), now=now, notes=[]
        ).state

    assert state(ONE.until - 1, Billed([ONE], 7, None)) == "running"
    assert state(ONE.until, Billed([ONE], 7, None)) == "open"
    assert state(NOW, Billed([ONE], 7, FROZEN)) == "frozen"


def test_a_total_is_of_all_rows() -> None:
    parts = by_value([ONE, statement("web"), statement(None)])
    assert total_of(parts).total == 3 * ONE.total
    assert total_of([]).total == 0


def test_a_freeze_is_shown_with_its_hash() -> None:
    shown = frozen_shown(FROZEN)
    assert (shown.hash, shown.total_usd, shown.through) == (FROZEN.hash, dollars(5), 184_223)
