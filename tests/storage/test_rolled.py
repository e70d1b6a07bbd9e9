from typing import Any

import pytest

from tollway.logs.record import Decision, Durations
from tollway.storage.analytics import MEASURES, UPPER_MS
from tollway.storage.conformance.records import record
from tollway.storage.rolled import (
    COARSE,
    COARSE_VALUES,
    DAYS,
    EVER,
    FINE,
    FINE_VALUES,
    HALF_MS,
    HALVES,
    HOUR_MS,
    KEYS,
    LEVELS,
    LOWERED,
    OTHERS,
    PLAIN,
    Attributes,
    Lot,
    Seen,
    Who,
    add_to,
    cells,
    of_record,
    session_of,
)
from tollway.storage.sql.rows import of_record as row_of


def who(**metadata: str) -> Who:
    import json

    return Who("g", "openai", "gpt-5", "ann", "laptop", None, '["ml"]', json.dumps(metadata))


def test_a_key_with_more_and_more_values_goes_down_and_never_up() -> None:
    attributes, levels = Attributes(), list[int | None]()
    for number in range(FINE_VALUES + 2):
        attributes.split(who(trace=f"t{number}"))
        levels.append(attributes.level("trace"))
    assert levels[:COARSE_VALUES] == [COARSE] * COARSE_VALUES
    assert levels[COARSE_VALUES:FINE_VALUES] == [FINE] * (FINE_VALUES - COARSE_VALUES)
    assert levels[FINE_VALUES:] == [None, None]
    # No more is kept than it takes to know that.
    assert len(attributes.new) == FINE_VALUES + 1
    again = Attributes(attributes.new)
    assert again.level("trace") is None


def test_no_more_keys_are_known_than_so_many() -> None:
    attributes = Attributes()
    for number in range(KEYS + 1):
        fine, _, _ = attributes.split(who(**{f"k{number}": "x"}))
    assert fine.attributes == {}
    assert attributes.level("k0") == COARSE
    assert attributes.level(f"k{KEYS}") is None


def test_contexts_are_the_same_however_they_were_written() -> None:
    attributes = Attributes()
    one = attributes.split(who(a="1", b="2"))
    other = attributes.split(who(b="2", a="1")._replace(groups='[ "ml" ]'))
    assert one == other
    assert [each.digest for each in one] == [each.digest for each in other]
    assert len({each.digest for each in one}) == 3
    assert one[1].user is None and one[1].attributes == {"a": "1", "b": "2"}
    assert one[2].attributes == {}


def lots_of(*seen: Seen) -> dict[Lot, list[int]]:
    lots: dict[Lot, list[int]] = {}
    for row in seen:
        add_to(lots, row)
    return lots


def test_rows_are_of_one_lot_where_they_are_in_the_same_cells() -> None:
    seen = Seen(49 * HOUR_MS, who(), "correction", (7, 1))
    last = seen._replace(at=49 * HOUR_MS + HALF_MS - 1, sums=(0, 1))
    assert lots_of(seen, last) == {(seen.who, 98, "correction", False): [7, 2]}
    others = (
        seen._replace(at=last.at + 1),
        seen._replace(who=who(team="a")),
        seen._replace(label="charge"),
        seen._replace(sums=(-1, 1)),
    )
    assert len(lots_of(seen, last, *others)) == 5
    # A class of status is not of money, and has no sign.
    assert lots_of(Seen(0, who(), 2, (-1,))) == {(who(), 0, 2, False): [-1]}


def test_a_row_is_in_its_hour_and_its_day_of_every_level_and_in_the_first_half_of_the_hour_or_not() -> None:
    first = Seen(49 * HOUR_MS + HALF_MS - 1, who(), "charge", (7, 1))
    second = first._replace(at=first.at + 1)
    found = cells(lots_of(first, second, second), {first.who: (1, 2, 3)})
    assert found == {
        (level + part, slot, context, "charge"): sums
        for level, context in zip(LEVELS, (1, 2, 3), strict=True)
        for part, slot, sums in ((0, 49, (21, 3)), (DAYS, 2, (21, 3)), (HALVES, 49, [7, 1]))
    } | {(EVER, 0, 3, "charge"): (21, 3)}


