"""Where the two price lists disagree is told, and what is told of ours is the book's."""

from pathlib import Path

import pytest

from tollway.money import Money
from tollway.pricing.disagreements import FILE, Disagreement, disagreements
from tollway.pricing.price import PriceBook

COMPILED = (Path(__file__).parents[2] / "src" / "tollway" / "pricing" / FILE).read_bytes()


def test_both_prices_are_told_and_differ_by_more_than_rounding() -> None:
    found = disagreements(COMPILED)
    assert len(found) > 100
    for one in found:
        assert abs(one.genai_prices - one.litellm) > max(one.genai_prices, one.litellm) * 0.005
    assert found == sorted(found)


def test_the_disagreements_of_one_provider_are_found_under_any_of_its_names() -> None:
    mistral = disagreements(COMPILED, "mistral-ai")
    assert mistral == [one for one in disagreements(COMPILED) if one.provider == "mistral"]
    # The alias that moved on to another model.
    assert ("mistral-large-latest", 2_000_000_000, 500_000_000) in {
        (o.model, o.genai_prices, o.litellm) for o in mistral
    }
    assert disagreements(COMPILED, "nobody") == []


def test_cached_input_without_a_price_of_its_own_is_compared_as_the_input_that_it_is_charged_as() -> None:
    codestral = [one for one in disagreements(COMPILED, "mistral") if one.model == "codestral-latest"]
    assert codestral == [
        Disagreement("mistral", "codestral-latest", "cache_read", Money(300_000_000), Money(30_000_000), "input")
    ]


# Models whose present price is not the list's last one: it depends on the hour, or a correction has taken its place.
ELSEWHERE = {"deepseek", "together"}


@pytest.mark.parametrize("one", disagreements(COMPILED), ids=lambda one: f"{one.provider}/{one.model}:{one.meter}")
def test_our_side_is_what_the_book_says(one: object, book: PriceBook, now: int) -> None:
    provider, model, meter, ours, _, charged_as = one  # type: ignore[misc]
    price = book.price(provider, model, at_ms=now)  # type: ignore[has-type]
    assert price is not None
    if provider not in ELSEWHERE:  # type: ignore[has-type]
        assert (meter in price.units) is not bool(charged_as)  # type: ignore[has-type]
        unit = price.units[charged_as or meter]  # type: ignore[has-type]
        assert unit.amount * 1_000_000 // unit.per == ours  # type: ignore[has-type]
