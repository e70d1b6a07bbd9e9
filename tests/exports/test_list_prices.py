from functools import cache
from importlib import resources

from msgspec import structs
from tests.exports.ledger import AT, charged

from tollway.exports.list_prices import ListPrices
from tollway.ledger.entry import LedgerEntry
from tollway.pricing.charge import ChargeLine, charge
from tollway.pricing.custom_cost import custom_price
from tollway.pricing.price import FILE, Price, PriceBook, PriceOverride
from tollway.pricing.units import UnitPrice
from tollway.usage import Usage

USAGE = Usage(input_tokens=12_345, cache_read_input_tokens=2_345, output_tokens=677)


@cache
def book() -> PriceBook:
    return PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())


def priced(at: PriceBook, price: Price | None = None) -> LedgerEntry:
    found = price or at.price("openai", "gpt-5", at_ms=AT)
    assert found is not None
    return structs.replace(charged(usage=USAGE), charge=charge(USAGE, found))


def of(prices: ListPrices, entry: LedgerEntry) -> dict[str, UnitPrice | None]:
    return {line.meter: prices.of(entry, line) for line in entry.charge.lines}


def prices(at: PriceBook) -> ListPrices:
    return ListPrices(at, lambda provider, model, _: (provider, model))


def listed() -> dict[str, UnitPrice]:
    found = book().price("openai", "gpt-5", at_ms=AT)
    assert found is not None
    return {meter: found.units[meter] for meter in ("input", "cache_read", "output")}


def same(found: dict[str, UnitPrice | None], wanted: dict[str, UnitPrice]) -> bool:
    return found.keys() == wanted.keys() and all(
        price is not None and price.amount * wanted[meter].per == wanted[meter].amount * price.per
        for meter, price in found.items()
    )


def test_a_charge_at_the_list_price_tells_it_itself() -> None:
    entry = priced(book())
    assert of(prices(book()), entry) == {line.meter: line.unit_price for line in entry.charge.lines}


def test_a_discount_is_taken_back_exactly() -> None:
    less = book().with_overrides([PriceOverride(provider="openai", model="gpt-5", discount="12.5%")])
    entry = priced(less)
    assert same(of(prices(less), entry), listed())
    assert not same({line.meter: line.unit_price for line in entry.charge.lines}, listed())


def test_a_discount_that_is_no_longer_in_the_settings_is_looked_up() -> None:
    less = book().with_overrides([PriceOverride(provider="openai", model="gpt-5", discount="12.5%")])
    assert same(of(prices(book()), priced(less)), listed())


def test_a_price_of_the_settings_is_looked_up() -> None:
    own = book().with_overrides(
        [PriceOverride(provider="openai", model="gpt-5", input="1", output="2", cache_read="0.1")]
    )
    assert same(of(prices(own), priced(own)), listed())


def test_a_cost_that_the_caller_gave_is_looked_up() -> None:
    custom = custom_price('{"per_token_in": 0.000001, "per_token_out": 0.000002}')
    assert isinstance(custom, Price)
    found = of(prices(book()), priced(book(), custom))
    assert same(found, {meter: price for meter, price in listed().items() if meter != "cache_read"})


def test_what_no_list_has_is_not_known() -> None:
    own = book().with_overrides([PriceOverride(provider="openai", model="house-1", input="1", output="2")])
    price = own.price("openai", "house-1", at_ms=AT)
    entry = priced(own, price)
    elsewhere = structs.replace(entry, context=structs.replace(entry.context, model="house-1"))
    assert set(of(prices(own), elsewhere).values()) == {None}
    assert set(of(ListPrices(own, lambda *_: None), entry).values()) == {None}


def test_a_meter_without_a_list_price_is_billed_as_its_whole() -> None:
    own = book().with_overrides([PriceOverride(provider="openai", model="gpt-5", input="1", output="2", reasoning="9")])
    entry = priced(own)
    line = ChargeLine("reasoning", 10, UnitPrice(entry.charge.amount, 1), entry.charge.amount)
    found = prices(own).of(entry, line)
    assert found is not None
    assert same({"output": found}, {"output": listed()["output"]})
