import pytest

from tollway.logs.record import Durations
from tollway.storage.conformance.records import record
from tollway.storage.deep import DEEP_FIELDS, deep_values, is_deep, is_meant, shallow
from tollway.storage.fields import RECORD_FIELDS
from tollway.storage.protocol import Filter


def test_columns_are_asked_for_as_columns() -> None:
    assert not DEEP_FIELDS & RECORD_FIELDS
    assert shallow(Filter(equals={"user": "ann", "api": "x", "metadata.api": "y"})) == {
        "user": "ann",
        "metadata.api": "y",
    }
    assert not is_deep(Filter(equals={"user": "ann"}, since=5, text=""))


@pytest.mark.parametrize(
    "where", [Filter(text="x"), Filter(least={"cost": 1}), Filter(most={"cost": 1}), Filter(equals={"api": "x"})]
)
def test_all_else_takes_the_whole_record(where: Filter) -> None:
    assert is_deep(where)


def test_a_range_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="beauty"):
        is_deep(Filter(most={"beauty": 1}))


def test_every_deep_field_has_a_value() -> None:
    assert deep_values(record("r")).keys() == DEEP_FIELDS


def test_what_is_not_known_lies_between_nothing() -> None:
    unpriced = record("r", durations=Durations(total_us=1_999_999))
    assert is_meant(unpriced, Filter(most={"duration_ms": 1_999}))
    assert not is_meant(unpriced, Filter(least={"duration_ms": 2_000}))
    assert not is_meant(unpriced, Filter(least={"cost": 0}))
    assert not is_meant(unpriced, Filter(most={"input_tokens": 10**9}))
