import re
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from tollway.admin.problem import Problem
from tollway.admin.where import Listing, Where, read_instant
from tollway.clock import iso
from tollway.storage.protocol import Filter


def test_fields_and_metadata_become_one_filter() -> None:
    where = Where.model_validate({"user": "a", "metadata.team": "ml", "metadata.a.b": "x"})
    assert where.filter() == Filter(equals={"user": "a", "metadata.team": "ml", "metadata.a.b": "x"})


def test_a_page_is_no_part_of_the_filter() -> None:
    assert Listing.model_validate({"limit": "7", "cursor": "1.2", "model": "m"}).filter() == Filter(
        equals={"model": "m"}
    )


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.001+01:00", 1),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-07-01T00:00:00Z", 1_782_864_000_000),
        # Of instants that are in no year of UTC, the nearest that is.
        ("0001-01-01T00:00:00+14:00", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999999-14:00", 253_402_300_799_999),
    ],
)
def test_an_instant_is_exact_milliseconds_in_any_zone(text: str, ms: int) -> None:
    assert Where.model_validate({"since": text}).filter().since == ms


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"])
def test_the_first_and_the_last_instant_of_any_zone_can_be_written_again(edge: str) -> None:
    found = Where.model_validate({"since": edge}).filter().since
    assert found is not None and iso(found)[:4] in ("0001", "9999")


def test_a_date_may_be_written_without_hyphens() -> None:
    def midnight(day: date) -> int:
        return day.toordinal()

    assert read_instant("since", "20261101", midnight) == read_instant("since", "2026-11-01", midnight)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "2026-11-01T00:00:00",
            "since: '2026-11-01T00:00:00' has no zone; write 2026-11-01T00:00:00Z, or a date alone",
        ),
        ("20261101T0000", "since: '20261101T0000' has no zone; write 2026-11-01T00:00:00Z, or a date alone"),
        ("yesterday", "since: 'yesterday' is no instant; write 2026-07-01 or 2026-07-01T13:00:00Z"),
        ("2026-13-01", "since: '2026-13-01' is no instant"),
        ("9999-12-31", "since: '9999-12-31' is beyond what is kept; write an instant from 1970 to the end of 9998"),
        ("9999-12-31T23:59:59-12:00", "beyond what is kept"),
        ("0001-01-01", "beyond what is kept"),
    ],
)
def test_an_instant_that_cannot_be_meant_is_told_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(Problem) as found:
        read_instant(
            "since", text, lambda day: int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
        )
    assert (found.value.status, found.value.code) == (400, "parameter_invalid")
    assert said in found.value.detail
    if "beyond" not in said:
        with pytest.raises(ValidationError, match=re.escape(said.removeprefix("since: "))):
            Where.model_validate({"since": text})


def test_a_date_begins_in_utc() -> None:
    assert Where.model_validate({"since": "2026-07-01"}).filter().since == 1_782_864_000_000


@pytest.mark.parametrize(
    "given",
    [{"usr": "a"}, {"metadata": "a"}, {"metadata.": "a"}, {"metadata.a": ["x", "y"]}, {"since": "2026-07-01T00:00:00"}],
)
def test_what_is_not_understood_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Where.model_validate(given)
