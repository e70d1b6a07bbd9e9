"""List prices by the names of the settings."""

from msgspec import structs
from tests.workers.filled import snapshot_of

from tollway.ledger.entry import LedgerEntry
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import MILLION, UnitPrice
from tollway.storage.conformance.records import spending
from tollway.workers.listed_prices import list_prices

LINE = ChargeLine("input", 10, UnitPrice(Money(7), MILLION), Money(1))


def entry(provider: str) -> LedgerEntry:
    """At a price of the settings' own."""
    made = spending("r", 1, provider=provider, model="gpt-4o-mini")
    return structs.replace(made, charge=Charge(Money(1), (LINE,), f"{provider}/gpt-4o-mini@2026-01-01+settings#own"))


def test_what_has_a_price_of_its_own_is_looked_up_in_the_list_of_its_provider() -> None:
    prices = list_prices(snapshot_of())
    listed = prices.of(entry("openai"), LINE)
    assert listed is not None and listed.amount * MILLION // listed.per == 150_000_000 * MILLION // MILLION * 1
    assert prices.of(entry("nobody"), LINE) is None
