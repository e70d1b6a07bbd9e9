"""Speech: characters that the request shows, or tokens that are counted from the audio."""

import base64
import json
import os
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.openai_speech import TOKENS_PER_SECOND, Audio, Speech, bytes_per_second
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Speech()
PATH = "/v1/audio/speech"
JSON = b"application/json"


def ask(**fields: Any) -> Ask:
    found = CODEC.read_ask(PATH, b"", JSON, json.dumps(fields).encode())
    assert isinstance(found, Ask), found
    return found


def wav(seconds: int, rate: int = 24_000) -> bytes:
    head = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0" + rate.to_bytes(4, "little")
    return (
        head + (rate * 2).to_bytes(4, "little") + b"\2\0\x10\0data\xff\xff\xff\xff" + b"\0" * (rate * 2 * seconds - 44)
    )


def page(position: int, payload: bytes) -> bytes:
    return b"OggS\0\2" + position.to_bytes(8, "little") + b"\0" * 13 + payload


OPUS = page(0, b"OpusHead" + b"\1" * 11) + page(2**64 - 1, b"x" * 40) + page(96_000, b"x" * 90)
MP3 = b"ID3\4\0\0\0\0\0\0" + (b"\xff\xf3\xc4\xc4" + b"\1" * 476) * 20
"""MPEG 2, layer III, 128 kbit/s: 16,000 bytes a second."""


def test_the_characters_of_the_text_are_known_beforehand() -> None:
    found = ask(model="tts-1", input="Grüß dich 🎉", voice="alloy")
    assert found.known == Usage(characters=11)
    assert (found.model, found.stream, found.unbounded, found.choices) == ("tts-1", False, None, 1)


def test_the_audio_is_bounded_by_the_text_and_its_speed() -> None:
    plain = ask(model="gpt-4o-mini-tts", input="x" * 100).max_output_tokens
    slow = ask(model="gpt-4o-mini-tts", input="x" * 100, speed=0.25).max_output_tokens
    fast = ask(model="gpt-4o-mini-tts", input="x" * 100, speed=4).max_output_tokens
    odd = ask(model="gpt-4o-mini-tts", input="x" * 100, speed="slow").max_output_tokens
    assert (plain, slow, fast, odd) == (3_000, 12_000, 3_000, 12_000)
    # A hundred characters take about seven seconds.
    assert plain is not None and plain > 10 * 7 * TOKENS_PER_SECOND
    assert (
        ask(model="m", input="x", speed=10**30).max_output_tokens
        == ask(model="m", input="x", speed=0.25).max_output_tokens
    )


@pytest.mark.parametrize(
    ("fields", "stream"),
    [({"stream_format": "sse"}, True), ({"stream_format": "audio"}, False), ({"stream": True}, True), ({}, False)],
)
def test_the_wish_for_events_is_seen(fields: dict[str, Any], stream: bool) -> None:
    assert ask(input="x", **fields).stream is stream


def test_a_text_of_another_shape_has_no_bound() -> None:
    found = ask(model="m", input=["a", "b"])
    assert (found.known, found.max_output_tokens) == (None, None)
    assert found.unbounded == "input of an unknown shape"


@pytest.mark.parametrize("body", [b"", b'{"input": "a", "input": "b"}', b'{"model": 5}', b'{"stream": "yes"}'])
def test_a_body_that_the_api_would_not_take_is_malformed(body: bytes) -> None:
    assert isinstance(CODEC.read_ask(PATH, b"", JSON, body), Malformed)


def test_only_the_model_is_written_over() -> None:
    assert (
        CODEC.write_body(b'{"model":"a","speed":1.50}', Ask(), model="b", cap=5, include_usage=True)
        == b'{"model":"b","speed":1.50}'
    )
    body = b'{"model": "a"}'
    assert CODEC.write_body(body, Ask(), model=None, cap=5, include_usage=True) is body
    assert CODEC.write_path(PATH, "b") == PATH


@pytest.mark.parametrize(
    ("head", "rate"),
    [
        (wav(1)[:64], 48_000),
        (wav(1, 8_000)[:64], 16_000),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + b"\xff" * 20, 48_000),
        (b"RIFF", 48_000),
        (MP3[:64], 16_000),
        (MP3[10:64], 16_000),
        (b"\xff\xfb\x90\x64\0", 16_000),
        (b"\xff\xf1\x50\x80\0", 4_000),
        (b"\xff\xfb", 4_000),
        (b"ID3", 4_000),
        (b"fLaC\0\0\0\x22", 4_000),
        (b"OggS\0\2", 4_000),
        (b"\0\0\0\x20ftypM4A ", 4_000),
        (b"\0\0\1\0\2\0", 48_000),
        (b"", 48_000),
    ],
)
def test_the_head_of_a_file_tells_its_rate(head: bytes, rate: int) -> None:
    assert bytes_per_second(head) == rate


