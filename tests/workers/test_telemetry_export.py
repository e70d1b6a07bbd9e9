import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.telemetry.recorded import AT, RECORD, record

from tollway.document import compile_document, read_document
from tollway.errors import StoreUnavailable
from tollway.pricing.price import PriceBook
from tollway.snapshot import Snapshot
from tollway.telemetry.destination import Destination, Otel, Told
from tollway.telemetry.spans import Content
from tollway.telemetry.sums import Sums
from tollway.workers.telemetry import Telemetry
from tollway.workers.telemetry_export import MOST_TRIES

PROCESS = Destination("https://c.example.com/v1/traces", name="process", told=Told(content=True))


def settings(*otel: Mapping[str, Any]) -> Snapshot:
    document = read_document(
        {"gateways": [{"slug": "default", "otel": list(otel)}], "providers": {"openai": {"api_key": "none"}}}
    )
    return compile_document(document, resolve=lambda name, _: name, book=PriceBook({}), pepper=b"", revision=1)


class Collector:
    """Takes batches, and answers as told."""

    def __init__(self, *answers: int | Exception, said: bytes = b"{}") -> None:
        self.answers = list(answers)
        self.said = said
        self.sent: list[tuple[str, Any]] = []

    async def __call__(self, destination: Destination, body: bytes) -> tuple[int, bytes]:
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        if answer == 200:
            self.sent.append((destination.url, json.loads(body)))
        return answer, self.said

    def names(self) -> list[str]:
        return [
            span["name"]
            for _, body in self.sent
            for resource in body["resourceSpans"]
            for span in resource["scopeSpans"][0]["spans"]
        ]


def telemetry(collector: Collector, otel: Otel | None = None, **more: Any) -> Telemetry:
    pauses: list[float] = more.pop("pauses", [])

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    otel = otel if otel is not None else Otel(traces=PROCESS, spans_each_s=0.001)
    return Telemetry(otel, post=collector, now=lambda: AT, pause=pause, draw=lambda: 1.0, **more)


async def settled(subject: Telemetry) -> None:
    await asyncio.gather(*(lane.task for lane in subject.lanes if lane.task is not None))


async def test_a_request_reaches_the_process_collector_and_its_gateways() -> None:
    there = Collector()
    subject = telemetry(there)
    subject.heard(RECORD, (), settings({"url": "https://own.example.com"}))
    await settled(subject)
    assert sorted(url for url, _ in there.sent) == [
        "https://c.example.com/v1/traces",
        "https://own.example.com/v1/traces",
    ]
    assert there.names() == ["chat gpt-4o-mini", "call openai"] * 2
    assert [(lane.exported, lane.dropped, lane.queued) for lane in subject.lanes] == [(1, 0, 0)] * 2


async def test_many_requests_are_one_batch_and_none_is_missing() -> None:
    there = Collector()
    subject = telemetry(there, Otel(traces=PROCESS, spans_each_s=0.001, most_sent=100))
    for number in range(150):
        subject.heard(record(request_model=str(number), attempts=()), (), settings_of())
    await settled(subject)
    assert len(there.sent) == 2
    assert there.names() == [f"chat {number}" for number in range(150)]


_SETTINGS: list[Snapshot] = []


def settings_of() -> Snapshot:
    if not _SETTINGS:
        _SETTINGS.append(settings())
    return _SETTINGS[0]


async def test_a_full_lane_drops_what_comes_and_counts_it() -> None:
    subject = telemetry(Collector(), Otel(traces=PROCESS, most_queued=3, spans_each_s=9))
    for _ in range(10):
        subject.heard(RECORD, (), settings_of())
    (lane,) = subject.lanes
    assert (lane.queued, lane.dropped) == (3, 7)
    await subject.aclose()
    assert (lane.queued, lane.exported) == (0, 3)


async def test_a_batch_is_tried_again_ever_later_then_given_up() -> None:
    pauses: list[float] = []
    there = Collector(StoreUnavailable("away"), 503, 429, 502, 504)
    subject = telemetry(there, pauses=pauses)
    subject.heard(RECORD, (), settings_of())
    await settled(subject)
    (lane,) = subject.lanes
    assert there.sent == [] and (lane.exported, lane.dropped, lane.failures) == (0, 1, 1)
    assert pauses == [1.0, 2.0, 4.0, 8.0] and len(pauses) == MOST_TRIES - 1


