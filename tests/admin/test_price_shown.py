from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.admin.rerated import AT, BOOK, settings

from tollway.admin.price_shown import UNITS, detail_shown, disagreement_shown, listed_shown, meters_shown, percent
from tollway.money import Money, parse
from tollway.pricing.disagreements import Disagreement
from tollway.pricing.listing import listing, listings
from tollway.pricing.units import PER


def test_every_price_of_the_book_is_shown_exactly() -> None:
    for found in listings(BOOK, at_ms=AT):
        shown = listed_shown(found)
        if found.price is None:
            assert shown.price is None
            continue
        assert shown.price is not None
        for meter in shown.price.meters:
            unit = found.price.units[meter.meter]
            assert Fraction(parse(meter.amount_usd), meter.per) == Fraction(unit.amount, unit.per)


def test_a_discounted_price_is_shown_for_the_usual_quantity() -> None:
    own = settings({"provider": "openai", "model": "gpt-4o", "discount": "10%"})
    found = detail_shown(listing(own.book, "openai", "gpt-4o", at_ms=AT), own.book)
    assert found.price is not None and found.list_price is not None
    assert next((m.meter, m.amount_usd, m.per) for m in found.price.meters) == ("input", "2.25", 1_000_000)
    assert found.list_price.meters[0].amount_usd == "2.5"
    assert found.override == "openai/gpt-4o"


def test_a_third_is_shown_for_the_quantity_it_is_exact_for() -> None:
    own = settings({"provider": "openai", "model": "gpt-4o", "input": "1", "output": "1", "input_audio_hours": "1"})
    price = own.book.price("openai", "gpt-4o", at_ms=AT)
    assert price is not None
    hours = next(m for m in meters_shown(price.units, price) if m.meter == "input_audio_seconds")
    assert (hours.amount_usd, hours.per, hours.unit) == ("1", 3600, "seconds")


def test_what_has_no_price_has_a_ceiling() -> None:
    found = detail_shown(listing(BOOK, "openai", "gpt-99", at_ms=AT), BOOK)
    assert found.price is None and found.list_price is None
    assert found.ceiling is not None and found.ceiling.source == "ceiling"


def test_prices_in_time_are_shown_with_their_hours() -> None:
    found = detail_shown(listing(BOOK, "deepseek", "deepseek-v4-flash", at_ms=AT), BOOK)
    assert [dated.daily for dated in found.dates] == [None, None, None, "01:00-04:00", "06:00-10:00"]


def test_every_unit_is_of_a_meter_there_is() -> None:
    assert set(UNITS) <= set(PER)


def test_whose_price_is_used_is_said() -> None:
    used = Money(150_000_000)
    other = Money(300_000_000)
    for genai, litellm, meter, whose in (
        (used, other, "input", "genai-prices"),
        (other, used, "input", "litellm"),
        (other, other, "input", "genai-prices"),
        (used, other, "output_image", "not a meter of its own"),
    ):
        shown = disagreement_shown(Disagreement("openai", "gpt-4o-mini", meter, genai, litellm), BOOK, AT)
        assert shown.used == whose
    assert disagreement_shown(Disagreement("openai", "gpt-99", "input", used, other), BOOK, AT).used == "no price"


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (1, 8, "12.5"),
        (-1, 8, "-12.5"),
        (1, 3, "33.3"),
        (2, 3, "66.7"),
        (-1, 10**6, "0.0"),
        (0, 0, "0.0"),
        (1, 0, "inf"),
    ],
)
def test_a_percentage_is_rounded_to_one_place(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said


@given(part=st.integers(-(10**15), 10**15), whole=st.integers(1, 10**15))
def test_a_percentage_is_never_off_by_more_than_half_a_tenth(part: int, whole: int) -> None:
    assert abs(Fraction(percent(part, whole)) - Fraction(100 * part, whole)) <= Fraction(1, 20)
