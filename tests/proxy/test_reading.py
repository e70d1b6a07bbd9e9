import asyncio
import gzip
import json
import random
from typing import Any

import pytest

from tollway.providers.registry import codec_for
from tollway.proxy.encoding import decoder
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.reading import LARGEST_READ, Metering, WholeAnswer, head_of, last_event, read_answer
from tollway.proxy.turn import Turn
from tollway.usage import Report, Usage

FILLER = [{"a": 1, "b": 2}] * 5_000
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
LIGHT = b'data: {"model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
HEAVY = b"data: " + json.dumps({"model": "m", "choices": [], "usage": USAGE, "x": FILLER}).encode() + b"\n\n"


class Recorded(Heavy):
    """Reads here and now what a worker would read, and remembers what that was; fails where it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.seen: list[Any] = []
        self.fails = fails

    async def read_answer(self, api: Any, body: bytes, headers: Any) -> Report:
        self.seen.append(body)
        await asyncio.sleep(0)
        if self.fails:
            raise HeavyFailed("it died")
        return codec_for(api).read_answer(body, headers)

    async def read_events(self, take: Any, reader: Any, events: list[Any]) -> Any:
        self.seen += events
        await asyncio.sleep(0)
        if self.fails:
            raise HeavyFailed("it died")
        return reader, [take(reader, event) for event in events]


async def test_a_heavy_answer_is_read_by_the_worker_and_a_light_one_is_not() -> None:
    heavy = Recorded()
    light = await read_answer(heavy, "openai.chat", json.dumps({"usage": USAGE}).encode(), ())
    assert heavy.seen == []
    large = json.dumps({"usage": USAGE, "x": FILLER}).encode()
    assert await read_answer(heavy, "openai.chat", large, ()) == light
    assert heavy.seen == [large]


async def test_an_answer_that_the_worker_fails_on_is_unknown() -> None:
    large = json.dumps({"usage": USAGE, "x": FILLER}).encode()
    assert await read_answer(Recorded(fails=True), "openai.chat", large, ()) is None


async def test_a_heavy_event_of_a_stream_is_read_by_the_worker_and_counts() -> None:
    heavy, meter = Recorded(), codec_for("openai.chat").meter(strip_usage=False)
    metering = Metering(heavy, "openai.chat", meter)
    stream = LIGHT + HEAVY + b"data: [DONE]\n\n"
    shown = b"".join([await metering.feed(stream[at : at + 60_000]) for at in range(0, len(stream), 60_000)])
    shown += await metering.finish()
    assert shown == stream
    assert heavy.seen[0] == HEAVY
    usage = meter.report().usage
    assert usage is not None and (usage.input_tokens, usage.output_tokens) == (11, 7)
    assert meter.complete and not metering.lost


async def test_a_stream_with_an_event_that_the_worker_fails_on_has_lost_its_count() -> None:
    metering = Metering(Recorded(fails=True), "openai.chat", codec_for("openai.chat").meter(strip_usage=False))
    assert await metering.feed(HEAVY) == HEAVY
    assert metering.lost


async def test_a_large_answer_that_is_relayed_is_read_by_the_worker() -> None:
    heavy, meter = Recorded(), codec_for("openai.chat").meter(strip_usage=False)
    metering = Metering(heavy, "openai.chat", meter)
    await metering.feed(json.dumps({"model": "m", "usage": USAGE, "x": FILLER}).encode())
    await metering.finish()
    assert meter.report().usage == Usage(input_tokens=11, output_tokens=7)
    assert meter.complete and not metering.lost


async def test_a_large_answer_that_was_cut_has_lost_its_count() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    metering = Metering(Recorded(), "openai.chat", meter)
    await metering.feed(json.dumps({"x": FILLER, "usage": USAGE}).encode()[:-20])
    await metering.finish()
    assert metering.lost and not meter.complete


async def test_what_is_cancelled_in_the_worker_is_read_when_asked_again() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    metering = Metering(Recorded(), "openai.chat", meter)
    feeding = asyncio.create_task(metering.feed(HEAVY))
    await asyncio.sleep(0)
    feeding.cancel()
    await asyncio.wait((feeding,))
    assert meter.report().usage is None
    await metering.read_aside()
    assert meter.report().usage is not None and not metering.lost


async def test_the_usage_chunk_is_taken_out_of_a_large_chunk_too() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=True)
    metering = Metering(Recorded(), "openai.chat", meter)
    usage = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
    shown = await metering.feed(LIGHT * 1_000 + usage + b"data: [DONE]\n\n")
    assert shown + await metering.finish() == LIGHT * 1_000 + b"data: [DONE]\n\n"


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 3_000_000])
@pytest.mark.parametrize("cut", [997, 65_536, 10_000_000])
async def test_a_compressed_answer_is_decoded_whole_however_it_is_cut(size: int, cut: int) -> None:
    # Halved by compression, so that the limit on growth is not met.
    plain = random.Random(size).randbytes(size // 2 + 1).hex().encode()[:size]
    packed = gzip.compress(plain)
    coding = decoder(b"gzip")
    assert coding is not None
    answer = WholeAnswer(coding, Turn())
    for at in range(0, len(packed), cut):
        await answer.add(packed[at : at + cut])
    assert (answer.plain(), answer.raw(), answer.size, answer.failed) == (plain, packed, len(packed), False)


async def test_a_compressed_answer_that_is_none_is_told() -> None:
    coding = decoder(b"deflate")
    assert coding is not None
    answer = WholeAnswer(coding, Turn())
    for _ in range(2):
        await answer.add(b"\xff" * 20)
    assert answer.failed and answer.plain() == answer.raw() == b"\xff" * 40


@pytest.mark.parametrize("pieces", [[], [b"a"], [b"a", b"bc"], [b"a", b"bc", b"d" * 100_000]])
async def test_an_answer_without_an_encoding_is_what_came(pieces: list[bytes]) -> None:
    answer = WholeAnswer(None, Turn())
    for piece in pieces:
        await answer.add(piece)
    assert answer.raw() == answer.plain() == b"".join(pieces) and answer.size == len(answer.raw())


class Answer:
    def __init__(self, **headers: str) -> None:
        self.status = 200
        self.headers = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())


class Asked:
    upstream_path = "/v1/x"
    query = b""
    dialect = "openai"
    id = "one"


@pytest.mark.parametrize(
    ("headers", "streamed"),
    [
        ({"content_type": "application/json"}, False),
        ({"content_type": "application/json", "content_length": str(LARGEST_READ + 1)}, True),
        ({"content_type": "text/event-stream"}, True),
        ({"content_type": "application/x-ndjson"}, True),
        ({"content_type": "application/stream+json"}, True),
        ({}, True),
    ],
    ids=["json", "large json", "events", "lines", "cohere", "unnamed"],
)
def test_what_is_no_json_or_is_large_is_relayed(headers: dict[str, str], streamed: bool) -> None:
    head, coding, readable = head_of(Answer(**headers), Asked(), 5)  # type: ignore[arg-type]
    assert (head.streamed, head.at_ns, coding, readable) == (streamed, 5, None, True)


def test_an_encoding_that_was_not_asked_for_and_is_unknown_is_told() -> None:
    _, coding, readable = head_of(Answer(content_type="application/json", content_encoding="br"), Asked(), 0)  # type: ignore[arg-type]
    assert (coding, readable) == (None, False)


def test_a_stream_says_why_it_ends_early() -> None:
    assert b"broke off" in last_event("broken_off", Asked(), stopping=False)  # type: ignore[arg-type]


_CHAT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
_EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"),)


@pytest.mark.parametrize(
    ("api", "stream", "headers", "cut"),
    [
        ("openai.chat", _CHAT, _EVENTS, True),
        ("openai.chat", b"", _EVENTS, True),
        ("openai.chat", _CHAT + b"data: [DONE]\n\n", _EVENTS, False),
        ("openai.chat", _CHAT + b"data: [DONE]", _EVENTS, False),
        ("openai.chat", _CHAT.replace(b"null", b'"stop"'), _EVENTS, False),
        ("openai.chat", b'{"choices": [', ((b"content-type", b"application/json"),), False),
        # It has said itself what went wrong.
        ("openai.chat", _CHAT + b'data: {"error": {"message": "no"}}\n\n', _EVENTS, False),
        ("openai.responses", b'data: {"type":"error","message":"no"}\n\n', _EVENTS, False),
        ("openai.responses", b'data: {"type":"response.created","response":{"error":null}}\n\n', _EVENTS, True),
        ("anthropic.messages", b'event: message_start\ndata: {"type":"message_start"}\n\n', _EVENTS, True),
        ("anthropic.messages", b'event: message_stop\ndata: {"type":"message_stop"}\n\n', _EVENTS, False),
        ("openai.responses", b'data: {"type":"response.created"}\n\n', _EVENTS, True),
        ("openai.responses", b'data: {"type":"response.completed","response":{}}\n\n', _EVENTS, False),
        ("google.generate", b'data: {"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}\n\n', _EVENTS, True),
        ("google.generate", b'data: {"candidates":[{"finishReason":"STOP"}]}\n\n', _EVENTS, False),
        # Not everybody who speaks this one ends it.
        ("openai.completions", b'data: {"value":"hi"}\n\n', _EVENTS, False),
    ],
)
async def test_a_stream_that_is_over_without_having_said_so_was_cut(
    api: Any, stream: bytes, headers: Any, cut: bool
) -> None:
    meter = codec_for(api).meter(strip_usage=False)
    metering = Metering(Recorded(), api, meter)
    await metering.feed(stream)
    await metering.finish()
    assert metering.cut(headers) is cut


_TOLD = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\nevent: error\ndata: {"error":{"message":"Too long."}}\n\n'


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("at_once", [1, 7, 10_000])
async def test_an_error_ends_a_stream_once_all_of_it_has_come(end: bytes, at_once: int) -> None:
    stream = _TOLD.replace(b"\n", end)
    for length in (len(stream), len(stream) - len(end), len(stream) - 10, stream.index(b"event") + 3):
        metering = Metering(Recorded(), "openai.chat", codec_for("openai.chat").meter(strip_usage=False))
        for start in range(0, length, at_once):
            await metering.feed(stream[start : min(start + at_once, length)])
        await metering.finish()
        assert metering.cut(_EVENTS) is (length < len(stream))