@pytest.mark.parametrize(
    ("audio", "tokens"),
    [(wav(3), 75), (b"\0\1" * 48_000, 50), (OPUS, 50), (MP3, 16), (b"fLaC" + b"\0" * 3_996, 25)],
)
@pytest.mark.parametrize("step", [1, 7, 1000, 10**9])
def test_audio_is_counted_by_its_length_however_it_arrives(audio: bytes, tokens: int, step: int) -> None:
    audio = audio if step > 1 or len(audio) < 10_000 else audio[:10_000]
    counted = Audio()
    for at in range(0, len(audio), step):
        counted.feed(audio[at : at + step])
    whole = Audio()
    whole.feed(audio)
    assert counted.output_bytes == whole.output_bytes
    if len(audio) != 10_000:
        assert counted.output_bytes == tokens


@pytest.mark.parametrize("audio", [wav(1)[:5_000], OPUS, MP3, b"\0\1" * 900, b"d", b""])
@pytest.mark.parametrize("cut", [0, 1, 3, 15, 16, 17, 40])
def test_a_file_passes_untouched_and_is_complete_when_its_transfer_is(audio: bytes, cut: int) -> None:
    meter = CODEC.meter(strip_usage=False)
    for chunk in (audio[:cut], audio[cut:]):
        assert meter.feed(chunk) is chunk
    assert not meter.complete
    assert meter.finish() == b""
    assert meter.complete is bool(audio)
    assert meter.report() == Report()
    assert (meter.output_bytes > 0) is bool(audio)


SECOND = base64.b64encode(b"\0\1" * 24_000).decode()
EVENTS = (
    f'event: speech.audio.delta\ndata: {{"type":"speech.audio.delta","audio":"{SECOND}"}}\n\n'.encode() * 2
    + b'data: {"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":42,"total_tokens":56}}\n\n'
)


@pytest.mark.parametrize("cut", [0, 1, 5, 6, 15, 16, 17, 30, 100, 64_080, 128_140, 128_200])
def test_events_are_read_the_same_however_they_are_cut(cut: int) -> None:
    meter = CODEC.meter(strip_usage=False)
    for chunk in (EVENTS[:cut], EVENTS[cut:]):
        assert meter.feed(chunk) is chunk
    assert meter.complete
    assert meter.finish() == b""
    assert meter.report().usage == Usage(input_tokens=14, output_tokens=42)
    assert meter.output_bytes == 2 * TOKENS_PER_SECOND


def test_events_that_break_off_are_counted_and_not_complete() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(EVENTS[:100_000])
    meter.finish()
    assert not meter.complete
    assert meter.report() == Report()
    assert meter.output_bytes >= TOKENS_PER_SECOND


def test_events_whose_contents_are_wrapped_are_read_as_well() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(
        b'data: {"event":"speech.audio.delta","data":{"audio_data":"' + SECOND.encode() + b'"}}\n\n'
        b'data: {"event":"speech.audio.done","data":{"usage":{"prompt_tokens":2,"completion_tokens":4,"total_tokens":6}}}\n\n'
    )
    assert meter.complete
    assert meter.report().usage == Usage(input_tokens=2, output_tokens=4)
    assert meter.output_bytes == TOKENS_PER_SECOND


def test_events_that_cannot_be_read_count_by_their_bytes() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(b'data: {"audio": 5, "n": 1}\n\n' + b'data: {"type":"speech.audio.delta","audio":"?"}\n\n')
    assert meter.output_bytes == len(b'{"audio": 5, "n": 1}')


def test_an_answer_in_json_reports_its_usage_whole_and_passed_on() -> None:
    body = b'{"audio_data": "AAAA", "usage": {"prompt_tokens": 2, "completion_tokens": 4}, "model": "voxtral-tts"}'
    assert CODEC.read_answer(body) == Report(usage=Usage(input_tokens=2, output_tokens=4), response_model="voxtral-tts")
    meter = CODEC.meter(strip_usage=False)
    meter.feed(body)
    meter.finish()
    assert meter.complete
    assert meter.report() == CODEC.read_answer(body)
    assert CODEC.read_answer(b"\xff\xfb{") == Report()


RECORDED = pathlib.Path(
    os.environ.get("TOLLWAY_TEST_DATA", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


def test_the_audio_of_a_recorded_answer_is_counted_as_no_fewer_tokens_than_it_was_billed() -> None:
    path = RECORDED / "responses.jsonl"
    if not path.exists():
        pytest.skip(f"no recorded responses in {RECORDED}; set TOLLWAY_TEST_DATA")
    rows = (json.loads(line) for line in path.read_text().splitlines() if '"d0202"' in line)
    answer = json.loads(next(row["response"] for row in rows if row["id"] == "d0202"))
    counted = Audio()
    counted.feed_base64(answer["choices"][0]["message"]["audio"]["data"])
    billed: int = answer["usage"]["completion_tokens_details"]["audio_tokens"]
    assert (billed, counted.output_bytes) == (12, 16)


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_pass_and_never_crash(chunks: list[bytes]) -> None:
    meter = CODEC.meter(strip_usage=False)
    assert all(meter.feed(chunk) is chunk for chunk in chunks)
    assert meter.finish() == b""
    assert meter.output_bytes >= 0
    CODEC.read_answer(b"".join(chunks))
