"""A cost the caller gives is exact, and means what Cloudflare's does."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.errors import UsageInvalid
from tollway.money import LARGEST, MOST_AT_ONCE
from tollway.pricing.charge import charge
from tollway.pricing.custom_cost import LONGEST, custom_price
from tollway.pricing.units import Price
from tollway.usage import Usage


def price(text: str) -> Price:
    found = custom_price(text)
    assert isinstance(found, Price), found
    return found


# Cloudflare's own example: 1,000 in, of which 600 read from and 200 written to the cache; 200 are fresh.
USAGE = Usage(input_tokens=1_000, cache_read_input_tokens=600, cache_creation_input_tokens=200, output_tokens=100)


@pytest.mark.parametrize(
    ("written", "nanodollars"),
    [
        # Without a cache price the old formula holds: all input at the one price.
        ('{"per_token_in": 0.000001, "per_token_out": 0.000002}', 1_000_000 + 200_000),
        # One cache price is enough; the other one is per_token_in.
        (
            '{"per_token_in": 0.000001, "per_token_out": 0.000002, "per_cache_read_token": 0.0000001}',
            400_000 + 60_000 + 200_000,
        ),
        (
            '{"per_token_in": 0.000001, "per_token_out": 0.000002, "per_cache_write_token": 0.00000125}',
            800_000 + 250_000 + 200_000,
        ),
        (
            '{"per_token_in": 1e-6, "per_token_out": "2e-6", "per_cache_read_token": 0, "per_cache_write_token": 0}',
            200_000 + 200_000,
        ),
        ('{"total_cost": 0.01}', 10_000_000),
        ('{"per_token_out": 0.000002}', 200_000),
        # Finer than a nanodollar a token: exact, and rounded up once a line.
        ('{"per_token_in": 0.0000000000001, "per_token_out": 0}', 1),
        ('{"per_token_in": 0.0000000015, "per_token_out": 0}', 1_500),
    ],
)
def test_a_custom_cost_is_charged_as_cloudflare_does(written: str, nanodollars: int) -> None:
    charged = charge(USAGE, price(written))
    assert charged.amount == nanodollars == sum(line.amount for line in charged.lines)


def test_a_custom_cost_of_nothing_is_free_and_is_told_from_another() -> None:
    nothing = price('{"per_token_in": 0, "per_token_out": 0}')
    assert nothing.free and nothing.overridden and nothing.source == "request"
    assert nothing.id.startswith("request/*@custom#")
    assert nothing.id != price('{"per_token_in": 1, "per_token_out": 0}').id


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ("0.1", "is not a JSON object"),
        ("{}", "names no per_token_in"),
        ('{"per_cache_read_token": 1}', "names no per_token_in"),
        ('{"per_token": 1}', 'has no field "per_token"'),
        ('{"per_token_in": -1}', "per_token_in is -1"),
        ('{"per_token_in": null}', "per_token_in is null"),
        ('{"per_token_in": true}', "not an amount"),
        ('{"per_token_in": "NaN"}', "not an amount"),
        ('{"per_token_in": "1e-99999999"}', "not an amount"),
        ('{"per_token_in": 1e99999999}', "per_token_in is 1e99999999 US dollars; the most is 1"),
        ('{"per_token_in": 0.1, "total_cost": 1}', "leave one of the two out"),
        ('{"per_token_in": {}}', "not an amount"),
        ("x" * (LONGEST + 1), "no more than 512 are read"),
        ('{"per_token_in": "++"}', "not an amount"),
        (
            '{"per_token_in": 1.000000001, "per_token_out": 0}',
            "per_token_in is 1.000000001 US dollars; the most is 1 for one token.",
        ),
        ('{"per_token_in": 1e-30}', "more digits than a charge can say"),
        ('{"per_token_in": 0.1234567890123456789012345678}', "more digits than a charge can say"),
        ('{"per_token_in": 1e6}', "the most is 1 for one token"),
        ('{"total_cost": "1000000.000000001"}', 'total_cost is "1000000.000000001" US dollars; the most is 1,000,000.'),
    ],
)
def test_what_means_no_cost_is_said(written: str, said: str) -> None:
    found = custom_price(written)
    assert isinstance(found, str) and said in found


@given(st.integers(0, 10**18).map(lambda number: Decimal(number).scaleb(-18)), st.integers(0, 10**8))
def test_any_amount_is_exact(amount: Decimal, tokens: int) -> None:
    found = price(f'{{"per_token_in": {amount:f}, "per_token_out": 0}}')
    exact = amount * tokens * 10**9
    if exact > MOST_AT_ONCE:
        with pytest.raises(UsageInvalid, match="no answer costs more than"):
            charge(Usage(input_tokens=tokens), found)
        return
    charged = charge(Usage(input_tokens=tokens), found)
    assert exact <= charged.amount < exact + 1
    # Or no entry could say it.
    assert max(found.units["input"].amount, found.units["input"].per) <= LARGEST
    msgspec.msgpack.encode(charged)


def test_a_whole_answer_may_cost_a_million_dollars() -> None:
    assert charge(USAGE, price('{"total_cost": 1000000}')).amount == MOST_AT_ONCE


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_anything_may_come_in(written: str | bytes) -> None:
    assert isinstance(custom_price(written), str | Price)
