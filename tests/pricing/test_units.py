import pytest

from tollway.money import Money
from tollway.pricing.slugs import PROVIDER_ALIASES, canonical
from tollway.pricing.units import Price, PriceTier, UnitPrice, of_kind, scaled, usual


def test_a_quantity_is_rounded_up_once() -> None:
    price = UnitPrice(37_500_000, 1_000_000)
    assert price.times(0) == 0
    assert price.times(1) == 38
    assert price.times(2) == 75
    assert price.times(3) == 113


def test_prices_of_different_quantities_compare_by_one_unit() -> None:
    assert UnitPrice(3, 10).exceeds(UnitPrice(2, 10))
    assert UnitPrice(3, 10).exceeds(UnitPrice(29, 100))
    assert not UnitPrice(3, 10).exceeds(UnitPrice(30, 100))


def test_a_tier_begins_above_its_threshold_and_prices_the_whole_request() -> None:
    base, long, longest = ({"input": UnitPrice(n, 1)} for n in (1, 2, 3))
    price = Price(id="p", provider="p", model="m", units=base, tiers=(PriceTier(10, long), PriceTier(20, longest)))
    assert [price.units_at(n) for n in (0, 10, 11, 20, 21)] == [base, base, long, long, longest]


def test_every_other_name_leads_to_a_canonical_one() -> None:
    assert canonical("Google-AI-Studio") == "google"
    assert canonical("openai") == "openai"
    assert canonical("my-vllm") == "my-vllm"
    assert not set(PROVIDER_ALIASES) & set(PROVIDER_ALIASES.values())


KINDS = {
    "image": UnitPrice(Money(5), 1),
    "image:hd/1024x1792": UnitPrice(Money(12), 1),
    "image:512x512": UnitPrice(Money(2), 1),
    "image:low": UnitPrice(Money(1), 1),
    "input": UnitPrice(Money(99), 1),
}


@pytest.mark.parametrize(
    ("kind", "meter"),
    [
        ("hd/1024x1792", "image:hd/1024x1792"),
        # Its size alone, then its quality alone, then any kind.
        ("standard/512x512", "image:512x512"),
        ("low/1024x1024", "image:low"),
        ("hd/9x9", "image"),
        (None, "image"),
        ("", "image"),
    ],
)
def test_the_nearest_kind_is_the_price(kind: str | None, meter: str) -> None:
    assert of_kind(KINDS, "image", kind) == (meter, KINDS[meter])


@pytest.mark.parametrize("kind", [None, "hd/9x9"])
def test_an_unknown_kind_is_not_a_cheap_one(kind: str | None) -> None:
    units = {meter: unit for meter, unit in KINDS.items() if meter != "image"}
    assert of_kind(units, "image", kind) == ("image:hd/1024x1792", UnitPrice(12, 1))
    assert of_kind({"input": UnitPrice(99, 1)}, "image", kind) is None


def test_a_kind_is_usually_priced_as_its_meter() -> None:
    assert usual("image:hd/1024x1792") == usual("image") == 1
    assert usual("input") == 1_000_000


def test_a_fraction_of_a_price_is_exact_and_may_leave_the_fees() -> None:
    units = {"input": UnitPrice(Money(10), 3), "web_search": UnitPrice(Money(7), 1), "image:hd": UnitPrice(Money(4), 1)}
    assert scaled(units, (11, 10), fees=False) == units | {"input": UnitPrice(110, 30)}
    assert scaled(units, (17, 20))["image:hd"] == UnitPrice(68, 20)
