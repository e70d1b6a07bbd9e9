"""Where each API carries media, and what its codec says they take at most."""

import base64
import json
from struct import pack

import pytest

from tollway.providers.anthropic_messages import Messages
from tollway.providers.codec import Codec
from tollway.providers.google_generate import Generate
from tollway.providers.media import ANTHROPIC, GOOGLE, OPENAI
from tollway.providers.openai_chat import Chat
from tollway.providers.openai_responses import Responses
from tollway.request import Ask

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + pack(">I4sII", 13, b"IHDR", 1024, 1024) + bytes(900)).decode()
URL = "data:image/png;base64," + PNG
WAVE = base64.b64encode(
    b"RIFF\0\0\0\0WAVEfmt " + pack("<IHHIIHH4sI", 16, 1, 1, 100, 200, 2, 16, b"data", 0) + bytes(900)
).decode()


def ask_of(codec: Codec, value: object) -> Ask:
    ask = codec.read_ask("/v1beta/models/m:generateContent", b"", b"application/json", json.dumps(value).encode())
    assert isinstance(ask, Ask)
    return ask


def chat(part: object) -> Ask:
    return ask_of(Chat(), {"model": "m", "messages": [{"role": "user", "content": ["hello", part]}]})


def responses(*items: object) -> Ask:
    return ask_of(Responses(), {"model": "m", "input": items})


def messages(*blocks: object) -> Ask:
    return ask_of(Messages(), {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": blocks}]})


def generate(*parts: object) -> Ask:
    return ask_of(Generate(), {"contents": [{"role": "user", "parts": parts}]})


def said(content: list[object]) -> object:
    return {"role": "user", "content": content}


CLAUDE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
GEMINI = {"inlineData": {"mimeType": "image/png", "data": PNG}}


@pytest.mark.parametrize(
    ("ask", "tokens"),
    [
        (chat({"type": "image_url", "image_url": {"url": URL}}), 25_501),
        (chat({"type": "image_url", "image_url": URL}), 25_501),
        (chat({"type": "image_url", "image_url": {"url": URL, "detail": "low"}}), 5550),
        (responses(said([{"type": "input_image", "image_url": URL}])), 25_501),
        (responses(said([{"type": "input_image", "image_url": URL, "detail": "low"}])), 5550),
        (responses({"type": "computer_call_output", "output": {"type": "input_image", "image_url": URL}}), 25_501),
        (responses({"type": "image_generation_call", "result": PNG}), 25_501),
        (messages(CLAUDE), 1431),
        (messages({"type": "tool_result", "content": [CLAUDE]}, CLAUDE), 2862),
        (generate(GEMINI), 2240),
        (generate({**GEMINI, "mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}}), 2240),
        (generate({"functionResponse": {"name": "f", "response": {}, "parts": [GEMINI]}}, GEMINI), 4480),
    ],
)
def test_a_picture_of_1024_by_1024_takes_what_the_formulas_of_its_api_say(ask: Ask, tokens: int) -> None:
    assert (ask.media_tokens, ask.media_parts, ask.unbounded) == (tokens, 0, None)


def test_these_are_the_formulas_figures() -> None:
    assert OPENAI.image(1024, 1024, None) == 25_501
    assert OPENAI.image(1024, 1024, "low") == 5550
    assert ANTHROPIC.image(1024, 1024, None) == 1431
    assert GOOGLE.image(1024, 1024, None) == 2240


@pytest.mark.parametrize(
    ("ask", "tokens"),
    [
        (chat({"type": "input_audio", "input_audio": {"data": WAVE, "format": "wav"}}), OPENAI.sound(5)),
        (chat({"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64," + WAVE}}), OPENAI.sound(5)),
        (responses(said([{"type": "input_audio", "input_audio": {"data": WAVE}}])), OPENAI.sound(5)),
        (generate({"inlineData": {"mimeType": "audio/wav", "data": WAVE}}), GOOGLE.sound(5)),
    ],
)
def test_a_wave_takes_its_seconds(ask: Ask, tokens: int) -> None:
    assert (ask.media_tokens, ask.unbounded) == (tokens, None)


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (chat({"type": "input_audio", "input_audio": {"data": "SUQzBAAA", "format": "mp3"}}), "audio"),
        (chat({"type": "input_audio", "input_audio": {"format": "wav"}}), "audio"),
        (chat({"type": "input_audio", "input_audio": "AAAA"}), "audio"),
        (messages({"type": "document", "source": {"type": "base64", "data": "JVBERi0x"}}), "a file"),
        (generate({"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}), "a video"),
        (
            generate({**GEMINI, "mediaResolution": {"numTokens": 90_000}}),
            "mediaResolution with its own number of tokens",
        ),
        (responses({"type": "image_generation_call", "result": ""}), "image_generation_call"),
        (responses({"type": "image_generation_call", "result": None}), "image_generation_call"),
        (responses({"type": "image_generation_call", "id": "ig_1"}), "image_generation_call"),
    ],
)
def test_what_the_bytes_do_not_bound_has_no_bound(ask: Ask, reason: str) -> None:
    assert (ask.media_parts, ask.unbounded) == (0, reason)


def test_a_picture_that_cannot_be_read_is_one_of_the_parts_with_a_flat_ceiling() -> None:
    for ask in (
        chat({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}),
        messages({"type": "image", "source": {"type": "base64", "media_type": "image/png"}}),
        generate({"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}}),
        responses({"type": "image_generation_call", "result": "aGVsbG8="}),
    ):
        assert (ask.media_tokens, ask.media_parts, ask.unbounded) == (0, 1, None)
