import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.autorouting.rules import DEFAULT_ALSO, DEFAULT_MODELS, HARDEST, WHOLE, Auto

SCORES = st.lists(st.integers(0, WHOLE), min_size=1, max_size=10).map(sorted)


def auto(*thresholds: int) -> Auto:
    return Auto(models=DEFAULT_MODELS, thresholds=thresholds)


@pytest.mark.parametrize(
    ("thresholds", "rungs", "steps"),
    [
        ((2_500,), 1, ()),
        ((2_500,), 2, (2_500,)),
        ((2_500,), 3, (2_500, HARDEST)),
        ((2_500,), 5, (2_500, 3_166, 3_833, HARDEST)),
        ((9_000,), 3, (9_000, 9_000)),
        ((1_000, 3_000), 3, (1_000, 3_000)),
        ((1_000, 3_000, 6_000), 2, (3_000,)),
        ((1_000, 3_000), 4, (1_000, 1_000, 3_000)),
        ((1_000, 2_000, 3_000, 4_000), 4, (1_000, 2_000, 4_000)),
    ],
)
def test_each_rung_but_the_first_has_a_score_from_which_on_it_is_needed(
    thresholds: tuple[int, ...], rungs: int, steps: tuple[int, ...]
) -> None:
    assert auto(*thresholds).steps(rungs) == steps


@given(SCORES, st.integers(0, 20))
def test_a_harder_prompt_never_needs_less(thresholds: list[int], rungs: int) -> None:
    steps = auto(*thresholds).steps(rungs)
    assert len(steps) == max(0, rungs - 1) and list(steps) == sorted(steps)
    assert all(0 <= step <= WHOLE for step in steps)


def test_the_pool_that_is_there_from_the_start_has_each_model_once_and_says_how_good_it_is() -> None:
    names = [one.name for one in (*DEFAULT_MODELS, *DEFAULT_ALSO)]
    assert len(set(names)) == len(names) and all(one.quality for one in (*DEFAULT_MODELS, *DEFAULT_ALSO))


def test_every_model_that_is_there_from_the_start_has_a_price() -> None:
    from importlib import resources

    from tollway.pricing.price import FILE, PriceBook

    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    for one in (*DEFAULT_MODELS, *DEFAULT_ALSO):
        provider, _, model = one.name.partition("/")
        price = book.price(provider, model, at_ms=1_790_000_000_000)
        assert price is not None and {"input", "output"} <= set(price.units), one.name
