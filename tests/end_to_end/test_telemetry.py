"""A gateway that runs tells a collector of its requests, and loses nothing but telemetry where there is none."""

import asyncio
import socket
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from collector import Collector, attributes, collector
from google.protobuf.json_format import ParseError
from tests.admin.exposed import Exposed
from tests.admin.gateways import ALICE_KEY, BOB_KEY, SETTINGS, Answer, Caller, gateway
from tests.workers.receivers import Receiver, Request, receiver

from tollway.money import DOLLAR, dollars

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def told_to(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the process's environment."""

    def told_to(url: str, **others: str) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        for name, value in others.items():
            monkeypatch.setenv(name, value)

    return told_to


def settings(otel: str, more: str = "") -> str:
    return SETTINGS + "gateways:\n  - slug: default\n    otel:\n      - " + otel + "\n" + more


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(400):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")


async def chat(caller: Caller, headers: dict[str, str], key: str = ALICE_KEY) -> Answer:
    body = (
        b'{"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello there!"}], "max_tokens": 60}'
    )
    return await caller.ask("POST", "/v1/chat/completions", {"authorization": f"Bearer {key}", **headers}, body)


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
async def test_a_collector_is_told_of_a_request_by_the_names_of_the_conventions(
    tmp_path: Path, told_to: Any, protocol: str
) -> None:
    async with collector() as there:
        told_to(there.url, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_EXPORTER_OTLP_HEADERS="x-scope=a%20b")
        async with gateway(tmp_path) as caller:
            answer = await chat(
                caller, {"traceparent": f"00-{TRACE}-{PARENT}-01", "tollway-metadata": '{"feature": "x"}'}
            )
            await until(lambda: len(there.spans()) == 2)
            request, call = there.spans()
            assert there.server.requests[0].headers["x-scope"] == "a b"
            assert (request.trace_id, request.parent_id, request.name) == (TRACE, PARENT, "chat gpt-4o-mini")
            assert (call.trace_id, call.parent_id, call.kind) == (TRACE, request.span_id, 3)
            usage = answer.json["usage"]
            assert {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.response.model": answer.json["model"],
                "gen_ai.response.finish_reasons": ["stop"],
                "gen_ai.usage.input_tokens": usage["prompt_tokens"],
                "gen_ai.usage.output_tokens": usage["completion_tokens"],
                "http.response.status_code": 200,
                "server.address": "127.0.0.1",
                "tollway.cost_usd": answer.headers["tollway-cost-usd"],
                "gen_ai.usage.cost": caller.bill.total / DOLLAR,
                "enduser.id": "alice@example.com",
                "tollway.key": "alice",
                "tollway.request_id": answer.headers["tollway-request-id"],
                "feature": "x",
                "team": "ml",
            }.items() <= request.attributes.items()
            assert 0 < call.took_ns <= request.took_ns
            assert call.attributes["tollway.attempt.outcome"] == "answered"


async def test_metrics_are_told_with_the_ledgers_money(tmp_path: Path, told_to: Any) -> None:
    async with collector() as there:
        told_to(there.url, OTEL_METRIC_EXPORT_INTERVAL="40", OTEL_TRACES_EXPORTER="none")
        async with gateway(tmp_path) as caller:
            await caller.chat()
            # What is settled is in the ledger a moment later.
            await until(lambda: "tollway.cost.charged" in there.metrics())
            found = there.metrics()
            assert there.spans() == []
            (charged,) = found["tollway.cost.charged"].sum.data_points
            assert Decimal(str(charged.as_double)) == Decimal(dollars(caller.bill.total))
            tokens = {
                attributes(point.attributes)["gen_ai.token.type"]: point
                for point in found["gen_ai.client.token.usage"].histogram.data_points
            }
            assert tokens["input"].sum > 0 and sum(tokens["output"].bucket_counts) == 1
            (took,) = found["gen_ai.client.operation.duration"].histogram.data_points
            assert took.count == 1 and len(took.bucket_counts) == len(took.explicit_bounds) + 1


async def test_a_gateways_own_destination_is_told_what_it_may_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    async with collector() as there:
        (tmp_path / "otel.token").write_text("Bearer otel-canary")
        otel = (
            f'{{{{url: "{there.url}/in/v1/traces", authorization: "file:otel.token", headers: {{{{x-a: "1"}}}}, cost: false, '
            "identity: false, allow_private: true, allow_http: true}}"
        )
        async with gateway(tmp_path, settings(otel)) as caller:
            await caller.chat()
            await caller.chat(BOB_KEY)
            await until(lambda: len(there.spans()) >= 3)
            spans = there.spans()
            refused = next(span for span in spans if "tollway.refused.code" in span.attributes)
            assert refused.attributes["tollway.refused.by"] == "tiny" and refused.error
            assert not [name for span in spans for name in span.attributes if "cost" in name or "usd" in name]
            assert not [name for span in spans for name in span.attributes if name in ("enduser.id", "tollway.key")]
            headers = there.server.requests[0].headers
            assert (headers["authorization"], headers["x-a"]) == ("Bearer otel-canary", "1")
            shown = (await caller.admin("/metrics")).body.decode()
            assert "otel-canary" not in shown
            exported = Exposed(shown).value("tollway_otel_exported_total", destination=f"127.0.0.1:{there.server.port}")
            assert exported >= 1


async def test_a_collector_that_is_dead_costs_requests_nothing_and_what_it_missed_is_counted(
    tmp_path: Path, told_to: Any
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        told_to(f"http://127.0.0.1:{port}", OTEL_BSP_MAX_QUEUE_SIZE="2", OTEL_BSP_SCHEDULE_DELAY="1")
        async with gateway(tmp_path) as caller:
            for _ in range(8):
                assert (await caller.chat()).status == 200
            await until(lambda: sum(lane.failures for lane in caller.runtime.telemetry.lanes) > 0)
            for _ in range(4):
                assert (await caller.chat()).status == 200
            found = Exposed((await caller.admin("/metrics")).body.decode())
            assert found.value("tollway_otel_dropped_total", destination="process") >= 1
            assert found.value("tollway_otel_failures_total", destination="process") >= 1
            spent = found.total("tollway_charged_usd_total")
            assert spent == Decimal(dollars(caller.bill.total))


async def test_what_is_left_is_told_when_the_gateway_ends(tmp_path: Path, told_to: Any) -> None:
    async with collector() as there:
        told_to(there.url, OTEL_BSP_SCHEDULE_DELAY="60000")
        async with gateway(tmp_path) as caller:
            await caller.chat()
            assert there.spans() == []
        assert [span.kind for span in there.spans()] == [2, 3]
        assert "gen_ai.server.request.duration" in there.metrics()


async def test_a_caller_that_asks_for_no_log_is_counted_and_not_told_of(tmp_path: Path, told_to: Any) -> None:
    async with collector() as there:
        told_to(there.url)
        async with gateway(tmp_path) as caller:
            await chat(caller, {"tollway-collect-log": "false"})
            # Not sampled by its caller: the default of OpenTelemetry's own variable obeys.
            await chat(caller, {"traceparent": f"00-{TRACE}-{PARENT}-00"})
            await caller.chat()
            await until(lambda: len(there.spans()) == 2)
            found = Exposed((await caller.admin("/metrics")).body.decode())
            assert found.value("tollway_overhead_seconds_count", gateway="default") == 3
        assert len({span.trace_id for span in there.spans()}) == 1


async def test_content_is_told_where_the_log_keeps_it_and_the_destination_may_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    async with collector() as there:
        otel = f'{{{{url: "{there.url}", content: true, allow_private: true, allow_http: true}}}}'
        async with gateway(tmp_path, settings(otel, "    logs: {{payload: true}}\n")) as caller:
            answer = await caller.chat()
            await until(lambda: len(there.spans()) == 2)
            request = there.spans()[0]
            assert "Hello there!" in request.attributes["gen_ai.prompt_json"]
            assert answer.json["id"] in request.attributes["gen_ai.completion_json"]


def test_the_collector_refuses_what_is_no_otlp() -> None:
    there = Collector(Receiver())
    body = b'{"resourceSpans": [{"spams": 1}]}'
    there.server.requests.append(Request("POST /v1/traces HTTP/1.1", {"content-type": "application/json"}, body))
    with pytest.raises(ParseError, match="spams"):
        there.spans()


@pytest.mark.parametrize(("upstream", "said"), [("own", True), ("none", False)])
async def test_providers_are_sent_our_place_in_the_trace_or_none(tmp_path: Path, upstream: str, said: bool) -> None:
    async with collector() as there, receiver() as provider:
        provider.answer = b"HTTP/1.1 500 No\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        otel = f'{{{{url: "{there.url}", allow_private: true, allow_http: true}}}}'
        text = settings(otel, f"    trace_upstream: {upstream}\n")
        text = text.replace('base_url: "{url}/v1"', f'base_url: "http://127.0.0.1:{provider.port}/v1"')
        async with gateway(tmp_path, text) as caller:
            await chat(caller, {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=1"})
        headers = provider.requests[0].headers
        call = there.spans()[1]
        assert headers.get("traceparent") == (f"00-{TRACE}-{call.span_id}-01" if said else None)
        assert headers.get("tracestate") == ("a=1" if said else None)
