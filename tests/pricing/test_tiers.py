import pytest

from tollway.pricing.tiers import is_dearer, may_apply, scaled
from tollway.pricing.units import PriceTier, UnitPrice

LISTED = ["batch", "flex", "priority"]


@pytest.mark.parametrize(
    ("provider", "asked", "auto_is_standard", "tiers"),
    [
        ("openai", None, False, [None, "priority"]),
        ("openai", "auto", False, [None, "priority"]),
        ("azure", None, False, [None, "priority"]),
        ("openai", None, True, [None]),
        ("openai", "default", False, [None]),
        ("openai", "flex", False, [None]),
        ("openai", "batch", False, [None]),
        ("openai", "priority", False, [None, "priority"]),
        ("openai", "ultrafast", False, [None, "fast", "priority"]),
        ("anthropic", None, False, [None]),
        ("anthropic", "auto", False, [None]),
        ("anthropic", "standard_only", False, [None]),
        ("anthropic", "fast", False, [None, "fast"]),
        ("google", None, False, [None]),
        ("groq", "performance", False, [None]),
    ],
)
def test_the_tiers_that_may_apply_are_those_a_provider_may_choose(
    provider: str, asked: str | None, auto_is_standard: bool, tiers: list[str | None]
) -> None:
    assert may_apply(provider, asked, LISTED, auto_is_standard=auto_is_standard) == tiers


def test_priority_is_dearer_except_where_it_was_bought_beforehand() -> None:
    assert is_dearer("openai", "priority")
    assert is_dearer("anthropic", "fast")
    assert not is_dearer("anthropic", "priority")
    assert not is_dearer("openai", "flex")
    assert not is_dearer("openai", None)


def test_an_unlisted_dearer_tier_costs_two_and_a_half_times_the_tokens_and_the_same_searches() -> None:
    units = {"input": UnitPrice(10, 4), "web_search": UnitPrice(10, 1000)}
    dearer = {"input": UnitPrice(50, 8), "web_search": UnitPrice(10, 1000)}
    assert scaled(units, (PriceTier(5, units),)) == (dearer, (PriceTier(5, dearer),))
