import asyncio
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from tests.telemetry.recorded import AT, RECORD

from tollway.document import compile_document, read_document
from tollway.errors import SettingsInvalid
from tollway.pricing.price import PriceBook
from tollway.snapshot import Snapshot
from tollway.telemetry.destination import Destination
from tollway.workers.telemetry import Telemetry, protobuf_is_installed


def settings(*otel: Mapping[str, Any]) -> Snapshot:
    document = read_document({"gateways": [{"slug": "default", "otel": list(otel)}]})
    return compile_document(document, resolve=lambda name, _: name, book=PriceBook({}), pepper=b"", revision=1)


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


async def nowhere(_: Destination, body: bytes) -> tuple[int, bytes]:
    return 200, b""


async def test_nothing_is_looked_at_where_nobody_wants_to_know() -> None:
    class Headers:
        def __iter__(self) -> Any:
            raise AssertionError("headers were read")

    subject = Telemetry(now=lambda: AT)
    subject.heard(RECORD, Headers(), settings())  # type: ignore[arg-type]
    assert subject.lanes == ()
    assert (
        next(s for f in subject.traffic.families() for s in f.samples if f.name == "tollway_attempts_total").value == 1
    )


async def test_the_loop_is_measured_while_it_runs() -> None:
    subject = Telemetry(now=lambda: AT, pause=at_once)
    running = asyncio.get_running_loop().create_task(subject.run())
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    lag = next(f for f in subject.traffic.families() if f.name == "tollway_loop_lag_seconds")
    assert next(s.value for s in lag.samples if s.suffix == "_count") > 0


def test_settings_that_need_what_is_not_installed_are_refused_with_the_way_out() -> None:
    snapshot = settings({"url": "https://own.example.com", "content_type": "protobuf"})
    with pytest.raises(
        SettingsInvalid, match=r'gateways\.default\.otel\[0\]\.content_type.*pip install "tollway\[otel\]"'
    ):
        Telemetry(now=lambda: AT, installed=lambda: False).prepare(snapshot)
    Telemetry(now=lambda: AT, post=nowhere, installed=lambda: True).prepare(snapshot)
    assert protobuf_is_installed()


async def test_settings_with_a_collector_are_obeyed_from_then_on() -> None:
    subject = Telemetry(now=lambda: AT, post=nowhere, pause=at_once)
    subject.prepare(settings())
    assert not await subject.send_metrics()
    told = settings({"url": "https://own.example.com"})
    subject.prepare(told)
    subject.heard(RECORD, (), told)
    await subject.aclose()
    assert [(lane.exported, lane.queued) for lane in subject.lanes] == [(1, 0)]


def test_where_no_collector_is_set_nothing_of_opentelemetry_is_loaded() -> None:
    said = (
        "import sys, tollway.app; from tollway.workers.telemetry import Telemetry; Telemetry(now=lambda: 0); "
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf', 'tollway.telemetry.otlp', "
        "'tollway.workers.telemetry_export', 'tollway.telemetry.metrics'))])"
    )
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
