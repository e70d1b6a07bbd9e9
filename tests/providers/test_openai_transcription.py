"""Transcriptions: tokens or seconds, told by the answer, or by the file's own length."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.openai_transcription import Transcription
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Transcription()
PATH = "/v1/audio/transcriptions"
FORM = b"multipart/form-data; boundary=xyz"


def form(*fields: tuple[str, bytes]) -> bytes:
    parts = [
        b"--xyz\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + value + b"\r\n"
        for head, value in fields
    ]
    return b"".join([*parts, b"--xyz--\r\n"])


def read(*fields: tuple[str, bytes]) -> Ask | Malformed:
    return CODEC.read_ask(PATH, b"", FORM, form(*fields))


def ask(*fields: tuple[str, bytes]) -> Ask:
    found = read(('name="model"', b"whisper-1"), *fields)
    assert isinstance(found, Ask), found
    return found


def file(content: bytes) -> tuple[str, bytes]:
    return 'name="file"; filename="a"', content


def wav(samples: int, rate: int = 16_000) -> bytes:
    head = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0" + rate.to_bytes(4, "little")
    return head + (rate * 2).to_bytes(4, "little") + b"\2\0\x10\0data\0\0\0\0" + b"\0\1" * samples


def test_the_length_of_a_wave_is_known_beforehand_whatever_it_says_itself() -> None:
    found = ask(file(wav(16_000 * 3 + 1)), ('name="stream"', b"true"))
    assert found.known is not None
    seconds = found.known.input_audio_seconds
    assert seconds == 4
    assert (found.model, found.stream, found.unbounded) == ("whisper-1", True, None)
    assert found.max_output_tokens == 100


def test_another_file_is_as_long_as_its_bytes_could_be() -> None:
    found = ask(file(b"ID3" + b"\0" * 9_997))
    assert (found.known, found.unbounded) == (None, None)
    assert found.max_output_tokens == 20 * 25
    assert (found.media_tokens, found.media_bytes) == (20 * 25, 10_000)


@pytest.mark.parametrize("link", ["url", "file_url", "audio_url", "file_id"])
def test_audio_that_is_not_in_the_form_has_no_bound(link: str) -> None:
    assert ask((f'name="{link}"', b"https://example.com/a.mp3")).unbounded == f"audio by {link}"
    assert ask(file(b"a"), (f'name="{link}"', b"x")).unbounded == f"audio by {link}"
    assert ask().unbounded == "audio that is not a file of a form"


def test_a_body_in_json_is_read_as_well() -> None:
    found = CODEC.read_ask(PATH, b"", b"application/json", b'{"model": "m", "file": "https://example.com"}')
    assert isinstance(found, Ask)
    assert (found.model, found.unbounded) == ("m", "audio that is not a file of a form")


@pytest.mark.parametrize(
    "fields",
    [
        [file(b"a"), file(b"b")],
        [file(b"a"), ('name="file"', b"https://example.com/a.mp3")],
        [('name="file"', b"https://example.com/a.mp3"), file(b"a")],
        [file(b"a"), ('name="file[]"; filename="b"', b"b")],
        [file(b"a"), ('name="File"', b"https://example.com/a.mp3")],
        [('name="FILE"; filename="a"', b"a")],
        [('name="model"', b"a"), ('name="model"', b"b")],
        [('name="Model"', b"a")],
        [('name="stream"', b"yes")],
    ],
)
def test_a_form_that_two_parsers_may_read_differently_is_malformed(fields: list[tuple[str, bytes]]) -> None:
    assert isinstance(read(*fields), Malformed)


def test_the_model_is_written_over_in_a_form_and_in_json() -> None:
    body = form(('name="model"', b"openai/whisper-1"), file(b"\xff\0"))
    assert CODEC.write_body(body, Ask(), model="whisper-1", cap=5, include_usage=True) == body.replace(b"openai/", b"")
    assert CODEC.write_body(b'{"model":"a"}', Ask(), model="b", cap=5, include_usage=True) == b'{"model":"b"}'
    assert CODEC.write_body(body, Ask(), model=None, cap=5, include_usage=True) is body
    assert CODEC.write_path(PATH, "b") == PATH


TOKENS = {
    "type": "tokens",
    "input_tokens": 14,
    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
    "output_tokens": 5,
    "total_tokens": 19,
}


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"text": "hi", "usage": TOKENS}, Usage(input_tokens=14, input_audio_tokens=10, output_tokens=5)),
        ({"text": "hi", "usage": {"type": "duration", "seconds": 7}}, Usage(input_audio_seconds=7)),
        ({"text": "hi", "duration": 7.2, "usage": {"type": "duration", "seconds": 8}}, Usage(input_audio_seconds=8)),
        ({"text": "hi", "task": "transcribe", "duration": 8.470000267028809}, Usage(input_audio_seconds=9)),
        ({"text": "hi", "duration": "3"}, Usage(input_audio_seconds=3)),
        ({"duration": 12.5, "usage": TOKENS}, Usage(input_tokens=14, input_audio_tokens=10, output_tokens=5)),
        (
            {"usage": {"prompt_audio_seconds": 19, "prompt_tokens": 10, "total_tokens": 452, "completion_tokens": 67}},
            Usage(input_tokens=10, output_tokens=67, input_audio_seconds=19),
        ),
        ({"usage": {"prompt_audio_seconds": 2}}, Usage(input_audio_seconds=2)),
        ({"usage": {"seconds": 9.2, "cost": 0.0005}}, Usage(input_audio_seconds=10)),
        ({"usage": {"type": "duration"}}, None),
        ({"usage": {"type": "tokens"}}, None),
        ({"text": "hi", "x_groq": {"id": "req_1"}}, None),
    ],
)
def test_an_answer_tells_tokens_or_seconds(answer: dict[str, Any], usage: Usage | None) -> None:
    report = CODEC.read_answer(json.dumps(answer).encode())
    assert report.usage == usage
    assert report.suspect is None


@pytest.mark.parametrize(
    "answer",
    [
        {"usage": {"type": "duration", "seconds": -5}},
        {"usage": {"type": "duration", "seconds": 10**9}},
        {"usage": {"prompt_audio_seconds": -1}},
        {"usage": {**TOKENS, "total_tokens": 3}},
        {"duration": -2},
    ],
)
def test_counts_that_cannot_be_are_suspect(answer: dict[str, Any]) -> None:
    assert CODEC.read_answer(json.dumps(answer).encode()).suspect


def test_the_recorded_transcription_gives_its_seconds() -> None:
    # envoyproxy/ai-gateway, audio-transcription-basic.yaml
    body = b'{\n  "text": "The sun rises.",\n  "usage": {\n    "type": "duration",\n    "seconds": 7\n  }\n}'
    assert CODEC.read_answer(body) == Report(usage=Usage(input_audio_seconds=7))


def test_a_cost_that_the_provider_states_is_passed_on() -> None:
    assert CODEC.read_answer(b'{"usage": {"seconds": 9.2, "cost": 0.000508}}').stated_cost == 508_000


OPENAI = (
    b'data: {"type":"transcript.text.delta","delta":"H\xc3\xa4llo"}\n\n'
    b'data: {"type":"transcript.text.done","text":"H\xc3\xa4llo","usage":{"type":"tokens","input_tokens":14,'
    b'"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":5,"total_tokens":19}}\n\n'
)
MISTRAL = (
    b'event: transcription.language\ndata: {"type":"transcription.language","audio_language":"en"}\n\n'
    b'event: transcription.text.delta\ndata: {"type":"transcription.text.delta","text":"Hello"}\n\n'
    b'event: transcription.done\ndata: {"type":"transcription.done","text":"Hello","usage":'
    b'{"prompt_audio_seconds":3,"prompt_tokens":8,"completion_tokens":4,"total_tokens":60}}\n\n'
)


@pytest.mark.parametrize(
    ("stream", "size", "usage"),
    [
        (OPENAI, 6, Usage(input_tokens=14, input_audio_tokens=10, output_tokens=5)),
        (MISTRAL, 5, Usage(input_tokens=8, output_tokens=4, input_audio_seconds=3)),
    ],
)
def test_a_stream_is_read_the_same_cut_anywhere(stream: bytes, size: int, usage: Usage) -> None:
    for cut in range(len(stream)):
        meter = CODEC.meter(strip_usage=False)
        for chunk in (stream[:cut], stream[cut:]):
            assert meter.feed(chunk) is chunk
        assert meter.finish() == b""
        assert (meter.complete, meter.report().usage, meter.output_bytes) == (True, usage, size)


def test_a_stream_that_breaks_off_is_counted_and_not_complete() -> None:
    meter = CODEC.meter(strip_usage=False)
    whole = OPENAI.index(b"\n\n") + 2
    meter.feed(OPENAI[: whole + 20])
    meter.finish()
    assert (meter.complete, meter.report()) == (False, Report())
    # Six bytes of text, and the fourteen of the event that was cut.
    assert meter.output_bytes == 6 + 14


@pytest.mark.parametrize(
    "text", [b"Hello there, world.\n", b"1\n00:00:00,000 --> 00:00:01,000\nHi\n\n", b"WEBVTT\n\n", b"Hi"]
)
def test_a_transcript_without_json_is_complete_when_its_transfer_is(text: bytes) -> None:
    for cut in range(len(text)):
        meter = CODEC.meter(strip_usage=False)
        assert meter.feed(text[:cut]) + meter.feed(text[cut:]) == text
        assert not meter.complete
        meter.finish()
        assert (meter.complete, meter.report(), meter.output_bytes) == (True, Report(), len(text))
    assert CODEC.read_answer(text) == Report()


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_pass_and_never_crash(chunks: list[bytes]) -> None:
    meter = CODEC.meter(strip_usage=False)
    assert all(meter.feed(chunk) is chunk for chunk in chunks)
    assert meter.finish() == b""
    CODEC.read_answer(b"".join(chunks))
    CODEC.read_ask(PATH, b"", FORM, b"".join(chunks))


@pytest.mark.parametrize("body", [b"", b" ", b'"usage"', b"RIFF", b"--x\nname=;name=\r\n\r\n--x"])
def test_a_body_that_is_neither_a_form_nor_json_is_sent_as_it_is(body: bytes) -> None:
    ask = CODEC.read_ask(PATH, b"", b"audio/wav", body)
    assert isinstance(ask, Ask)
    assert CODEC.write_body(body, ask, model="other", cap=None, include_usage=False) is body


def test_a_file_that_is_text_is_a_link() -> None:
    found = ask(('name="file"', b"https://example.com/a.mp3"))
    assert (found.unbounded, found.known, found.media_bytes) == ("audio by link", None, 0)
