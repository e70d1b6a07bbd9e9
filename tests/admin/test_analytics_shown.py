import pytest

from tollway.admin.analytics_query import METRICS
from tollway.admin.analytics_shown import Figures, figures, percentile
from tollway.storage.analytics import MEASURES, UPPER_MS, Question, Sums


def test_every_measure_is_shown_as_it_is_declared() -> None:
    question = Question(bounds=(0, 1), columns=MEASURES)
    sums: Sums = {table: list(range(1, len(names) + 1)) for table, names in MEASURES.items()}
    shown = Figures.model_validate(figures(sums, question, tuple(METRICS)))
    assert shown.cost is not None and shown.cost.spent_usd == "0.000000001"
    assert shown.tokens is not None and shown.tokens.output == 8
    assert shown.cache is not None and shown.cache.saved_usd == "0.000000005"


def test_what_is_not_known_is_null_and_no_zero() -> None:
    question = Question(bounds=(0, 1), columns=MEASURES)
    sums: Sums = {table: [0] * len(names) for table, names in MEASURES.items()}
    shown = Figures.model_validate(figures(sums, question, tuple(METRICS)))
    assert shown.tokens is not None and shown.tokens.model_dump() == dict.fromkeys(
        ("input", "cache_read", "cache_write", "output", "reasoning")
    )
    assert shown.latency is not None
    assert (shown.latency.mean_us, shown.latency.p95_ms, shown.latency.first_chunk_mean_us) == (None, None, None)
    assert shown.cost is not None and shown.cost.spent_usd == "0"


def test_a_class_of_tokens_that_nobody_told_is_zero_where_some_usage_is_known() -> None:
    """As docs/guides/analytics.md says: rollups keep how many told a usage, not how many told each class."""
    question = Question(bounds=(0, 1), columns={"spending": ("told", *METRICS["tokens"][1])})
    known = {"told": 1, "input_tokens": 5}
    sums: Sums = {"spending": [known.get(name, 0) for name in question.columns["spending"]]}
    shown = Figures.model_validate(figures(sums, question, ("tokens",)))
    assert shown.tokens is not None
    assert shown.tokens.model_dump() == {"input": 5, "cache_read": 0, "cache_write": 0, "output": 0, "reasoning": 0}


@pytest.mark.parametrize(
    ("histogram", "percent", "expected"),
    [
        # Half of one request is in the middle of 0 to 50 ms.
        ([1], 50, 25),
        # The fiftieth of fifty is at the end of its class; the next is the first hundredth of the class above.
        ([50, 50], 50, 50),
        ([49, 51], 50, 51),
        ([95, 4, 1], 95, 50),
        ([94, 5, 1], 95, 60),
        # Rank 95 of 100 is the fifth of ten between 6.4 and 12.8 s.
        ([0] * 7 + [90, 10], 95, 9_600),
        ([0] * 7 + [90, 10], 99, 12_160),
        # 200 + 200 * 2.5 / 3 = 366.67
        ([0, 0, 0, 3], 50, 300),
        ([0, 2, 0, 3], 90, 367),
        ([0, 0, 0], 50, None),
        ([0] * 12 + [7], 50, UPPER_MS[-1]),
        ([1] + [0] * 11 + [99], 99, UPPER_MS[-1]),
    ],
)
def test_a_percentile_is_estimated_within_its_class(histogram: list[int], percent: int, expected: int | None) -> None:
    assert percentile(histogram, percent) == expected


def test_percentiles_never_fall_as_the_percent_rises() -> None:
    for seed in range(500):
        histogram = [(seed * 7919 + place * 104_729) % 5 for place in range(len(UPPER_MS) + 1)]
        told = [percentile(histogram, percent) or 0 for percent in range(1, 101)]
        assert told == sorted(told)
