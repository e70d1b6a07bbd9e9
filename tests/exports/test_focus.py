import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from focus_data_toolkit import cli
from focus_data_toolkit.model.validator import lint_focus_1_4_structure
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.exports.ledger import AT, CONTEXT, PRICE, USAGE, charged, every_kind, made

from tollway.exports.csv import heading, lines
from tollway.exports.entries import spends
from tollway.exports.focus import focus_table, unit_price
from tollway.exports.focus_columns import Version
from tollway.ledger.entry import LedgerEntry
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import MILLION, UnitPrice

Row = dict[str, Any]


def as_charged(_: LedgerEntry, line: ChargeLine) -> UnitPrice:
    return line.unit_price


def rows_of(*entries: LedgerEntry, version: Version = "1.2", list_price: Any = as_charged) -> list[Row]:
    table = focus_table(version, list_price)
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows_of(entries)]


def of_kind(kind: str) -> LedgerEntry:
    return next(entry for entry in every_kind() if entry.kind == kind)


def written(version: Version, *, strict: bool = False) -> bytes:
    table = focus_table(version, as_charged, strict=strict)
    rows = table.rows_of(every_kind())
    return heading(table.columns) + lines(table.columns, rows, spreadsheet=False)


def test_every_cost_adds_up_to_the_ledger() -> None:
    for entry in every_kind():
        found = rows_of(entry)
        owed = entry.charge.amount if spends(entry) else 0
        for name in ("BilledCost", "EffectiveCost", "ContractedCost", "PricingCurrencyEffectiveCost"):
            assert sum(row[name] for row in found) == owed, (entry.id, name)


def test_a_meter_is_a_row() -> None:
    found = {row["SkuMeter"]: row for row in rows_of(charged())}
    assert set(found) == {"input", "cache_read", "output", "web_search"}
    row = found["input"]
    assert row["BilledCost"] == 12_500_000
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == ("10000.0", "Tokens")
    assert (row["PricingQuantity"], row["PricingUnit"]) == ("0.01", "1000000 Tokens")
    assert (row["ListUnitPrice"], row["ContractedUnitPrice"]) == ("1.25", "1.25")
    assert (row["SkuId"], row["SkuPriceId"]) == ("openai/gpt-5/input", f"{PRICE.id}/input=1.25")
    assert (row["ChargeCategory"], row["ChargeClass"], row["x_list_price"]) == ("Usage", None, "charged")
    assert (found["web_search"]["PricingQuantity"], found["web_search"]["PricingUnit"]) == ("0.002", "1000 Searches")


def test_a_row_says_when_who_and_which() -> None:
    row = rows_of(charged())[0]
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (1_790_812_800_000, 1_793_491_200_000)
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == (AT, AT + 1_000)
    assert (row["SubAccountId"], row["SubAccountType"]) == ("ml", "Team")
    assert (row["ProviderName"], row["ServiceProviderName"], row["ServiceName"]) == ("openai", "openai", "gpt-5")
    assert (row["x_user"], row["x_request_id"], row["x_kind"]) == ("ann@example.com", "plain", "charge")


def test_tags_tell_whose_they_are() -> None:
    odd = structs.replace(CONTEXT, metadata={"tollway:user": "eve", "team": "ml"})
    (row, *_) = rows_of(structs.replace(charged(), context=odd))
    assert json.loads(row["Tags"]) == {
        "team": "ml",
        "tollway:tollway:user": "eve",
        "tollway:gateway": "default",
        "tollway:user": "ann@example.com",
        "tollway:key": "laptop",
    }


def test_a_team_or_a_user_without_a_name_is_none() -> None:
    empty = structs.replace(CONTEXT, user="", key="", metadata={"team": "", "app": ""})
    (row, *_) = rows_of(structs.replace(charged(), context=empty))
    assert (row["SubAccountId"], row["SubAccountType"], row["x_user"], row["x_key"]) == (None, None, None, None)
    assert json.loads(row["Tags"]) == {"tollway:gateway": "default"}


def test_a_correction_is_one_and_takes_back_by_a_negative_quantity() -> None:
    found = rows_of(of_kind("correction"))
    assert {row["ChargeClass"] for row in found} == {"Correction"}
    (back,) = [row for row in found if row["BilledCost"] < 0]
    assert (back["ConsumedQuantity"], back["ContractedUnitPrice"], back["SkuMeter"]) == ("-1.0", "0.009", "presumed")


def test_a_credit_has_no_price() -> None:
    (row,) = rows_of(of_kind("credit"))
    assert (row["ChargeCategory"], row["ChargeFrequency"], row["BilledCost"]) == ("Credit", "One-Time", -5_000_000)
    assert (row["ConsumedQuantity"], row["SkuPriceId"], row["ListUnitPrice"]) == (None, None, None)


def test_what_is_charged_by_hand_is_no_credit() -> None:
    gift = of_kind("credit")
    by_hand = structs.replace(gift, charge=Charge(Money(5)), context=structs.replace(CONTEXT, provider="", model=""))
    (row,) = rows_of(by_hand)
    assert (row["ChargeCategory"], row["BilledCost"], row["InvoiceIssuerName"]) == ("Adjustment", 5, "tollway")


