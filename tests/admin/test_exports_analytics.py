from typing import Any

from tollway.admin.analytics_query import METRICS, Metric, columns
from tollway.admin.exports_analytics import COLUMNS, cells_of, view_table
from tollway.storage.analytics import Answer, Question, Series, Sums

HOUR = 3_600_000


def asked(*by: str, metrics: str = "cost") -> tuple[tuple[Metric, ...], Question]:
    names, picked = columns(metrics, by)
    return names, Question(bounds=(0, HOUR, 2 * HOUR), by=by, columns=picked)


def sums(question: Question, **known: int) -> Sums:
    return {table: [known.get(name, 0) for name in names] for table, names in question.columns.items()}


def shown(question: Question, metrics: tuple[Metric, ...], answer: Answer) -> list[dict[str, Any]]:
    table = view_table(question, metrics, compared=False)
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows_of(cells_of(answer, question, "asked"))]


def series(question: Question, *amounts: int) -> Series:
    return Series(
        sums(question, amount_nanodollars=sum(amounts)), [sums(question, amount_nanodollars=each) for each in amounts]
    )


def test_rows_are_by_bucket_then_group_and_add_up() -> None:
    metrics, question = asked("model")
    answer = Answer(
        total=series(question, 15, 21),
        groups={("a",): series(question, 10, 0), (None,): series(question, 0, 20)},
        other=series(question, 5, 1),
        others=3,
    )
    found = [(row["from"], row["row"], row["model"], row["spent_usd"]) for row in shown(question, metrics, answer)]
    assert found == [
        (0, "group", "a", 10),
        (0, "other", None, 5),
        (HOUR, "group", None, 20),
        (HOUR, "other", None, 1),
    ]


def test_without_groups_every_bucket_is_a_row_even_an_empty_one() -> None:
    metrics, question = asked()
    answer = Answer(total=series(question, 0, 7), groups={})
    found = [(row["from"], row["to"], row["row"], row["spent_usd"]) for row in shown(question, metrics, answer)]
    assert found == [(0, HOUR, "total", 0), (HOUR, 2 * HOUR, "total", 7)]


def test_what_is_not_known_is_null() -> None:
    metrics, question = asked(metrics="tokens,latency,cache,requests,errors,cost")
    answer = Answer(total=Series(sums(question), []), groups={})
    row = shown(question, metrics, answer)[0]
    assert (row["input_tokens"], row["p95_ms"], row["mean_us"]) == (None, None, None)
    assert (row["requests"], row["cached"], row["spent_usd"]) == (0, 0, 0)
    told = Answer(total=Series(sums(question, told=1, input_tokens=3, requests=2, took_0=2, total_us=9), []), groups={})
    row = shown(question, metrics, told)[0]
    assert (row["input_tokens"], row["output_tokens"], row["p95_ms"], row["mean_us"]) == (3, 0, 48, 4)


def test_every_measure_has_columns_and_no_name_is_there_twice() -> None:
    assert set(COLUMNS) == set(METRICS)
    metrics, question = asked("user", "metadata.requests", metrics="requests,errors,latency")
    names = [column.name for column in view_table(question, metrics, compared=True).columns]
    assert len(set(names)) == len(names)
    assert names[:6] == ["period", "from", "to", "row", "user", "metadata.requests"]
