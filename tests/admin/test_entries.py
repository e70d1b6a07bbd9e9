from tollway.admin.entries import entry_shown
from tollway.ledger.entry import Context, LedgerEntry
from tollway.money import Money
from tollway.pricing.charge import Charge


def entry(kind: str, amount: int) -> LedgerEntry:
    return LedgerEntry(
        id=f"r.1.{kind}",
        reservation_id="r.1",
        request_id="r",
        attempt=1,
        kind=kind,  # type: ignore[arg-type]
        charge=Charge(Money(amount), (), "p", "metered"),
        legs=(("company", 0), ("each[user=a]", 5)),
        context=Context(gateway="default", provider="openai", model="gpt-4o"),
        occurred_at=1_790_000_000_000,
        recorded_at=1_790_000_000_001,
    )


def test_an_entry_without_a_price_has_no_amount_rather_than_zero() -> None:
    shown = entry_shown(entry("unpriced", 0))
    assert shown.amount_usd is None
    assert shown.charge is None


def test_a_correction_downwards_is_below_zero() -> None:
    assert entry_shown(entry("correction", -1_500_000_000)).amount_usd == "-1.5"


def test_an_entry_names_its_accounts_and_instants() -> None:
    shown = entry_shown(entry("charge", 1))
    assert shown.accounts == ["company", "each[user=a]"]
    assert (shown.occurred_at, shown.recorded_at) == ("2026-09-21T14:13:20.000Z", "2026-09-21T14:13:20.001Z")
