import pytest

from tollway.telemetry.samples import histogram, seconds


def test_a_histogram_counts_up_to_all_of_it() -> None:
    samples = list(histogram({"gateway": "g"}, ("0.1", "1"), (2, 0, 3), "4.5"))
    assert [(s.suffix, s.labels.get("le"), s.value) for s in samples] == [
        ("_bucket", "0.1", 2),
        ("_bucket", "1", 2),
        ("_bucket", "+Inf", 5),
        ("_sum", None, "4.5"),
        ("_count", None, 5),
    ]
    with pytest.raises(ValueError, match="zip"):
        list(histogram({}, ("1",), (1,), "0"))


def test_seconds_are_exact() -> None:
    assert [seconds(us) for us in (0, 1, 250_000, 3_000_000, 102_400_000)] == ["0", "0.000001", "0.25", "3", "102.4"]
