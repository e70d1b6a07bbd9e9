"""Every meter reads the same of a stream whether its heavy events are read at once or put aside."""

import base64
import json
import pickle
from typing import Any

import pytest

from tollway.providers.aside import Patient
from tollway.providers.codec import Meter
from tollway.providers.eventstream import frame
from tollway.providers.registry import codec_for
from tollway.request import Api

FILLER = [{"a": 1, "b": 2}] * 5_000
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def sse(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def chat(**more: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "hello"}}], **more}


STREAMS: dict[Api, bytes] = {
    "openai.chat": sse(chat(), chat(x=FILLER), chat(usage=USAGE, x=FILLER)) + b"data: [DONE]\n\n",
    "openai.responses": sse(
        {"type": "response.output_text.delta", "delta": "hello"},
        {
            "type": "response.completed",
            "response": {
                "id": "r",
                "model": "m",
                "status": "completed",
                "output": FILLER,
                "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18},
            },
        },
    ),
    "google.generate": json.dumps(
        [
            {"candidates": [{"content": {"parts": [{"text": "hello"}]}}], "x": FILLER},
            {
                "candidates": [{"finishReason": "STOP", "content": {"parts": [{"text": "!"}]}}],
                "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18},
                "x": FILLER,
            },
        ]
    ).encode(),
    "ollama.chat": b"".join(
        json.dumps(line).encode() + b"\n"
        for line in (
            {"model": "m", "message": {"content": "hello"}, "done": False, "x": FILLER},
            {"model": "m", "done": True, "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 7, "x": FILLER},
        )
    ),
    "bedrock.converse": b"".join(
        frame({":event-type": kind, ":message-type": "event"}, json.dumps(payload).encode())
        for kind, payload in (
            ("messageStart", {"role": "assistant"}),
            ("contentBlockDelta", {"delta": {"text": "hello"}, "x": FILLER}),
            ("messageStop", {"stopReason": "end_turn"}),
            ("metadata", {"usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}, "x": FILLER}),
        )
    ),
    "bedrock.invoke": frame(
        {":event-type": "chunk", ":message-type": "event"},
        json.dumps({"bytes": base64.b64encode(json.dumps(chat(usage=USAGE, x=FILLER)).encode()).decode()}).encode(),
    ),
}


def read(meter: Meter, stream: bytes, *, aside: bool) -> tuple[Any, int, bool, int]:
    """What the meter tells in the end, and how many events were put aside."""
    kept = meter.put_aside() if aside and isinstance(meter, Patient) else None
    count = 0
    for start in range(0, len(stream), 5_000):
        chunk = stream[start : start + 5_000]
        assert meter.feed(chunk) == chunk
        if kept is not None and kept.events:
            assert isinstance(meter, Patient)
            count += len(kept.events)
            # As the worker does it: there and back again.
            take, reader, events = pickle.loads(pickle.dumps((kept.take, meter.reader, kept.events)))
            said = [take(reader, event) for event in events]
            meter.reader = pickle.loads(pickle.dumps(reader))
            kept.events.clear()
            meter.taken(said, None)
    meter.finish()
    return meter.report(), meter.output_bytes, meter.complete, count


@pytest.mark.parametrize("api", STREAMS)
def test_putting_events_aside_changes_nothing_of_what_is_told(api: Api) -> None:
    codec = codec_for(api)
    *at_once, none = read(codec.meter(strip_usage=False), STREAMS[api], aside=False)
    *put_aside, some = read(codec.meter(strip_usage=False), STREAMS[api], aside=True)
    assert put_aside == at_once
    assert at_once[0].usage is not None and at_once[0].usage.output_tokens == 7
    assert (none, some > 0) == (0, True)


@pytest.mark.parametrize("api", ["openai.chat", "ollama.chat", "bedrock.converse"])
def test_a_large_answer_that_is_no_stream_is_put_aside_whole(api: Api) -> None:
    body = json.dumps({"x": FILLER, "usage": USAGE}, indent=1).encode()
    meter = codec_for(api).meter(strip_usage=False)
    assert isinstance(meter, Patient)
    aside = meter.put_aside()
    meter.feed(body)
    meter.finish()
    assert aside.whole is not None and json.loads(aside.whole) == json.loads(body)


def test_a_light_event_behind_a_heavy_one_waits_its_turn() -> None:
    meter = codec_for("openai.chat").meter(strip_usage=False)
    assert isinstance(meter, Patient)
    aside = meter.put_aside()
    meter.feed(sse(chat(x=FILLER), chat()))
    assert len(aside.events) == 2
    assert meter.report().response_model is None
