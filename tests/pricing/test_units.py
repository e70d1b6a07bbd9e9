from tollway.pricing.slugs import PROVIDER_ALIASES, canonical
from tollway.pricing.units import Price, PriceTier, UnitPrice


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
