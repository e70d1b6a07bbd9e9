import pytest
from focus_data_toolkit.schema.detection import detect_focus_schema
from focus_data_toolkit.schema.registry import version_columns

from tollway.exports.focus_columns import FOCUS_COLUMNS, VERSIONS, Version, columns_of

DATASET = "Cost and Usage"


def names(version: Version, *, strict: bool = False) -> list[str]:
    return [column.name for column in columns_of(version, strict=strict)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_has_all_of_its_columns_and_no_others(version: Version) -> None:
    own = {name for name in names(version, strict=True) if not name.startswith("x_")}
    assert own == version_columns(DATASET, version)


def test_the_names_of_1_3_are_in_1_2_already() -> None:
    assert {"ProviderName", "ServiceProviderName", "HostProviderName"} <= set(names("1.2"))
    assert names("1.2") == names("1.3")
    assert "ProviderName" not in names("1.4")


def test_no_column_is_there_twice_and_each_says_what_it_is() -> None:
    assert len({column.name for column in FOCUS_COLUMNS}) == len(FOCUS_COLUMNS)
    assert all(column.about for column in FOCUS_COLUMNS)


@pytest.mark.parametrize(("version", "strict"), [("1.2", False), ("1.2", True), ("1.3", False), ("1.4", False)])
def test_a_header_is_known_for_what_it_is(version: Version, strict: bool) -> None:
    found = detect_focus_schema(names(version, strict=strict))
    assert (found.dataset, found.confidence, found.exact_match) == (DATASET, "HIGH", True)
    assert found.detected_version == ("1.3" if version == "1.2" and not strict else version)
