from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.storage.analytics import Condition
from tollway.storage.asked import groups_of, level_of, meant, pieces
from tollway.storage.rolled import COARSE, COARSE_VALUES, DAYS, FINE, FINE_VALUES, HALVES, PLAIN, Attributes, Seen, Who

HOUR = 3_600_000
DAY = 24 * HOUR
BASE = 20_000 * DAY


@given(
    offsets=st.lists(
        st.integers(0, 12 * DAY) | st.integers(0, 12 * 24 * 4).map(lambda n: n * HOUR // 4),
        min_size=2,
        max_size=6,
        unique=True,
    ),
    halved=st.none() | st.integers(0, 12 * 24),
)
def test_pieces_and_edges_are_each_bucket_exactly_once(offsets: list[int], halved: int | None) -> None:
    bounds = [BASE + offset for offset in sorted(offsets)]
    found, edges = pieces(bounds, 2, None if halved is None else BASE // HOUR + halved)
    widths = {2: (HOUR, HOUR), 2 + DAYS: (DAY, DAY), 2 + HALVES: (HOUR, HOUR // 2)}
    for bucket, (start, end) in enumerate(pairwise(bounds)):
        # How often each instant is counted changes at these alone.
        changes: dict[int, int] = {}
        stretches = [
            (slot * every, slot * every + long, piece.sign)
            for piece in found
            for every, long in [widths[piece.level]]
            if piece.bucket == bucket
            for slot in range(piece.start, piece.end)
        ]
        stretches += [(edge.start, edge.end, sign) for edge in edges for own, sign in edge.buckets if own == bucket]
        for first, last, sign in stretches:
            changes[first] = changes.get(first, 0) + sign
            changes[last] = changes.get(last, 0) - sign
        assert {at: by for at, by in changes.items() if by} == {start: 1, end: -1}
    for edge in edges:
        assert 0 < edge.end - edge.start <= HOUR // 2
        if halved is not None and edge.start >= BASE + halved * HOUR:
            assert edge.end - edge.start <= HOUR // 4
    assert all(piece.start >= BASE // HOUR + (halved or 0) for piece in found if piece.level == 2 + HALVES)


def test_a_day_of_a_zone_that_is_half_an_hour_off_is_read_from_slots_alone() -> None:
    kolkata = [BASE - 11 * HOUR // 2 + day * DAY for day in range(31)]
    found, edges = pieces(kolkata, FINE, 0)
    assert not edges
    assert sum(piece.end - piece.start for piece in found) == 30 * (1 + 2 * 6 + 2)
    kathmandu = [BASE - 23 * HOUR // 4 + day * DAY for day in range(31)]
    _, edges = pieces(kathmandu, FINE, 0)
    assert [edge.end - edge.start for edge in edges] == [HOUR // 4] * 31


def test_a_day_of_a_zone_near_utc_is_a_handful_of_slots() -> None:
    berlin = [BASE - 2 * HOUR + day * DAY for day in range(31)]
    found, edges = pieces(berlin, FINE)
    assert not edges
    assert sum(piece.end - piece.start for piece in found) == 30 * 5


def test_the_coarsest_contexts_that_can_answer_are_asked() -> None:
    attributes = Attributes(
        [
            *(("trace", str(number)) for number in range(FINE_VALUES + 1)),
            *(("project", str(number)) for number in range(COARSE_VALUES + 1)),
            ("team", "a"),
        ]
    )
    user = (Condition(field="user", values=("a",)),)
    assert level_of(("model", "gateway"), (), attributes) == PLAIN
    assert level_of(("metadata.team", "model"), (), attributes) == COARSE
    assert level_of(("metadata.never_seen",), (), attributes) == COARSE
    assert level_of(("metadata.project",), (), attributes) == FINE
    assert level_of(("metadata.team",), user, attributes) == FINE
    assert level_of(("metadata.trace",), user, attributes) is None


SEEN = Seen(5, Who("g", "openai", "gpt-5", "ann", None, None, '["ml","eng"]', '{"team":"a"}'), "charge", (1,))


@pytest.mark.parametrize(
    ("field", "values", "prefixes", "holds"),
    [
        ("user", ("ann",), (), True),
        ("user", ("bob", "ann"), (), True),
        ("user", ("",), (), False),
        ("key", ("",), (), True),
        ("key", (), ("",), False),
        ("model", (), ("gpt",), True),
        ("model", ("gpt",), (), False),
        ("group", ("eng",), (), True),
        ("group", ("",), (), False),
        ("metadata.team", ("a",), (), True),
        ("metadata.other", ("",), (), True),
        ("kind", ("charge",), (), True),
        ("user", (), (), False),
    ],
)
def test_a_condition_holds_or_its_opposite_does(
    field: str, values: tuple[str, ...], prefixes: tuple[str, ...], holds: bool
) -> None:
    for negated in (False, True):
        assert meant(SEEN, [Condition(field=field, values=values, prefixes=prefixes, negated=negated)]) is (
            holds != negated
        )


def test_a_row_counts_once_for_each_group_of_its_caller() -> None:
    assert list(groups_of(SEEN, ("group", "model"))) == [("ml", "gpt-5"), ("eng", "gpt-5")]
    alone = SEEN._replace(who=SEEN.who._replace(groups="[]"))
    assert list(groups_of(alone, ("group",))) == [(None,)]
    assert list(groups_of(SEEN, ())) == [()]


def test_an_empty_value_is_none() -> None:
    empty = SEEN._replace(who=SEEN.who._replace(groups='[""]', user="", gateway="", metadata='{"team": ""}'))
    assert list(groups_of(empty, ("user", "metadata.team"))) == [(None, None)]
    assert list(groups_of(empty, ("group", "gateway"))) == [(None, None)]
