import pytest
from pydantic import ValidationError

from tollway.admin.where import Listing, Where
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
    ],
)
def test_an_instant_is_exact_milliseconds_in_any_zone(text: str, ms: int) -> None:
    assert Where.model_validate({"since": text}).filter().since == ms


@pytest.mark.parametrize(
    "given",
    [{"usr": "a"}, {"metadata": "a"}, {"metadata.": "a"}, {"metadata.a": ["x", "y"]}, {"since": "2026-07-01T00:00:00"}],
)
def test_what_is_not_understood_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Where.model_validate(given)