def test_what_is_presumed_is_named() -> None:
    (row,) = rows_of(of_kind("presumed"))
    assert (row["x_basis"], row["x_kind"], row["ChargeDescription"]) == (
        "presumed",
        "presumed",
        "openai/gpt-5: presumed",
    )


def test_a_cost_that_is_not_known_is_no_usage_that_is_free() -> None:
    (row,) = rows_of(of_kind("unpriced"))
    assert (row["ChargeCategory"], row["x_unpriced"], row["x_basis"]) == ("Adjustment", True, None)
    assert "not known" in row["ChargeDescription"]
    assert json.loads(row["x_usage"])["input_tokens"] == USAGE.input_tokens
    assert (row["ListUnitPrice"], row["PricingQuantity"], row["SkuPriceId"]) == (None, None, None)


def test_openings_have_no_row() -> None:
    assert rows_of(of_kind("opening")) == []


def test_what_a_batch_rounds_up_is_a_row_of_its_own() -> None:
    (batch,) = [entry for entry in every_kind() if entry.request_id == "batch"]
    *metered, rounding = rows_of(batch)
    assert len(metered) == len(batch.charge.lines)
    assert (rounding["ChargeCategory"], rounding["BilledCost"]) == ("Adjustment", 4 * 7_001)


def test_a_charge_without_lines_is_one_request() -> None:
    (free,) = rows_of(made("free", "charge", Charge(Money(0), (), PRICE.id)))
    assert (free["SkuMeter"], free["BilledCost"], free["ContractedUnitPrice"]) == ("request", 0, "0.0")


def test_a_list_price_that_is_another_is_told_apart() -> None:
    rows = rows_of(charged(), list_price=lambda *_: UnitPrice(Money(2_000_000_000), MILLION))
    row = next(row for row in rows if row["SkuMeter"] == "input")
    assert (row["BilledCost"], row["ListCost"]) == (12_500_000, 20_000_000)
    assert (row["ContractedUnitPrice"], row["ListUnitPrice"], row["x_list_price"]) == ("1.25", "2.0", "list")
    unknown = rows_of(charged(), list_price=lambda *_: None)[0]
    assert (unknown["ListCost"], unknown["x_list_price"]) == (unknown["BilledCost"], "unknown")


def test_a_price_has_one_article() -> None:
    of: dict[str, set[str]] = {}
    for row in rows_of(*every_kind()):
        if row["SkuPriceId"] is not None:
            of.setdefault(row["SkuPriceId"], set()).add(row["SkuId"])
    assert all(len(sold) == 1 for sold in of.values())
    long = structs.replace(PRICE, units=PRICE.units | {"input": UnitPrice(Money(2_500_000_000), MILLION)})
    ids = {row["SkuPriceId"] for row in rows_of(charged(), charged(price=long)) if row["SkuMeter"] == "input"}
    assert len(ids) == 2, "a long input has another price under the same id"


@given(st.integers(0, 10**15), st.sampled_from([1, 1_000, MILLION]), st.sampled_from([1, 1_000, 3_600, MILLION]))
def test_unit_prices_are_exact_where_they_have_an_end(amount: int, per: int, of: int) -> None:
    told = Decimal(unit_price(UnitPrice(Money(amount), of), per))
    assert abs(told * of - Decimal(amount) * per / 10**9) <= Decimal(of) / (2 * 10**18)
    assert of == 3_600 or told * of == Decimal(amount) * per / 10**9


@pytest.mark.parametrize(("version", "strict"), [("1.2", False), ("1.2", True), ("1.3", False)])
def test_the_toolkit_of_focus_takes_the_file(
    tmp_path: Any, version: Version, strict: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "focus.csv").write_bytes(written(version, strict=strict))
    asked = ["convert", "--cost-and-usage", str(tmp_path / "focus.csv"), "--out", str(tmp_path / "out")]
    supports = ["--supports", "SupportsUnitPricing", "--supports", "SupportsMultiplePricingCategories"]
    # Its other datasets are of a provider's invoices and contracts, which no gateway knows.
    assert cli.main([*asked, *supports, "--exit-policy", "pipeline"]) == 0
    assert "lint [Cost and Usage]: lint OK" in capsys.readouterr().out
    made = csv.DictReader(io.StringIO((tmp_path / "out" / "focus_1_4_cost_and_usage.csv").read_text(), newline=""))
    owed = sum(entry.charge.amount for entry in every_kind() if spends(entry))
    assert sum(Decimal(row["BilledCost"]) for row in made) == Decimal(owed) / 10**9


def test_the_toolkit_finds_nothing_wrong_with_1_4() -> None:
    rows = list(csv.DictReader(io.StringIO(written("1.4").decode(), newline="")))
    supports = ["SupportsUnitPricing", "SupportsMultiplePricingCategories"]
    report = lint_focus_1_4_structure("Cost and Usage", rows, supported_conditions=supports)
    assert report.ok, report.messages()
    assert report.row_count == len(rows) > 20
