import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tollway.telemetry.exposition import lines, wants_openmetrics
from tollway.telemetry.samples import Family, Sample


def written(*families: Family, strict: bool = False) -> str:
    return "".join(lines(families, openmetrics=strict))


@given(st.text(max_size=40))
def test_whatever_a_label_holds_is_read_back_as_it_was(value: str) -> None:
    family = Family("tollway_cache_entries", [Sample({"gateway": value}, 1)])
    shown = value.encode("utf-8", "replace").decode().replace("\r", " ")
    for read in (
        text_string_to_metric_families(written(family)),
        openmetrics.text_string_to_metric_families(written(family, strict=True)),
    ):
        (found,) = read
        assert [sample.labels for sample in found.samples] == [{"gateway": shown}]


def test_a_family_without_samples_is_left_out() -> None:
    assert written(Family("tollway_cache_entries", [])) == ""
    assert written(Family("tollway_cache_entries", []), strict=True) == "# EOF\n"


def test_a_counter_is_named_without_its_ending_in_openmetrics_alone() -> None:
    family = Family("tollway_charged_usd_total", [Sample({}, "0.00042")])
    assert "# TYPE tollway_charged_usd_total counter\ntollway_charged_usd_total 0.00042\n" in written(family)
    strict = written(family, strict=True)
    assert (
        "# TYPE tollway_charged_usd counter\n# UNIT tollway_charged_usd usd\ntollway_charged_usd_total 0.00042\n"
        in strict
    )


@pytest.mark.parametrize(
    ("accept", "strict"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5,*/*;q=0.1", True),
        ("text/plain;q=0.9,application/openmetrics-text;q=0.2", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=much", False),
    ],
)
def test_openmetrics_is_given_to_whom_prefers_it(accept: str, strict: bool) -> None:
    assert wants_openmetrics(accept) is strict
