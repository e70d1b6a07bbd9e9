import msgspec
import pytest

from tollway.pricing.catalogue import (
    LONGEST_NAME,
    Book,
    Catalogue,
    ListedModel,
    ListedPrice,
    ListedVariant,
    When,
    active_price,
    midnight,
    next_change,
    unit_prices,
    with_dashed_date,
)
from tollway.pricing.units import PriceTier, UnitPrice

DAY = 86_400_000
NOON = midnight("2026-11-21") + DAY // 2


def catalogue(**providers: dict[str, object]) -> Catalogue:
    book = {"version": "test", "date": "2026-11-21", "notice": [], "providers": providers}
    return Catalogue(msgspec.json.decode(msgspec.json.encode(book), type=Book))


def minutes(hours: int, more: int = 0) -> int:
    return midnight("2026-11-21") + (hours * 60 + more) * 60_000


@pytest.mark.parametrize(
    ("name", "dashed"),
    [
        ("gpt-5.2-20251211", "gpt-5.2-2025-12-11"),
        ("gpt-5.2-20251211:online", "gpt-5.2-2025-12-11:online"),
        ("gpt-5.2-20250230", "gpt-5.2-20250230"),
        ("gpt-5.2-19991231", "gpt-5.2-19991231"),
        ("gpt-5.2", "gpt-5.2"),
    ],
)
def test_a_compact_date_in_a_name_is_read_with_dashes(name: str, dashed: str) -> None:
    assert with_dashed_date(name) == dashed


@pytest.mark.parametrize(
    ("window", "time", "active"),
    [
        # Two rows of the recorded cost cases: a window over midnight, and one that ends where it starts.
        ((16 * 60 + 30, 30), (12, 0), False),
        ((0, 0), (5, 0), True),
        ((16 * 60 + 30, 30), (16, 30), True),
        ((16 * 60 + 30, 30), (0, 29), True),
        ((16 * 60 + 30, 30), (0, 30), False),
        ((60, 240), (1, 0), True),
        ((60, 240), (4, 0), False),
    ],
)
def test_a_daily_window_holds_from_its_first_minute_until_before_its_last(
    window: tuple[int, int], time: tuple[int, int], active: bool
) -> None:
    assert When(between=window).active(minutes(*time)) is active


def test_a_dated_price_begins_at_midnight_utc() -> None:
    begins = When(since="2026-11-21")
    assert not begins.active(midnight("2026-11-21") - 1)
    assert begins.active(midnight("2026-11-21"))


def test_the_next_change_is_the_first_beginning_or_end_of_anything_dated() -> None:
    model = ListedModel(
        id="m",
        prices=(ListedPrice(), ListedPrice(between=(60, 240)), ListedPrice(since="2026-11-23")),
        variants=(ListedVariant(tier="batch", since="2026-11-22"),),
    )
    assert next_change(model, minutes(0)) == minutes(1)
    assert next_change(model, minutes(1)) == minutes(4)
    assert next_change(model, minutes(4)) == midnight("2026-11-22")
    assert next_change(ListedModel(id="m", prices=(ListedPrice(),)), NOON) is None
    assert next_change(ListedModel(id="m", prices=(ListedPrice(since="2026-11-01"),)), NOON) is None


def test_the_last_active_price_holds_and_the_first_where_none_is() -> None:
    first = ListedPrice(since="2027-01-01")
    second = ListedPrice(since="2026-01-01")
    assert active_price(ListedModel(id="m", prices=(first, second)), NOON) is second
    assert active_price(ListedModel(id="m", prices=(first,)), NOON) is first


@pytest.mark.parametrize(
    ("when", "label"),
    [(When(), "always"), (When(since="2026-01-01"), "2026-01-01"), (When(between=(30, 990)), "00:30-16:30")],
)
def test_a_price_is_labelled_with_when_it_holds(when: When, label: str) -> None:
    assert when.label() == label


def test_tiers_carry_all_meters_and_variants_replace_a_meter_with_its_tiers() -> None:
    standard = ListedPrice(
        units={"input": (10, 100, 20, 200, 30), "output": (40, 200, 50), "request": (7,)}, per={"output": 3}
    )
    variant = ListedVariant(tier="batch", units={"output": (4,)})
    later = ListedVariant(tier="batch", units={"output": (5,), "request": (1,)})

    units, tiers = unit_prices(standard, ())
    assert units == {"input": UnitPrice(10, 10**6), "output": UnitPrice(40, 3), "request": UnitPrice(7, 1000)}
    assert tiers == (
        PriceTier(100, units | {"input": UnitPrice(20, 10**6)}),
        PriceTier(200, units | {"input": UnitPrice(30, 10**6), "output": UnitPrice(50, 3)}),
    )

    units, tiers = unit_prices(standard, (variant, later))
    assert units["output"] == UnitPrice(4, 10**6)
    assert units["request"] == UnitPrice(1, 1000)
    assert [tier.units["output"] for tier in tiers] == [UnitPrice(4, 10**6)] * 2


def test_a_name_is_looked_up_exactly_first_then_by_rule_then_with_those_whose_models_are_resold() -> None:
    books = catalogue(
        maker={"models": [{"id": "one", "names": ["one"]}, {"id": "dated", "names": ["two-2025-12-11"]}]},
        reseller={
            "models": [
                {"id": "prefix", "rules": [["starts_with", "o"]]},
                {"id": "exact", "names": ["own"]},
                {
                    "id": "rest",
                    "rules": [
                        ["ends_with", "-end"],
                        ["contains", "mid"],
                        ["regex", r"^r\d$"],
                        ["any", [["equals", "x"], ["equals", "y"]]],
                        ["all", [["starts_with", "a"], ["ends_with", "z"]]],
                    ],
                },
            ],
            "fallback": ["maker", "nobody"],
        },
    )
    found = {
        name: model.id if (model := books.model("reseller", name)) else None
        for name in ["OWN", "one", "two-20251211", "the-end", "a-mid-b", "r5", "y", "abcz", "abc", "two-20259999"]
    }
    assert found == {
        "OWN": "exact",
        "one": "prefix",
        "two-20251211": "dated",
        "the-end": "rest",
        "a-mid-b": "rest",
        "r5": "rest",
        "y": "rest",
        "abcz": "rest",
        "abc": None,
        "two-20259999": None,
    }
    assert books.model("nobody", "one") is None
    assert books.providers() == ("maker", "reseller")


def test_a_name_that_no_model_could_have_is_not_looked_up() -> None:
    books = catalogue(maker={"models": [{"id": "one", "rules": [["starts_with", "a"]]}]})
    assert books.model("maker", "a" * LONGEST_NAME) is not None
    assert books.model("maker", "a" * (LONGEST_NAME + 1)) is None


def test_the_larger_window_of_the_two_sources_holds() -> None:
    assert ListedModel(id="m", context=10, max_input=20, max_output=5).limits() == (20, 5)
    assert ListedModel(id="m", context=10).limits() == (10, None)
    assert ListedModel(id="m").limits() == (None, None)