def test_what_lowers_a_sum_of_all_time_has_a_label_of_its_own_so_that_both_only_grow() -> None:
    up, down = Seen(0, who(), "correction", (7, 1)), Seen(0, who(), "correction", (-9, 1))
    found = cells(lots_of(up, down, down), {up.who: (1, 2, 3)})
    assert found[EVER, 0, 3, "correction"] == [7, 1]
    assert found[EVER, 0, 3, f"{LOWERED}correction"] == [-18, 2]
    assert found[PLAIN, 0, 3, "correction"] == (-11, 3)


def test_who_has_no_counter_of_all_time_is_counted_with_all_others() -> None:
    seen = Seen(0, who(), 2, (1,))
    found = cells(lots_of(seen), {seen.who: (1, 2, 3)}, named={4})
    assert found[EVER, 0, OTHERS, 2] == [1] and (EVER, 0, 3, 2) not in found


def seen_of(status: int = 200, **fields: Any) -> Seen:
    made = record("r", status=status, **fields)
    values = row_of(made)
    columns = (
        "request_id",
        "at",
        "gateway",
        "status",
        "code",
        "provider",
        "model",
        "user",
        "key",
        "service",
        "groups",
        "metadata",
        "record",
    )
    row = dict(zip(columns, values, strict=True))
    picked = [
        row[name]
        for name in (
            "at",
            "status",
            "gateway",
            "provider",
            "model",
            "user",
            "key",
            "service",
            "groups",
            "metadata",
            "record",
        )
    ]
    return of_record(picked)


def told(status: int = 200, **fields: Any) -> dict[str, int]:
    seen = seen_of(status, **fields)
    return dict(zip(MEASURES["traffic"], seen.sums, strict=True)) | {"status": int(seen.label)}


def test_a_request_is_refused_or_an_error_or_neither() -> None:
    deny = (Decision(step="policy", outcome="deny"),)
    assert [told()[name] for name in ("status", "requests", "refused", "errors")] == [2, 1, 0, 0]
    assert [told(403, decisions=deny)[name] for name in ("status", "refused", "errors")] == [4, 1, 0]
    assert [told(200, decisions=deny)[name] for name in ("refused", "errors")] == [0, 0]
    assert [told(400)[name] for name in ("refused", "errors")] == [0, 1]
    assert [told(499)[name] for name in ("refused", "errors")] == [0, 0]


def test_a_name_that_leads_to_no_model_makes_no_context() -> None:
    assert seen_of(404, request_model="made-up-9", unserved=True).who.model is None
    assert seen_of(403, request_model="gpt-5").who.model == "gpt-5"


def test_what_an_answer_saved_is_known_or_counted_apart() -> None:
    assert [told(cached=True, saved=5)[name] for name in ("cached", "saved_nanodollars", "saved_unknown")] == [1, 5, 0]
    assert [told(cached=True)[name] for name in ("cached", "saved_nanodollars", "saved_unknown")] == [1, 0, 1]


@pytest.mark.parametrize(
    ("ms", "place"), [(0, 0), (50, 0), (51, 1), (100, 1), (UPPER_MS[-1], 11), (UPPER_MS[-1] + 1, 12)]
)
def test_a_request_is_in_the_class_of_how_long_it_took(ms: int, place: int) -> None:
    found = told(durations=Durations(total_us=ms * 1000))
    assert [number for number in range(13) if found[f"took_{number}"]] == [place]


def test_a_session_has_the_name_that_the_caller_gave_it() -> None:
    assert session_of(who(session="a"))[0] == "a"
    assert session_of(who(session_id="b"))[0] == "b"
    assert session_of(who(session=""))[0] == ""
    assert session_of(who(session="a"))[1] > session_of(who())[1]
