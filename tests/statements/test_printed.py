"""What a page says: exact amounts, in words for people, of whatever a statement has."""

import msgspec
import pytest
from tests.statements.made import FROZEN, HOSTILE, NOW, statement

from tollway.money import parse
from tollway.pricing.lines import _PARTS
from tollway.statements.printed import METERS, MOST_ROWS, Amounts, cents, dimension, meter, named, printed

ONE = statement()
SAID = printed([ONE], FROZEN, now=NOW, whole=False)


def exact(pair: list[str]) -> int:
    text = "".join(pair).replace("−", "-").replace("$", "").replace(",", "")
    return 0 if text == "–" else parse(text)


def test_the_page_names_whom_and_when() -> None:
    assert (SAID["month"], SAID["label"], SAID["name"], SAID["state"]) == ("October 2026", "Team", "ml", "frozen")
    assert SAID["period"] == [
        "2026-10-01 00:00 to 2026-11-01 00:00 Europe/Berlin",
        "2026-09-30 22:00 to 2026-10-31 23:00 UTC",
    ]


def test_a_page_of_a_zone_that_nobody_knows_any_more_has_the_period_in_utc() -> None:
    old = msgspec.structs.replace(ONE, timezone="home")
    assert printed([old], FROZEN, now=NOW, whole=False)["period"] == ["2026-09-30 22:00 to 2026-10-31 23:00 UTC"]


def test_every_sum_of_the_page_is_exact() -> None:
    assert exact(SAID["total"]) == ONE.total == sum(exact(row["amount"]) for row in SAID["sums"])
    assert sum(exact(model["amount"]) for model in SAID["models"]) == ONE.usage
    for model in SAID["models"]:
        assert sum(exact(each["amount"]) for each in model["meters"]) == exact(model["amount"])
    assert sum(exact(row["amount"]) for row in SAID["presumed"]) == ONE.presumed
    assert sum(exact(row["amount"]) for row in SAID["adjustments"]) == ONE.adjusted
    assert sum(exact(row["total"]) for row in SAID["parts"]) == ONE.total


def test_adjustments_name_the_month_they_amend_and_the_reason() -> None:
    told = [(row["amends"], row["kind"], row["said"]) for row in SAID["adjustments"]]
    assert told == [
        ("2026-09", "Correction", "openai / gpt-5"),
        ("2026-09", "Correction", "openai / gpt-old"),
        ("2026-10", "Adjustment by hand", "“Outage”, ada"),
    ]


def test_what_is_not_known_is_said_and_not_counted_as_nothing() -> None:
    notes = " ".join(SAID["notes"])
    assert "Unpriced: 1 answer without a known price. What that costs is unknown, not zero" in notes
    assert "Presumed: 1 answer whose end is not known" in notes
    assert "Of earlier, frozen months: 1 answer without a price given one since" in notes


def test_a_page_says_whether_it_may_still_change() -> None:
    assert printed([ONE], None, now=NOW, whole=False)["state"] == "open"
    assert printed([ONE], None, now=ONE.until - 1, whole=False)["state"] == "running"
    assert ["SHA-256", FROZEN.hash] in SAID["mark"]
    assert printed([ONE], None, now=NOW, whole=False)["mark"] == [["Ledger", "entries up to number 184,223"]]


def test_all_of_a_month_is_told_by_value() -> None:
    said = printed([ONE, statement(None), statement("web")], None, now=NOW, whole=True)
    assert (said["label"], said["name"], said["parts_label"]) == ("By team", "All 3", "Team")
    assert {row["name"] for row in said["parts"]} == {"ml", "web", "without a team"}
    assert exact(said["total"]) == 3 * ONE.total


def test_a_statement_by_user_has_no_table_of_users() -> None:
    assert printed([statement("ann@example.com", by="user")], None, now=NOW, whole=False)["parts"] == []


def test_a_long_table_ends_in_a_row_of_all_others() -> None:
    many = statement(users=MOST_ROWS + 50)
    said = printed([many], None, now=NOW, whole=False)
    assert len(said["parts"]) == MOST_ROWS + 1
    assert said["parts"][-1]["name"] == "52 others"
    assert sum(exact(row["total"]) for row in said["parts"]) == many.total


def test_hostile_names_are_on_the_page_as_they_are() -> None:
    assert printed([statement(HOSTILE)], None, now=NOW, whole=False)["name"] == HOSTILE


def test_a_name_that_would_fill_the_page_is_cut() -> None:
    assert printed([statement("x" * 900)], None, now=NOW, whole=False)["name"] == "x" * 119 + "…"


def test_a_month_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is no month"):
        printed([msgspec.structs.replace(ONE, month="x")], None, now=NOW, whole=False)


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [
        ([1_234_567_891_234], [["$1,234.56", "7891234"]]),
        ([1_500_000_000, 2_000_000_000], [["$1.50", ""], ["$2.00", ""]]),
        ([1, -10_000_000_000], [["$0.00", "0000001"], ["−$10.00", "0000000"]]),
        ([0, 1_000_000], [["–", ""], ["$0.00", "1"]]),
    ],
)
def test_amounts_line_up_and_lose_nothing(amounts: list[int], shown: list[list[str]]) -> None:
    money = Amounts(amounts)
    assert [money.of(amount) for amount in amounts] == shown
    assert [exact(pair) for pair in shown] == amounts


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "$0.00"), (5_000_000, "$0.00"), (5_000_001, "$0.01"), (15_000_000, "$0.02"), (25_000_000, "$0.02"),
     (1_234_567_890_000_000, "$1,234,567.89"), (-4_999_999, "$0.00"), (-12_345_000_000, "−$12.34"), (999_995_000_001, "$1,000.00")],
)  # fmt: skip
def test_cents_are_rounded_half_to_the_even_one(amount: int, shown: str) -> None:
    assert cents(amount) == shown


def test_every_meter_of_a_price_has_words_of_its_own() -> None:
    assert _PARTS.keys() <= METERS.keys()
    assert meter("image:hd/1024x1024") == "Pictures (hd/1024x1024)"
    assert meter("new_thing") == "New thing"


def test_dimensions_have_words() -> None:
    assert (dimension("cost_center"), dimension("team"), dimension("metadata.app")) == (
        "Cost centre",
        "Team",
        "metadata.app",
    )
    assert named("cost_center", None) == "without a cost centre"
