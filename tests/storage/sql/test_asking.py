"""Every answer is the sum over the ledger, however much of it rollups have, whatever is asked."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.storage.sqlite.rolling import DAY, HOUR, START, Rolling, counted, spent

from tollway.storage.analytics import MEASURES, Behind, Condition, Question
from tollway.storage.rolled import COARSE_VALUES, FINE_VALUES
from tollway.storage.sql import asking

FIELDS = ("gateway", "provider", "model", "user", "group", "key", "service", "kind", "metadata.team", "metadata.trace")
NAMES = st.sampled_from(["a", "ab", "b", "Ünï'c%d_", ""])

callers = st.fixed_dictionaries(
    {
        "gateway": NAMES,
        "provider": NAMES,
        "model": NAMES,
        "user": st.none() | NAMES,
        "groups": st.lists(NAMES, unique=True, max_size=2).map(tuple),
        "key": st.none() | NAMES,
        "service": st.none() | NAMES,
        "metadata": st.dictionaries(st.sampled_from(["team", "trace", "x.y"]), NAMES, max_size=2),
    }
)
instants = st.integers(START, START + 4 * DAY) | st.integers(0, 16 * 4).map(lambda quarter: START + quarter * HOUR // 4)
bookings = st.tuples(
    instants,
    st.integers(-(10**15), 10**15),
    st.sampled_from(["charge", "unpriced", "presumed", "credit", "opening"]),
    callers,
)
conditions = st.builds(
    Condition,
    field=st.sampled_from(FIELDS),
    values=st.lists(NAMES, max_size=2).map(tuple),
    prefixes=st.lists(st.sampled_from(["a", "Ünï'", "z", ""]), max_size=1).map(tuple),
    negated=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(
    booked=st.lists(bookings, min_size=1, max_size=25),
    corrected=st.lists(st.tuples(st.integers(0, 24), st.integers(-(10**12), 10**12)), max_size=4),
    rolled=st.integers(0, 30),
    step=st.integers(1, 9),
    bounds=st.lists(instants, min_size=2, max_size=5, unique=True).map(sorted),
    by=st.lists(st.sampled_from(FIELDS), unique=True, max_size=2).map(tuple),
    where=st.lists(conditions, max_size=2).map(tuple),
    limit=st.integers(1, 4),
    again=st.booleans(),
    older=st.booleans(),
)
def test_any_question_is_answered_as_by_looking_at_every_entry(
    booked: Any,
    corrected: Any,
    rolled: int,
    step: int,
    bounds: Any,
    by: Any,
    where: Any,
    limit: int,
    again: bool,
    older: bool,
) -> None:
    rolling = Rolling()
    for number, (at, amount, kind, context) in enumerate(booked):
        if number == rolled:
            rolling.roll(step)
            if older:
                rolling.be_of_an_older_version()
        rolling.settle(at, 0 if kind == "unpriced" else amount, kind, **context)
    for number, amount in corrected:
        of = rolling.entries[number % len(booked)]
        if of.kind != "opening" and not any(each.id == f"{of.request_id}.1.correction" for each in rolling.entries):
            who = {name: getattr(of.context, name) for name in of.context.__struct_fields__}
            rolling.settle(of.occurred_at, amount, "correction", of.request_id, usage=None, **who)
    if again:
        rolling.roll(step)
    question = Question(
        bounds=bounds,
        by=by,
        where=where,
        limit=limit,
        columns={"spending": ("amount_nanodollars", "entries", "unpriced", "input_tokens")},
    )
    whole_usage = replace(question, columns={"spending": (*question.columns["spending"], "cache_read_tokens")})
    with_usage = asking.answer(rolling.connection, whole_usage)
    given_ = asking.answer(rolling.connection, question)
    # However the rows that rollups lack are read.
    assert spent(given_.total.whole) == spent(with_usage.total.whole)[:-1]
    assert {group: spent(each.whole) for group, each in given_.groups.items()} == {
        group: spent(each.whole)[:-1] for group, each in with_usage.groups.items()
    }
    expected = counted(rolling.entries, question)
    for group, series in given_.groups.items():
        of = (
            expected.pop(group)
            if by
            else counted(rolling.entries, question).get((), [[0] * 4 for _ in pairwise(bounds)])
        )
        assert spent(series.whole) == [sum(column) for column in zip(*of, strict=True)]
        assert [spent(bucket) for bucket in series.buckets] == ([] if len(bounds) == 2 else of)
    whole = counted(rolling.entries, Question(bounds=bounds, where=where, columns={})).get((), [[0] * 4])
    assert spent(given_.total.whole) == [sum(column) for column in zip(*whole, strict=True)]
    if by:
        least = min((spent(series.whole)[0] for series in given_.groups.values()), default=0)
        assert all(sum(bucket[0] for bucket in buckets) <= least for buckets in expected.values())
        assert given_.others == len(expected)
        if given_.other is not None:
            left = [
                [sum(each) for each in zip(*buckets, strict=True)] for buckets in zip(*expected.values(), strict=True)
            ]
            assert spent(given_.other.whole) == [sum(column) for column in zip(*left, strict=True)]
            assert [spent(bucket) for bucket in given_.other.buckets] == ([] if len(bounds) == 2 else left)


@settings(max_examples=60, deadline=None)
@given(
    logged=st.lists(
        st.tuples(instants, st.sampled_from([200, 402, 500]), st.sampled_from(["ann", "bob"])), min_size=1, max_size=25
    ),
    rolled=st.integers(0, 30),
    older=st.booleans(),
    bounds=st.lists(instants, min_size=2, max_size=5, unique=True).map(sorted),
    by=st.sampled_from([(), ("user",), ("status",), ("user", "status")]),
)
def test_any_question_about_requests_is_answered_as_by_looking_at_every_record(
    logged: list[tuple[int, int, str]], rolled: int, older: bool, bounds: list[int], by: tuple[str, ...]
) -> None:
    rolling = Rolling()
    for number, (at, status, user) in enumerate(logged):
        if number == rolled:
            rolling.roll()
            if older:
                rolling.be_of_an_older_version()
        rolling.log(at, status, user=user)
    rolling.roll()
    expected: dict[tuple[str, ...], list[int]] = {}
    for at, status, user in logged:
        for bucket, (start, end) in enumerate(pairwise(bounds)):
            if start <= at < end:
                names = {"user": user, "status": f"{status // 100}xx"}
                group = tuple(names[field] for field in by)
                expected.setdefault(group, [0] * (len(bounds) - 1))[bucket] += 1
    found = rolling.ask(bounds, by, columns={"traffic": ("requests", "total_us")})
    told = {
        group: [each["traffic"] for each in (series.buckets or [series.whole])]
        for group, series in found.groups.items()
    }
    wanted = expected if by else {(): expected.get((), [0] * (len(bounds) - 1))}
    assert told == {group: [[number, number * 150_000] for number in of] for group, of in wanted.items()}


def test_groups_and_other_and_total_add_up_in_every_bucket() -> None:
    rolling = Rolling()
    for number in range(200):
        rolling.settle(START + number * HOUR // 2, number, user=f"u{number % 30}", model=f"m{number % 3}")
    rolling.roll()
    given_ = rolling.ask([START, START + DAY, START + 2 * DAY, START + 9 * DAY], ("user", "model"), limit=7)
    assert given_.other is not None
    assert (len(given_.groups), given_.others) == (7, 23)
    for place in range(3):
        parts = [
            *(spent(each.buckets[place])[0] for each in given_.groups.values()),
            spent(given_.other.buckets[place])[0],
        ]
        assert sum(parts) == spent(given_.total.buckets[place])[0]


def test_a_key_of_metadata_with_any_number_of_values_is_answered_exactly() -> None:
    rolling = Rolling()
    for number in range(FINE_VALUES + 30):
        rolling.settle(
            START + number, 1, user="u", metadata={"trace": f"t{number}", "team": f"team{number % (COARSE_VALUES + 9)}"}
        )
    rolling.roll()
    attributes = asking.rollups.attributes(rolling.connection)
    assert attributes.level("trace") is None
    assert attributes.level("team") == 0
    assert rolling.connection.execute("SELECT count(*) FROM contexts").get <= 2 * FINE_VALUES
    by_trace = rolling.ask([START, START + DAY], ("metadata.trace",), limit=5)
    assert by_trace.others == FINE_VALUES + 25
    one = rolling.ask(
        [START, START + DAY], where=(Condition(field="metadata.trace", values=(f"t{FINE_VALUES + 20}",)),)
    )
    assert spent(one.total.whole)[:2] == [1, 1]
    teams = rolling.ask([START, START + DAY], ("metadata.team",), limit=500)
    assert sum(spent(each.whole)[0] for each in teams.groups.values()) == FINE_VALUES + 30


def test_requests_are_told_apart_by_how_they_ended() -> None:
    rolling = Rolling()
    rolling.log(START)
    rolling.log(START + 1, 429, refused=True)
    rolling.log(START + 2, 502)
    rolling.log(START + 3, 499)
    rolling.log(START + 4, cached=True, saved=70)
    rolling.log(START + 5, cached=True)
    names = MEASURES["traffic"]
    for again in range(2):
        given_ = rolling.ask([START, START + 10], columns={"traffic": names})
        told = dict(zip(names, given_.total.whole["traffic"], strict=True))
        assert [told[name] for name in names[:6]] == [6, 1, 1, 2, 70, 1], again
        assert told["took_2"] == 6
        assert (told["total_us"], told["overhead_us"], told["first_chunks"]) == (900_000, 60_000, 6)
        rolling.roll(2)
    by = rolling.ask([START - HOUR, START + HOUR], ("status",), columns={"traffic": ("requests",)})
    assert {group: each.whole["traffic"] for group, each in by.groups.items()} == {
        ("2xx",): [3],
        ("4xx",): [2],
        ("5xx",): [1],
    }


def test_what_would_have_to_be_read_row_by_row_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "READ_AT_MOST", 10)
    rolling = Rolling()
    for number in range(12):
        rolling.settle(START + number, 1)
    with pytest.raises(Behind, match="12 of 12 rows are missing") as caught:
        rolling.ask([START, START + DAY])
    assert caught.value.temporary
    rolling.roll()
    assert spent(rolling.ask([START, START + DAY]).total.whole)[0] == 12
    with pytest.raises(Behind, match="shorter range") as caught:
        rolling.ask([START, START + HOUR // 5])
    assert not caught.value.temporary


def test_a_prefix_of_nothing_is_held_by_whoever_has_a_value_rolled_up_or_not() -> None:
    rolling = Rolling()
    rolling.settle(START, 5, user="ann")
    rolling.settle(START, 7)
    everybody = Condition(field="user", values=(), prefixes=("",))
    for again in range(2):
        for negated, amount in ((False, 5), (True, 7)):
            found = rolling.ask([START, START + HOUR], where=(replace(everybody, negated=negated),))
            assert spent(found.total.whole)[:2] == [amount, 1], again
        rolling.roll()
