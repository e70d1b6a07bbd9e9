import pytest

from tollway.storage.analytics import MEASURES, UPPER_MS, Condition, Question, check
from tollway.storage.schema import metadata


def test_every_measure_has_a_column_that_is_never_null() -> None:
    for table, names in MEASURES.items():
        for name in names:
            assert not metadata.tables[table].columns[name].nullable
        assert len(names) == len(set(names)) == len(metadata.tables[table].columns) - 4


def test_there_is_a_class_for_whatever_took_longer_than_the_last() -> None:
    assert [name for name in MEASURES["traffic"] if name.startswith("took_")][-1] == f"took_{len(UPPER_MS)}"
    assert list(UPPER_MS) == sorted(UPPER_MS)


@pytest.mark.parametrize(
    ("by", "field", "said"),
    [
        (("colour",), "user", "colour"),
        ((), "metadata.", "metadata."),
        (("kind",), "user", "measures of requests"),
        ((), "status", "measures of money and tokens"),
    ],
)
def test_what_cannot_be_asked_is_named(by: tuple[str, ...], field: str, said: str) -> None:
    columns = {"spending": ("entries",), "traffic": ("requests",)}
    with pytest.raises(ValueError, match=said):
        check(Question(bounds=(0, 1), by=by, where=(Condition(field=field, values=("x",)),), columns=columns))  # type: ignore[arg-type]


def test_any_field_and_any_key_of_metadata_can_be_asked_for() -> None:
    check(
        Question(
            bounds=(0, 1), by=("user", "metadata.a.b"), columns={"spending": ("entries",), "traffic": ("requests",)}
        )
    )
    check(Question(bounds=(0, 1), by=("kind",), columns={"spending": ("entries",)}))
