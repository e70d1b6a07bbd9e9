import pytest

from tollway.pricing.tiers import is_dearer, may_apply, split, unlisted, with_uplifts
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
    assert unlisted(units, (PriceTier(5, units),)) == (dearer, (PriceTier(5, dearer),))


@pytest.mark.parametrize(
    ("asked", "auto_is_standard", "applying"),
    [
        (None, False, [None, "us"]),
        (None, True, [None]),
        ("global", False, [None]),
        ("us", True, [None, "us"]),
        ("fast+us", False, [None, "fast", "us", "fast+us"]),
        ("fast+global", False, [None, "fast"]),
    ],
)
def test_an_uplift_may_apply_unless_the_request_or_the_settings_rule_it_out(
    asked: str | None, auto_is_standard: bool, applying: list[str | None]
) -> None:
    uplifts = {"us": (11, 10)}
    base, _ = split(asked, uplifts)
    tiers = may_apply("anthropic", base, [], auto_is_standard=auto_is_standard)
    assert with_uplifts(tiers, asked, uplifts, auto_is_standard=auto_is_standard) == applying


@pytest.mark.parametrize(
    ("tier", "parts"),
    [
        (None, (None, None)),
        ("us", (None, "us")),
        ("batch", ("batch", None)),
        ("fast+us", ("fast", "us")),
        ("us+fast", ("fast", "us")),
        ("global", (None, None)),
    ],
)
def test_a_tier_and_an_uplift_are_told_apart(tier: str | None, parts: tuple[str | None, str | None]) -> None:
    assert split(tier, {"us": (11, 10)}) == parts


def test_a_tier_of_a_model_without_uplifts_is_one_word() -> None:
    assert split("us", {}) == ("us", None)


@pytest.mark.parametrize(
    ("asked", "applying"),
    [
        (None, [None, "low", "medium", "high"]),
        ("medium", [None, "medium"]),
        ("priority", [None, "fast", "priority", "low", "medium", "high"]),
    ],
)
def test_the_fee_of_a_search_is_held_at_every_size_that_may_apply(
    asked: str | None, applying: list[str | None]
) -> None:
    assert may_apply("perplexity", asked, ["low", "medium", "high"], auto_is_standard=False) == applying
