"""A stream on its way to the caller: in its own words, and taken down where it is to be kept."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.cache.entry import Tape
from tollway.providers.weight import MOST_BYTES
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.shaped import Shaped
from tollway.proxy.transport import Broken
from tollway.translate.codec import Translating
from tollway.translate.translation import Translation


class Loud(Translating):
    """Puts a stream into capitals, and ends one that is complete."""

    failed = False

    def whole(self, piece: bytes) -> list[bytes]:
        return [piece[:1], piece[1:]]

    def worded(self, event: bytes) -> bytes:
        return event.upper()

    def finish(self, complete: bool) -> bytes:
        return b"END" if complete else b""


@pytest.fixture
async def heavy() -> AsyncIterator[Heavy]:
    made = Heavy()
    yield made
    await made.aclose()


@given(st.lists(st.binary(max_size=20), max_size=8), st.binary(max_size=9), st.booleans())
def test_what_is_taken_down_is_what_the_caller_was_sent(pieces: list[bytes], rest: bytes, complete: bool) -> None:
    async def told() -> list[bytes]:
        shaped = Shaped(Loud(), tape, Heavy())
        return [await shaped.shown(piece) for piece in pieces] + [await shaped.last(rest, complete=complete)]

    tape = Tape(10**6)
    sent = asyncio.run(told())
    assert tape.whole and tape.body == b"".join(sent)
    assert tape.body == b"".join([*pieces, rest]).upper() + (b"END" if complete else b"")
    assert sum(tape.chunks) == len(tape.body)


async def test_without_a_translation_the_bytes_are_the_providers(heavy: Heavy) -> None:
    tape = Tape(10)
    shaped = Shaped(None, tape, heavy)
    assert await shaped.shown(b"abc") == b"abc" and await shaped.last(b"d", complete=False) == b"d"
    assert tape.body == b"abcd"


async def test_what_is_longer_than_the_tape_still_reaches_the_caller(heavy: Heavy) -> None:
    tape = Tape(3)
    shaped = Shaped(Loud(), tape, heavy)
    assert await shaped.shown(b"abcd") == b"ABCD" and not tape.whole


async def test_without_a_tape_nothing_is_taken_down(heavy: Heavy) -> None:
    assert await Shaped(Loud(), None, heavy).last(b"a", complete=True) == b"AEND"


# Large events, which the worker process puts into other words.


def translating() -> Translation:
    translation = Translation("anthropic.messages", "openai.chat", now_s=7)
    body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    translation.request(json.dumps(body).encode(), path="/v1/messages", query=b"", model="m", max_tokens=None)
    return translation


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def stream(size: int) -> bytes:
    return chunk("before ") + chunk("x" * size) + chunk(" behind", "stop") + b"data: [DONE]\n\n"


async def shown(shaped: Shaped, body: bytes) -> bytes:
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    told = [await shaped.shown(piece) for piece in pieces]
    return b"".join(told) + await shaped.last(b"", complete=True)


async def test_a_large_event_is_worded_by_the_worker_as_it_would_be_here(heavy: Heavy) -> None:
    body, here = stream(MOST_BYTES + 1), translating().stream()
    expected = here.feed(body) + here.finish(True)
    assert heavy.pid is None
    assert await shown(Shaped(translating().stream(), None, heavy), body) == expected
    assert heavy.pid is not None, "the worker was not asked"
    assert expected.count(b"x" * MOST_BYTES) == 1 and b"message_stop" in expected


async def test_small_events_are_worded_without_the_worker(heavy: Heavy) -> None:
    await shown(Shaped(translating().stream(), None, heavy), stream(2_000) * 3)
    assert heavy.pid is None


async def test_an_event_that_the_worker_cannot_word_breaks_the_stream_off(
    heavy: Heavy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> object:
        raise HeavyFailed("it died")

    monkeypatch.setattr(heavy, "read_events", fails)
    with pytest.raises(Broken, match="it died"):
        await shown(Shaped(translating().stream(), None, heavy), stream(MOST_BYTES + 1))


async def test_a_large_answer_is_worded_by_the_worker_as_it_would_be_here(heavy: Heavy) -> None:
    answer = {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"content": "y" * MOST_BYTES}}]}
    for status, body in ((200, json.dumps(answer).encode()), (500, b'{"error":{"message":"' + b"z" * 300_000 + b'"}}')):
        told = await heavy.translate_back(translating(), status, body)
        assert told == translating().told(status, body)
        assert (told.failed is None) == (status == 200)
