"""What a charge was made from is read from its lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.money import Money
from tollway.pricing.charge import ChargeLine, charge
from tollway.pricing.lines import usage_of
from tollway.pricing.units import Price, UnitPrice
from tollway.usage import Usage

PENNY = UnitPrice(Money(10_000_000), 1)
UNITS = dict.fromkeys(("input", "cache_read", "output", "reasoning", "image:hd/1024x1024", "web_search"), PENNY)
COUNTS = st.integers(1, 10**6)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_usage_is_read_back_from_what_it_was_charged_as(fresh: int, cached: int, said: int, thought: int) -> None:
    usage = Usage(
        input_tokens=fresh + cached,
        cache_read_input_tokens=cached,
        output_tokens=said + thought,
        reasoning_output_tokens=thought,
    )
    assert usage_of(charge(usage, Price(id="", provider="", model="", units=UNITS)).lines) == usage


def test_the_kind_of_a_picture_is_part_of_it() -> None:
    lines = (ChargeLine("image:hd/1024x1024", 2, PENNY, Money(20_000_000)),)
    assert usage_of(lines) == Usage(images=2, image_kind="hd/1024x1024")


@pytest.mark.parametrize("lines", [(), (ChargeLine("presumed", 1, PENNY, Money(10_000_000)),)])
def test_lines_that_count_nothing_tell_no_usage(lines: tuple[ChargeLine, ...]) -> None:
    assert usage_of(lines) is None
