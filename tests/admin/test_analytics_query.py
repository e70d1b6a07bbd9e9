from typing import Any

import pytest

from tollway.admin.analytics_query import (
    METRICS,
    AnalyticsQuery,
    MoversQuery,
    columns,
    dimensions,
    filters,
    question,
    range_of,
    refuse_untold,
)
from tollway.admin.problem import Problem
from tollway.storage.analytics import MEASURES, Condition

NOW = 1_782_864_000_000
"""2026-07-01T00:00:00Z."""
DAY = 86_400_000


def condition(field: str, *values: str, **fields: Any) -> Condition:
    return Condition(field=field, values=values, **fields)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("user", "a")], [condition("user", "a")]),
        ([("user", "a"), ("user", "b")], [condition("user", "a", "b")]),
        ([("user!", "a"), ("user", "b")], [condition("user", "a", negated=True), condition("user", "b")]),
        ([("model", "gpt*")], [condition("model", prefixes=("gpt",))]),
        ([("model", "gpt\\*")], [condition("model", "gpt*")]),
        ([("team", "ml")], [condition("metadata.team", "ml")]),
        ([("metadata.a.b!", "")], [condition("metadata.a.b", "", negated=True)]),
        ([("from", "2026-01-01"), ("by", "user")], []),
    ],
)
def test_what_is_no_parameter_is_a_filter(pairs: list[tuple[str, str]], expected: list[Condition]) -> None:
    assert list(filters(pairs, AnalyticsQuery, None)) == expected


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("colour", "red")], "colour"),
        ([("metadata.", "x")], "metadata."),
        ([("grain", "day"), ("grain", "hour")], "grain is given twice"),
        ([("user", "x" * 2_000)], "longer than 1,024"),
        ([("user", f"u{number}") for number in range(201)], "more than"),
        ([(f"metadata.k{number}", "x") for number in range(21)], "more than 20"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(pairs: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(Problem, match=said):
        filters(pairs, AnalyticsQuery, None)


def test_whoever_sees_their_own_alone_cannot_ask_for_another() -> None:
    assert filters([], MoversQuery, "ann") == (condition("user", "ann"),)
    assert set(filters([("user", "ann")], MoversQuery, "ann")) == {condition("user", "ann")}
    for value in ("bob", "", "*", "an*"):
        with pytest.raises(Problem, match="your own alone"):
            filters([("user", value)], MoversQuery, "ann")


def test_dimensions_are_up_to_two_different_fields() -> None:
    assert dimensions(" team , user") == ("metadata.team", "user")
    assert dimensions("") == ()
    for text in ("user,user", "user,model,key", "team,metadata.team", "colour"):
        with pytest.raises(Problem):
            dimensions(text)


def test_measures_that_a_field_cannot_tell_are_left_out_or_refused() -> None:
    assert columns("", ())[0] == tuple(METRICS)
    assert set(columns("", ("status",))[1]) == {"traffic"}
    assert set(columns("", ("kind",))[1]) == {"spending"}
    assert columns("errors,cost,errors", ())[0] == ("errors", "cost")
    assert next(iter(columns("errors,cost", ())[1])) == "traffic"
    for text, fields in (("cost", ("status",)), ("requests", ("kind",)), ("", ("kind", "status")), ("beauty", ())):
        with pytest.raises(Problem):
            columns(text, fields)


@pytest.mark.parametrize(
    ("metrics", "fields", "said"),
    [
        ("cost", ["user", "status"], "status: this is told of cost, which cannot be told by status"),
        ("cost,requests", ["kind"], "kind: this is told of cost and requests, which cannot be told by kind"),
    ],
)
def test_a_field_that_an_answer_cannot_be_told_by_is_named_and_not_a_parameter_that_nobody_sent(
    metrics: str, fields: list[str], said: str
) -> None:
    with pytest.raises(Problem, match=said):
        refuse_untold(metrics, fields)
    refuse_untold(metrics, ["user", "model"])
    refuse_untold("cost", ["kind"])


def test_every_measure_is_one_that_the_store_sums() -> None:
    for table, names in METRICS.values():
        assert set(names) <= set(MEASURES[table])


def test_a_range_is_of_dates_in_the_zone_or_of_instants() -> None:
    asked = range_of(
        AnalyticsQuery(**{"from": "2026-06-01", "to": "2026-06-02T00:00:00Z", "timezone": "Europe/Berlin"}), NOW
    )
    assert (asked.since, asked.until) == (NOW - 30 * DAY - 2 * 3_600_000, NOW - 29 * DAY)
    assert range_of(AnalyticsQuery(), NOW)[:2] == (NOW - 30 * DAY, NOW)


@pytest.mark.parametrize("text", ["yesterday", "2026-01-01T00:00:00", "2026-13-01", "9999-01-01", "1969-01-01", ""])
def test_an_instant_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="from"):
        range_of(AnalyticsQuery(**{"from": text}), NOW)


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "", "../../etc/passwd", "Europe", "\0", "localtime", "posixrules", "Factory", "right/UTC"]
)
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(Problem, match=r"timezone is .*; write an IANA name"):
        range_of(AnalyticsQuery(timezone=zone), NOW)


def test_the_question_has_the_buckets_of_the_grain() -> None:
    query = AnalyticsQuery(grain="day", by="team", metrics="cost", limit=3)
    metrics, asked = question(query, range_of(query, NOW), ())
    assert (metrics, len(asked.bounds), asked.by, asked.limit) == (("cost",), 31, ("metadata.team",), 3)


def test_none_and_a_value_may_be_asked_for_together() -> None:
    (asked,) = filters([("user", ""), ("user", "alice")], AnalyticsQuery, None)
    assert (asked.field, asked.values, asked.negated) == ("user", ("", "alice"), False)
