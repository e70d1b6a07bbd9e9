from collections.abc import Iterator
from typing import Any

from tollway.providers.registry import codec_for
from tollway.proxy.heavy import Heavy
from tollway.proxy.reading import Metering
from tollway.proxy.transport import Broken
from tollway.proxy.unread import Unread
from tollway.proxy.watched import Watched, take_in
from tollway.usage import Report, Usage

MS = 1_000_000


def event(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text.encode()


class Left:
    """An answer of which some had come; then it ends as it is told to."""

    status = 200
    headers: list[tuple[bytes, bytes]] = []  # noqa: RUF012

    def __init__(self, *pieces: bytes, broken: bool = False) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._broken = broken

    async def read(self) -> bytes:
        for piece in self._pieces:
            return piece
        if self._broken:
            raise Broken("upstream_invalid", "gone")
        return b""

    def close(self) -> None:
        return


def stream() -> tuple[Any, Metering, Unread]:
    meter: Any = codec_for("openai.chat").meter(strip_usage=False)
    meter.keep_shown()
    return meter, Metering(Heavy(), "openai.chat", meter), Unread(meter, None)


def test_word_of_the_end_takes_no_longer_than_the_first_word_took_to_come() -> None:
    watched = Watched(0, 40 * MS)
    for at_ms in (100, 105, 110):
        watched.came(at_ms * MS)
    watched.ended(120 * MS + 1)
    told = watched.told(None, Report())
    assert (told["shown_ms"], told["unseen_ms"], told["kept"]) == (10, 11 + 40, None)
    assert told["first_chunk_ns"] == 100 * MS


def test_what_was_held_up_comes_late_and_is_still_under_way() -> None:
    watched = Watched(0, 0)
    for at_ms in (100, 400, 401, 402):
        watched.came(at_ms * MS)
    watched.ended(402 * MS)
    assert watched.told(None, Report())["unseen_ms"] == 298 + 10
    for at_ms in range(410, 800, 10):
        watched.came(at_ms * MS)
    watched.ended(790 * MS)
    assert watched.told(None, Report())["unseen_ms"] == 10 + 10


def test_a_provider_that_thought_long_before_its_first_word_is_no_further_away() -> None:
    watched = Watched(0, 9_000 * MS)
    watched.ended(9_000 * MS)
    told = watched.told(None, Report())
    assert (told["shown_ms"], told["unseen_ms"], told["first_chunk_ns"]) == (0, 250, None)


async def test_text_is_kept_only_where_no_usage_was_told() -> None:
    meter, metering, _ = stream()
    await metering.feed(event("word"))
    watched = Watched(0, 0)
    assert watched.told(meter, Report())["kept"].texts == ("word",)
    assert watched.told(meter, Report(usage=Usage(input_tokens=1)))["kept"] is not None
    await metering.feed(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')
    assert watched.told(meter, Report(usage=Usage(input_tokens=1)))["kept"] is None


async def test_what_had_come_when_the_caller_left_is_seen() -> None:
    meter, metering, unread = stream()
    watched, now = Watched(0, 0), iter(range(0, 10**12, MS))
    await take_in(
        Left(event(" b"), event(" c")), iter((event("a"),)), None, metering, watched, unread, lambda: next(now)
    )
    assert meter.kept().texts == ("a b c",)
    assert not unread.behind
    assert watched.last_ns > 0


async def test_a_stream_that_breaks_meanwhile_has_shown_what_it_has_shown() -> None:
    meter, metering, unread = stream()
    now = iter(range(0, 10**12, MS))
    await take_in(Left(event("a"), broken=True), iter(()), None, metering, Watched(0, 0), unread, lambda: next(now))
    assert meter.kept().texts == ("a",)


async def test_what_was_thrown_away_with_the_stream_stays_unseen() -> None:
    _, metering, unread = stream()
    unread._ns = 10**9
    now = iter(range(0, 10**12, MS))
    await take_in(Left(event("a"), broken=True), iter(()), None, metering, Watched(0, 0), unread, lambda: next(now))
    assert unread.behind and unread.tokens() == 400


async def test_one_that_comes_as_fast_as_it_is_read_is_not_read_for_ever() -> None:
    meter, metering, unread = stream()
    unread._ns = 10**9
    now = iter(range(0, 10**12, 30 * MS))
    await take_in(Left(*[event("a")] * 1_000), iter(()), None, metering, Watched(0, 0), unread, lambda: next(now))
    assert len(meter.kept().texts[0]) < 10
    # Nobody knows how much more there was.
    assert unread.behind
