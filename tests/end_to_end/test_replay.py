"""Every recorded answer of every provider through the running gateway: bytes, usage, cost."""

import contextlib
import http.client
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cutting_provider import body_of
from gateway import RunningGateway, running
from recorded import headers_of, path_of, request_of, settings_for
from replay import replaying, rows

from tollway.money import dollars
from tollway.pricing.price import FILE, PriceBook

ROWS = rows()


@contextlib.contextmanager
def gateway_before(folder: Path, *options: str, idle_timeout_s: float = 60) -> Iterator[RunningGateway]:
    """A gateway in front of the replay provider, every recorded provider configured."""
    with replaying(*options) as upstream:
        settings = settings_for(ROWS, upstream, idle_timeout_s=idle_timeout_s)
        with running(settings, folder) as started:
            yield started


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with gateway_before(tmp_path_factory.mktemp("replay")) as started:
        yield started


# The provider refused these as well, with the same status; Tollway refuses them itself, so the words are its own.
REFUSED = {"d0219": "max_tokens is -1"}


def call(gateway: RunningGateway, row: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=30)
    headers = {**headers_of(row), "x-replay-id": row["id"]}
    connection.request(row["method"], path_of(row), body=request_of(row), headers=headers)
    answer = connection.getresponse()
    try:
        raw = answer.read()
    except http.client.IncompleteRead as cut:
        raw = cut.partial
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, raw


# Our names of the counts that `expected.usage` names.
NAMES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
    "reasoning": "reasoning_output_tokens",
    "web_searches": "web_searches",
    "input_audio": "input_audio_tokens",
    "input_image": "input_image_tokens",
    "input_video": "input_video_tokens",
    "output_audio": "output_audio_tokens",
    "tool_use_prompt": "tool_use_input_tokens",
    "search_units": "search_units",
    "audio_seconds": "input_audio_seconds",
    "cache_audio": "cache_read_audio_tokens",
}


def to_the_nanodollar(cost: Any) -> Decimal:
    """The figure as the ledger keeps it: nobody is charged a part of a nanodollar."""
    return Decimal(str(cost)).quantize(Decimal("1e-9"), rounding=ROUND_UP)


def at_another_hour(charged: dict[str, Any]) -> dict[str, Any]:
    """The same lines at the price that the list has for most of the day."""
    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    provider, _, model = charged["price_id"].partition("@")[0].partition("/")
    day = int(datetime(2026, 11, 21, 20, tzinfo=UTC).timestamp() * 1000)
    price = book.price(provider, model, at_ms=day)
    assert price is not None and price.id != charged["price_id"]
    amount = sum(price.units[line["meter"]].times(line["quantity"]) for line in charged["lines"])
    return {**charged, "amount_usd": dollars(amount)}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['id']}-{row['api']}" for row in ROWS])
def test_a_recorded_answer_passes_byte_for_byte_with_its_usage_and_its_cost(
    gateway: RunningGateway, row: dict[str, Any]
) -> None:
    status, headers, raw = call(gateway, row)
    assert status == row["response_status"], raw
    if row["id"] in REFUSED:
        assert REFUSED[row["id"]] in json.loads(raw)["error"]["message"]
        return
    assert raw == body_of(row)
    logged = gateway.logged(headers["tollway-request-id"])
    expected = row["expected"]
    usage = logged["usage"] or {}
    for theirs, count in (expected.get("usage") or {}).items():
        if theirs in NAMES:
            assert (usage.get(NAMES[theirs]) or 0) == count, f"{theirs}: {usage}"
    charged = logged["charge"]
    if row["response_status"] >= 400:
        assert charged is None
    elif expected.get("basis") == "token counting is free":
        assert charged is None or Decimal(charged["amount_usd"]) == 0
    elif expected.get("confidence") == "high":
        if re.search(r"@\d\d:\d\d-", charged["price_id"] or ""):
            # DeepSeek charges by the time of day; the figure is that of the hour at which the answer was recorded.
            charged = at_another_hour(charged)
        assert Decimal(charged["amount_usd"]) == to_the_nanodollar(expected["cost_usd"]), charged


def test_an_unpriced_answer_is_told_apart_from_a_free_one(gateway: RunningGateway) -> None:
    if not ROWS:
        pytest.skip("no recorded responses")
    row = next(row for row in ROWS if row["provider"] == "lmstudio" and not row["stream"])
    _, headers, _ = call(gateway, row)
    assert gateway.logged(headers["tollway-request-id"])["charge"] is None
    assert gateway.admin("/spend")["total"]["unpriced"] >= 1


STREAMS = [row for row in ROWS if row["stream"] and row["response_status"] == 200]


@pytest.mark.parametrize("events", [1, 4])
def test_a_stream_that_breaks_off_is_never_free(events: int, tmp_path: Path) -> None:
    """The provider falls silent after so many events: what was made until then is counted, or the hold presumed.

    Streams whose connection ends are in test_cut_streams.py, cut everywhere.
    """

    def cut(row: dict[str, Any]) -> tuple[str, Any] | None:
        status, headers, raw = call(gateway, row)
        assert status == 200 and raw[:24] == body_of(row)[:24], row["id"]
        logged = gateway.logged(headers["tollway-request-id"])
        return (row["id"], logged["charge"]) if logged["charge"] is not None else None

    with gateway_before(tmp_path, "--cut-after", str(events), idle_timeout_s=0.5) as gateway:
        with ThreadPoolExecutor(16) as callers:
            charged = [found for found in callers.map(cut, STREAMS) if found is not None]
        assert gateway.admin("/status?verify=true")["open_reservations"] == 0
    assert len(charged) > 40 or not STREAMS
    assert [row for row, charge in charged if Decimal(charge["amount_usd"]) <= 0] == []
