from tollway.money import Money
from tollway.pricing.ceiling import ceiling, dearest_of, dearest_text
from tollway.pricing.units import NOTHING, UNLISTED_TOOLS, Price, PriceTier, UnitPrice


def per_million(amount: int) -> UnitPrice:
    return UnitPrice(amount, 10**6)  # type: ignore[arg-type]


def price(**units: int) -> Price:
    return Price(id="p", provider="p", model="m", units={meter: per_million(n) for meter, n in units.items()})


def test_the_dearest_input_is_a_cache_write_when_one_may_be_made() -> None:
    prices = [price(input=10, cache_read=1, cache_write=12, cache_write_1h=20, output=30)]
    assert ceiling(prices, long_cache=False, media=False).at(1).input == per_million(12)
    assert ceiling(prices, long_cache=True, media=False).at(1).input == per_million(20)


def test_media_prices_count_when_there_may_be_media() -> None:
    prices = [price(input=10, input_audio=40, output=30, output_image=99)]
    assert ceiling(prices, long_cache=False, media=False).at(1).input == per_million(10)
    assert ceiling(prices, long_cache=False, media=True).at(1).input == per_million(40)
    # Whether an answer is an image the model decides.
    assert ceiling(prices, long_cache=False, media=False).at(1).output == per_million(99)


def test_the_dearest_of_several_prices_is_taken_meter_by_meter() -> None:
    found = ceiling([price(input=10, output=30), price(input=5, output=60)], long_cache=False, media=False)
    assert (found.at(1).input, found.at(1).output) == (per_million(10), per_million(60))


def test_a_longer_bound_reaches_more_tiers_and_keeps_the_shorter_ones() -> None:
    units = price(input=10, output=30).units
    tiers = (
        PriceTier(0, units | {"input": per_million(11)}),
        PriceTier(100, units | {"input": per_million(20)}),
        PriceTier(200, units | {"input": per_million(5), "output": per_million(60)}),
    )
    found = ceiling([Price(id="p", provider="p", model="m", units=units, tiers=tiers)], long_cache=False, media=False)
    amounts = [(found.at(n).input.amount, found.at(n).output.amount) for n in (0, 1, 100, 101, 200, 201)]
    assert amounts == [(10, 30), (11, 30), (11, 30), (20, 30), (20, 30), (20, 60)]


def test_an_unlisted_search_costs_what_searches_cost_and_a_free_model_searches_for_nothing() -> None:
    listed = ceiling([price(input=1, web_search=99)], long_cache=False, media=False)
    assert listed.tools["web_search"] == per_million(99)
    assert listed.tools["file_search"] == UNLISTED_TOOLS["file_search"]
    assert listed.tools["code_execution"].amount > 0
    nothing = Price(id="p", provider="p", model="m", units={"input": NOTHING, "output": NOTHING}, free=True)
    free = ceiling([nothing], long_cache=False, media=False)
    assert free.tools == {} and free.free
    assert free.at(10**9).input == NOTHING


def test_meters_that_no_body_shows_are_listed_with_their_dearest_price() -> None:
    found = ceiling([price(pages=1, search_unit=3), price(pages=2)], long_cache=False, media=False)
    assert found.unseen == {"pages": per_million(2), "search_unit": per_million(3)}
    assert ceiling([price(input=1)], long_cache=False, media=False).unseen == {}


def test_a_kind_costs_what_the_dearest_of_the_prices_takes_for_it() -> None:
    first = {"image:low/1": UnitPrice(Money(1), 1), "image:high/1": UnitPrice(Money(9), 1)}
    second = {"image": UnitPrice(Money(4), 1)}
    assert dearest_of((first, second), "image", "low/1") == UnitPrice(Money(4), 1)
    assert dearest_of((first, second), "image", "high/1") == UnitPrice(Money(9), 1)
    assert dearest_of((first, second), "image", None) == UnitPrice(Money(9), 1)
    assert dearest_of((), "image", "high/1") == NOTHING


def test_the_dearest_text_is_the_dearest_of_each_meter() -> None:
    assert dearest_text([price(input=5, output=1).units, price(input=2, output=7, cache_write=6).units]) == {
        "input": per_million(5),
        "output": per_million(7),
        "cache_write": per_million(6),
    }
    # A write that costs no more than input needs no price of its own.
    assert "cache_write" not in dearest_text([price(input=5, output=1, cache_write=5).units])


def test_fees_and_least_quantities_are_the_largest() -> None:
    one = Price(
        id="p",
        provider="p",
        model="m",
        units={"audio_seconds": UnitPrice(5, 60)},
        at_least={"audio_seconds": 10},  # type: ignore[arg-type]
    )
    found = ceiling([one, price(request=3, image=4, characters=5)], long_cache=False, media=False)
    assert (found.seconds, found.least_seconds) == (UnitPrice(5, 60), 10)
    assert (found.request, found.image, found.characters) == (
        per_million(3),
        ({"image": per_million(4)},),
        per_million(5),
    )
