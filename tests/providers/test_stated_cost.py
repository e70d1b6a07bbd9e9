"""What a provider says it charged is read to the digit, or not believed."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.stated_cost import NOTHING, Stated, read_stated_cost


@pytest.mark.parametrize(
    ("usage", "nanodollars"),
    [
        ('{"cost": 0.000669}', 669_000),
        ('{"cost": 7.159e-05}', 71_590),
        # Beyond a nanodollar: rounded up.
        ('{"cost": 0.0004970133333333333}', 497_014),
        ('{"cost": 0.0000000001}', 1),
        ('{"cost": 0}', 0),
        ('{"cost": "0.25"}', 250_000_000),
        # xAI: 1 tick is 1e-10 dollars, a tenth of a nanodollar.
        ('{"cost_in_usd_ticks": 1497500}', 149_750),
        ('{"cost_in_usd_ticks": 1}', 1),
        ('{"cost_in_usd_ticks": 11}', 2),
        # Perplexity.
        ('{"cost": {"input_tokens_cost": 0.0, "request_cost": 0.005, "total_cost": 0.00541}}', 5_410_000),
        # OpenRouter with the caller's own key: its fee, and what the provider behind it bills.
        ('{"cost": 0.00005, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.001}}', 1_050_000),
        ('{"cost": 0.001, "is_byok": false, "cost_details": {"upstream_inference_cost": 0.001}}', 1_000_000),
        ('{"cost": 0.001, "is_byok": null, "cost_details": null}', 1_000_000),
        # More digits than a float has.
        ('{"cost": 0.123456789000000001}', 123_456_790),
    ],
)
def test_a_stated_cost_is_exact_and_rounded_up(usage: str, nanodollars: int) -> None:
    assert read_stated_cost(usage.encode()) == Stated(nanodollars)


@pytest.mark.parametrize(
    "usage",
    [
        "{}",
        '{"cost": null}',
        '{"prompt_tokens": 1}',
        '{"cost": {"total_cost": null}}',
        '{"cost": {}}',
        "[]",
        "null",
        "",
        "{",
        '{"cost": 0x1}',
        "\xff",
    ],
)
def test_a_usage_without_a_cost_states_nothing(usage: str) -> None:
    assert read_stated_cost(usage.encode("latin-1")) == NOTHING


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        ('{"cost": -0.01}', "which no answer costs"),
        ('{"cost": 1e12}', "which no answer costs"),
        ('{"cost": 1e999999999}', "which is no amount"),
        ('{"cost": 1e-999999999}', "which is no amount"),
        ('{"cost": "NaN"}', "which is no amount"),
        ('{"cost": "Infinity"}', "which is no amount"),
        ('{"cost": "1_0"}', "which is no amount"),
        ('{"cost": true}', "which is no amount"),
        ('{"cost": "+-"}', "which is no amount"),
        ('{"cost": [1]}', "which is no amount"),
        ('{"cost_in_usd_ticks": -1}', "which no answer costs"),
        ('{"cost": 0.1, "is_byok": true}', "a part only"),
        ('{"cost": 0.1, "is_byok": true, "cost_details": {"upstream_inference_cost": -1}}', "a part only"),
        ('{"cost": 0.1, "is_byok": true, "cost_details": [1]}', "a part only"),
    ],
)
def test_a_cost_that_cannot_be_is_named_and_not_believed(usage: str, said: str) -> None:
    stated = read_stated_cost(usage.encode())
    assert stated.nanodollars is None
    assert stated.suspect is not None and said in stated.suspect


@given(st.decimals(0, 1000, places=12))
def test_any_amount_is_read_to_the_digit(amount: Decimal) -> None:
    assert read_stated_cost(f'{{"cost": {amount:f}}}'.encode()).nanodollars == math.ceil(amount * 10**9)


@given(
    st.dictionaries(
        st.sampled_from(["cost", "cost_in_usd_ticks", "cost_details", "is_byok", "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=4,
        ),
    )
)
def test_anything_may_come_in(usage: dict[str, object]) -> None:
    stated = read_stated_cost(json.dumps(usage).encode())
    assert stated.nanodollars is None or stated.nanodollars >= 0
