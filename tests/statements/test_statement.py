"""One statement: its sums are those of its lines, whatever they are grouped by."""

from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.statements.histories import histories, told

from tollway.statements.statement import (
    Charged,
    Counted,
    Frozen,
    Line,
    Statement,
    by_user,
    by_value,
    digest,
    field_of,
    lines,
    name_of,
    sealed,
)

MADE = Statement(
    month="2026-11", timezone="UTC", since=0, until=1, by="team", value="ml", through=7, adjustments=(),
    charges=(
        Charged(user="ann", provider="openai", model="gpt-5", meter="input", quantity=100, amount=10),
        Charged(user="bob", provider="openai", model="gpt-5", meter="input", quantity=50, amount=5),
        Charged(user="bob", provider="openai", model="gpt-5", meter="output", quantity=5, amount=40),
        Charged(user="bob", provider="anthropic", model="claude", meter="presumed", quantity=0, amount=900),
    ),
    counts=(Counted(user="ann", attempts=1), Counted(user="bob", attempts=3, unpriced=1, presumed=1)),
)  # fmt: skip
FROZEN = Frozen(
    month="2026-10", by="team", timezone="UTC", through=9, at=3, frozen_by="ada", word="closed", statements=2, total=5
)


def test_lines_are_by_model_and_meter_the_dearest_first_and_presumptions_apart() -> None:
    assert lines([MADE], "usage") == [
        Line("openai", "gpt-5", "output", 5, 40),
        Line("openai", "gpt-5", "input", 150, 15),
    ]
    assert lines([MADE], "presumed") == [Line("anthropic", "claude", "presumed", 0, 900)]


def test_users_are_told_with_all_that_is_theirs_the_largest_first() -> None:
    assert [
        (part.name, part.attempts, part.unpriced, part.usage, part.presumed, part.total) for part in by_user(MADE)
    ] == [
        ("bob", 3, 1, 45, 900, 945),
        ("ann", 1, 0, 10, 0, 10),
    ]


@settings(max_examples=40, deadline=None)
@given(histories(ZoneInfo("Europe/Berlin")))
def test_whatever_a_statement_is_grouped_by_its_parts_add_up_to_it(history: list) -> None:
    for month in told(history, ZoneInfo("Europe/Berlin")).months.values():
        for each in month:
            assert sum(part.total for part in by_user(each)) == each.total
            assert sum(part.attempts for part in by_user(each)) == each.attempts
            assert each.usage + each.presumed + each.adjusted == each.total
        assert sum(part.total for part in by_value(month)) == sum(each.total for each in month)
        assert sum(line.amount for line in lines(month, "usage")) == sum(each.usage for each in month)
        assert sum(line.amount for line in lines(month, "presumed")) == sum(each.presumed for each in month)


@settings(max_examples=40, deadline=None)
@given(histories(ZoneInfo("UTC")), st.data())
def test_a_statement_is_the_same_after_it_was_kept(history: list, data: st.DataObject) -> None:
    for month in told(history, ZoneInfo("UTC")).months.values():
        for each in month:
            record = msgspec.json.encode(each)
            assert msgspec.json.decode(record, type=Statement) == each
            assert digest(record) == digest(msgspec.json.encode(each))


@pytest.mark.parametrize(
    ("dimension", "field"),
    [("team", "metadata.team"), ("cost_center", "metadata.cost_center"), ("user", "user"), ("metadata.app", "metadata.app"),
     ("metadata.", None), ("group", None), ("model", None), ("", None)],
)  # fmt: skip
def test_a_dimension_is_a_field_that_an_entry_has_once(dimension: str, field: str | None) -> None:
    assert field_of(dimension) == field


def test_a_dimension_has_one_name() -> None:
    assert name_of("metadata.team") == name_of("team") == "team"
    assert name_of("metadata.app") == "metadata.app"


def test_the_hash_of_a_freeze_is_of_all_that_it_says_and_of_its_statements_in_order() -> None:
    one = sealed(FROZEN, ["a", "b"])
    assert len(one.hash) == 64
    assert sealed(one, ["a", "b"]) == one
    others = [
        sealed(FROZEN, ["b", "a"]),
        sealed(FROZEN, ["a"]),
        *(
            sealed(msgspec.structs.replace(FROZEN, **{name: value}), ["a", "b"])
            for name, value in {
                "total": 6,
                "word": "x",
                "through": 8,
                "at": 4,
                "frozen_by": "bob",
                "timezone": "X",
            }.items()
        ),
    ]
    assert len({one.hash, *(each.hash for each in others)}) == len(others) + 1
