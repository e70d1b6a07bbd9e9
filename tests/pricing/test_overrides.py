import pytest

from tollway.errors import SettingsInvalid
from tollway.pricing.overrides import PriceOverride, read_overrides
from tollway.pricing.units import NOTHING, ModelLimits, UnitPrice


def test_dollars_per_million_tokens_and_dollars_each_are_read_exactly() -> None:
    (override,) = read_overrides(
        [PriceOverride(provider="grok", model="My-*", input="0.0375", output="1.5", cache_write_1h="3", request="0.01")]
    )
    assert override.provider == "xai"
    assert override.units == {
        "input": UnitPrice(37_500_000, 10**6),
        "output": UnitPrice(1_500_000_000, 10**6),
        "cache_write_1h": UnitPrice(3_000_000_000, 10**6),
        "request": UnitPrice(10_000_000, 1),
    }
    assert not override.free


@pytest.mark.parametrize(
    ("pattern", "provider", "model", "holds"),
    [
        ("My-*", "openai", "my-model", True),
        ("My-*", "openai", "not-my-model", False),
        ("my", "openai", "my", True),
        ("my", "openai", "my-model", False),
        ("*", "openai", "anything", True),
        ("*", "anthropic", "anything", False),
    ],
)
def test_a_pattern_matches_the_whole_name_in_any_case(pattern: str, provider: str, model: str, holds: bool) -> None:
    (override,) = read_overrides([PriceOverride(provider="openai", model=pattern, free=True)])
    assert override.holds(provider, model) is holds


@pytest.mark.parametrize(
    "written",
    [
        PriceOverride(provider="local", model="*", free=True),
        PriceOverride(provider="local", model="*", input="0", output="0"),
    ],
)
def test_free_may_be_said_in_two_ways(written: PriceOverride) -> None:
    (override,) = read_overrides([written])
    assert override.free
    assert all(unit.amount == 0 for unit in override.units.values())
    assert override.units["input"] == NOTHING


def test_a_price_for_each_request_needs_no_token_price() -> None:
    (override,) = read_overrides([PriceOverride(provider="local", model="*", request="0.002")])
    assert override.units == {"request": UnitPrice(2_000_000, 1)}


def test_limits_may_be_given_with_a_price() -> None:
    (override,) = read_overrides(
        [PriceOverride(provider="local", model="*", free=True, context_window=8192, max_output_tokens=1024)]
    )
    assert override.limits == ModelLimits(8192, 1024)


def test_another_amount_is_another_digest() -> None:
    one, same, other = read_overrides(
        [PriceOverride(provider="local", model="*", input=amount, output="1") for amount in ("1", "1.0", "2")]
    )
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "names no amount"),
        ({"free": True, "input": "1", "output": "1"}, "free: true"),
        ({"input": "1"}, 'both "input" and "output"'),
        ({"output": "1"}, 'both "input" and "output"'),
        ({"output": "1", "request": "1"}, 'both "input" and "output"'),
        ({"web_search": "1"}, 'both "input" and "output"'),
        ({"input": "1e-3", "output": "1"}, "is not an amount of US dollars"),
        ({"input": "$1", "output": "1"}, "is not an amount of US dollars"),
        ({"input": "-1", "output": "1"}, "below zero"),
    ],
)
def test_a_price_that_cannot_be_meant_is_refused_and_named(fields: dict[str, str | bool], message: str) -> None:
    written = PriceOverride(provider="local", model="tiny", **fields)  # type: ignore[arg-type]
    with pytest.raises(SettingsInvalid, match=message) as raised:
        read_overrides([written])
    assert 'price of "local/tiny"' in str(raised.value)