async def test_what_a_collector_will_never_take_is_not_tried_again() -> None:
    pauses: list[float] = []
    subject = telemetry(Collector(400), pauses=pauses)
    subject.heard(RECORD, (), settings_of())
    await settled(subject)
    assert pauses == [] and subject.lanes[0].dropped == 1


async def test_a_batch_that_arrives_at_the_second_try_is_no_loss() -> None:
    subject = telemetry(there := Collector(503))
    subject.heard(RECORD, (), settings_of())
    await settled(subject)
    assert len(there.sent) == 1 and (subject.lanes[0].exported, subject.lanes[0].dropped) == (1, 0)


async def test_spans_that_a_collector_refuses_are_counted() -> None:
    subject = telemetry(Collector(said=b'{"partialSuccess": {"rejectedSpans": "1"}}'))
    subject.heard(RECORD, (), settings_of())
    await settled(subject)
    assert (subject.lanes[0].exported, subject.lanes[0].dropped) == (0, 1)


async def test_a_defect_loses_telemetry_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: str) -> Content:
        raise RuntimeError("a defect")

    subject = telemetry(Collector(), content=broken)
    subject.heard(RECORD, (), settings_of())
    await settled(subject)
    assert subject.lanes[0].dropped == 1 and "a defect" in caplog.text
    subject.heard(RECORD, (), settings_of())
    await settled(subject)
    assert subject.lanes[0].dropped == 2


async def test_content_is_asked_for_only_where_it_may_be_told() -> None:
    asked: list[str] = []

    async def read(request_id: str) -> Content:
        asked.append(request_id)
        return Content("prompt", None)

    there = Collector()
    subject = telemetry(there, content=read)
    subject.heard(RECORD, (), settings({"url": "https://own.example.com"}))
    await settled(subject)
    assert asked == [RECORD.request_id]
    assert "prompt" in str(next(body for url, body in there.sent if "c.example" in url))
    assert "prompt" not in str(next(body for url, body in there.sent if "own.example" in url)).replace(
        "prompt_tokens", ""
    )


async def test_a_lane_that_the_settings_have_no_more_sends_what_it_has_and_goes() -> None:
    there = Collector()
    subject = telemetry(there, Otel(spans_each_s=60))
    own = settings({"url": "https://own.example.com"})
    subject.prepare(own)
    subject.heard(RECORD, (), own)
    other = settings({"url": "https://other.example.com"})
    subject.heard(RECORD, (), other)
    await asyncio.wait_for(subject.lanes[0].task, 5)  # type: ignore[arg-type]
    assert [url for url, _ in there.sent] == ["https://own.example.com/v1/traces"]
    subject.heard(RECORD, (), settings({"url": "https://third.example.com"}))
    assert "https://own.example.com/v1/traces" not in {lane.destination.url for lane in subject.lanes}
    await subject.aclose()


async def test_what_is_not_kept_or_not_sampled_is_told_to_nobody() -> None:
    subject = telemetry(there := Collector())
    subject.heard(RECORD, (), settings_of(), kept=False)
    unsampled = (b"traceparent", b"00-" + b"4b" * 16 + b"-" + b"ab" * 8 + b"-00")
    subject.heard(RECORD, (unsampled,), settings_of())
    assert subject.lanes == () and there.sent == []


async def test_metrics_are_sent_with_the_ledgers_money_unless_cost_is_off() -> None:
    async def ledger() -> list[Sums]:
        sums = Sums("default", "openai", "m")
        sums.charged = 5
        return [sums]

    for cost in (True, False):
        there = Collector()
        metrics = Destination("https://c.example.com/v1/metrics", told=Told(cost=cost))
        subject = telemetry(there, Otel(metrics=metrics), ledger=ledger)
        subject.heard(RECORD, (), settings_of())
        assert await subject.send_metrics()
        names = {m["name"] for m in there.sent[0][1]["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]}
        assert "gen_ai.client.token.usage" in names and ("tollway.cost.charged" in names) is cost


async def test_metrics_that_do_not_arrive_are_in_the_next_ones() -> None:
    metrics = Destination("https://c.example.com/v1/metrics")
    subject = telemetry(there := Collector(500, StoreUnavailable("away")), Otel(metrics=metrics))
    subject.heard(RECORD, (), settings_of())
    assert not await subject.send_metrics()
    assert not await subject.send_metrics()
    assert await subject.send_metrics()
    assert "gen_ai.server.request.duration" in str(there.sent)
