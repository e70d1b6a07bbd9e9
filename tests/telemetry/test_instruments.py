import pytest
from tests.telemetry.recorded import RECORD, SERVERS, record

from tollway.logs.record import Durations
from tollway.telemetry.instruments import MOST_SERIES, Instruments
from tollway.telemetry.names import EACH_BUCKETS, FIRST_BUCKETS, SECOND_BUCKETS, TOKEN_BUCKETS


def test_a_request_is_in_every_histogram_of_the_conventions() -> None:
    instruments = Instruments(7)
    instruments.add(RECORD, SERVERS)
    found = {series.name: series for series in instruments.series(9)}
    assert {name: (series.unit, series.bounds) for name, series in found.items()} == {
        "gen_ai.client.token.usage": ("{token}", TOKEN_BUCKETS),
        "gen_ai.client.operation.duration": ("s", SECOND_BUCKETS),
        "gen_ai.client.operation.time_to_first_chunk": ("s", FIRST_BUCKETS),
        "gen_ai.server.request.duration": ("s", SECOND_BUCKETS),
        "gen_ai.server.time_to_first_token": ("s", FIRST_BUCKETS),
        "gen_ai.server.time_per_output_token": ("s", EACH_BUCKETS),
    }
    tokens = {point.attributes["gen_ai.token.type"]: point for point in found["gen_ai.client.token.usage"].points}
    assert (tokens["input"].sum, tokens["output"].sum, tokens["input"].number) == (100, 20, 1)
    assert tokens["input"].buckets[TOKEN_BUCKETS.index(256)] == 1
    (operation,) = found["gen_ai.client.operation.duration"].points
    assert (operation.sum, operation.start_ns, operation.at_ns) == (0.8, 7, 9)
    assert operation.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "server.address": "api.openai.com",
        "server.port": 443,
        "tollway.gateway": "default",
    }
    assert found["gen_ai.client.operation.time_to_first_chunk"].points[0].sum == 0.3
    assert found["gen_ai.server.time_per_output_token"].points[0].sum == pytest.approx(0.501 / 19)


def test_a_name_that_leads_to_no_model_is_no_label() -> None:
    instruments = Instruments(7)
    instruments.add(record(provider=None, request_model="made-up-9", unserved=True), SERVERS)
    for series in instruments.series(9):
        assert all("gen_ai.request.model" not in point.attributes for point in series.points)


def test_what_was_not_told_is_in_no_histogram() -> None:
    instruments = Instruments(0)
    instruments.add(record(usage=None, streamed=False, attempts=(), status=429, code="rate_limited"), SERVERS)
    (series,) = instruments.series(1)
    assert series.name == "gen_ai.server.request.duration"
    assert series.points[0].attributes["error.type"] == "rate_limited"


def test_a_boundary_belongs_to_the_bucket_below_it() -> None:
    instruments = Instruments(0)
    instruments.add(record(durations=Durations(total_us=40_000), attempts=(), usage=None), SERVERS)
    (series,) = instruments.series(1)
    assert series.points[0].buckets[SECOND_BUCKETS.index(0.04)] == 1


def test_names_that_callers_make_up_end_in_one_series() -> None:
    instruments = Instruments(0)
    for number in range(MOST_SERIES + 40):
        instruments.add(record(request_model=f"m{number}", usage=None, attempts=(), streamed=False), SERVERS)
    (series,) = instruments.series(1)
    assert len(series.points) == MOST_SERIES + 1
    overflow = next(p for p in series.points if p.attributes == {"otel.metric.overflow": True})
    assert overflow.number == 40
    assert sum(point.number for point in series.points) == MOST_SERIES + 40
