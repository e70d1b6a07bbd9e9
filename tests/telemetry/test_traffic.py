from tests.telemetry.recorded import RECORD, record

from tollway.logs.record import Decision
from tollway.telemetry.samples import OTHER, Sample
from tollway.telemetry.traffic import MOST_SERIES, Traffic


def found(traffic: Traffic) -> dict[str, list[Sample]]:
    return {family.name: list(family.samples) for family in traffic.families()}


def test_a_request_is_counted_with_what_it_took() -> None:
    traffic = Traffic()
    traffic.add(RECORD)
    samples = found(traffic)
    assert samples["tollway_attempts_total"] == [Sample({"provider": "openai", "outcome": "answered"}, 1)]
    of = {(s.suffix, s.labels.get("le")): s.value for s in samples["tollway_overhead_seconds"]}
    assert (of["_sum", None], of["_count", None], of["_bucket", "0.0025"], of["_bucket", "0.005"]) == ("0.003", 1, 0, 1)
    assert samples["tollway_upstream_seconds"][-2].value == "0.8"
    assert samples["tollway_time_to_first_chunk_seconds"][-2].value == "0.302"
    assert samples["tollway_refusals_total"] == []


def test_refusals_and_notes_are_counted_by_their_codes() -> None:
    traffic = Traffic()
    decisions = (
        Decision(step="reserve", outcome="note", code="would_refuse", rule="a"),
        Decision(step="policy", outcome="deny", code="model_not_allowed", rule="b"),
    )
    traffic.add(record(decisions=decisions))
    samples = found(traffic)
    assert samples["tollway_refusals_total"] == [Sample({"gateway": "default", "code": "model_not_allowed"}, 1)]
    assert samples["tollway_notes_total"] == [Sample({"gateway": "default", "code": "would_refuse"}, 1)]


def test_labels_are_bounded_and_nothing_is_lost() -> None:
    traffic = Traffic()
    for number in range(MOST_SERIES + 7):
        traffic.add(record(gateway=f"g{number}"))
    samples = found(traffic)["tollway_overhead_seconds"]
    counts = {s.labels["gateway"]: s.value for s in samples if s.suffix == "_count"}
    assert len(counts) == MOST_SERIES + 1 and counts[OTHER] == 7
