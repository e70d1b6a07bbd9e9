"""Every recorded stream through the running gateway, cut after each event and anywhere in between.

Whatever ends it: the caller has what came, the ledger has one entry, and it is never free.
"""

import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from cut_streams import Answer, Bench, Booked, Cut, bench
from cutting_provider import CLEAN, WAYS, body_of
from recorded import path_of, slug_of
from replay import need_data, rows

from tollway.pricing.charge import Charge
from tollway.providers.presets import BY_SLUG
from tollway.providers.registry import codec_for

STREAMS = sorted((row for row in rows() if row["stream"]), key=lambda row: len(body_of(row)))
BY_ID = {row["id"]: row for row in STREAMS}
SAMPLED = 25
"""Offsets of each stream that are cut at, besides those behind its events."""

AT_ONCE = 2_000
"""Cuts behind which the ledger is read: what is long over is cleared away there."""

SMALL = (
    *("d0197", "d0180-brief", "d0225-brief", "d0024-brief", "d0043-brief", "d0064", "d0133", "d0134"),
    *("d0249-brief", "d0099-brief", "d0092-brief", "d0173-brief", "d0176-brief"),
)
"""One stream at least of each API, small enough to be cut at every offset: chat that is asked for its usage and chat that is
not, completions, messages, ConverseStream, InvokeModelWithResponseStream, streamGenerateContent as events and as an array,
responses, Cohere's two, Ollama's two."""

SAYS_ITS_END: dict[str, Any] = {
    "chat.completions": "openai.chat",
    "chat(v1)": "openai.chat",
    "responses": "openai.responses",
    "messages": "anthropic.messages",
    "streamGenerateContent": "google.generate",
}
"""APIs whose streams say when they are over → as Tollway calls them."""

INPUT = ("input", "cache_read", "cache_write")
"""Meters of what goes in."""

SEVERAL = {"d0089", "d0250"}
"""Recordings of several answers, one behind the other: each end tells a usage that looks like the last."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    need_data()
    with bench(STREAMS, tmp_path_factory.mktemp("cut")) as started:
        yield started
        assert started.gateway.admin("/status?verify=true")["store"]["differences"] == []


def by_row(names: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", [*names] or [pytest.param("", id="no-data")])


def rotating(name: str, offsets: Iterable[int]) -> list[Cut]:
    """A cut at each offset, each way in its turn."""
    return [Cut(name, offset, WAYS[offset % len(WAYS)]) for offset in offsets]


@by_row(BY_ID)
def test_a_stream_cut_after_any_event_or_within_it_is_passed_on_and_charged_once(before: Bench, name: str) -> None:
    stream = before.streams[name]
    cuts = [Cut(name, end, how) for end in stream.ends for how in ("ended", "closed")]
    inside = random.Random(name).sample(range(len(stream.body)), min(SAMPLED, len(stream.body)))
    assert wrong(before, name, [*cuts, *rotating(name, inside)]) == []
    assert before.open_reservations() == 0


@by_row(SMALL)
def test_a_small_stream_of_each_api_may_be_cut_at_any_offset(before: Bench, name: str) -> None:
    assert wrong(before, name, rotating(name, range(len(before.streams[name].body) + 1))) == []
    assert before.open_reservations() == 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
@by_row(BY_ID)
def test_a_stream_may_be_cut_at_any_offset(before: Bench, name: str) -> None:
    assert wrong(before, name, rotating(name, range(len(before.streams[name].body) + 1))) == []
    assert before.open_reservations() == 0


def wrong(before: Bench, name: str, cuts: list[Cut]) -> list[tuple[Cut, str]]:
    """What is not as it should be, of one stream cut in all these ways."""
    stream = before.streams[name]
    uncut, nothing = Cut(name, len(stream.body), "whole"), Cut(name, 0, "ended")
    failures: list[tuple[Cut, str]] = []
    ids: list[tuple[Cut, str]] = []

    def take(cut: Cut, answer: Answer) -> None:
        ids.append((cut, answer.request_id))
        if answer.status != 200:
            failures.append((cut, f"status {answer.status}: {answer.body[:300]!r}"))
        elif said := wrong_bytes(before, cut, answer):
            failures.append((cut, said))

    booked: dict[str, Booked] = {}
    asked = [uncut, nothing, *cuts]
    for start in range(0, len(asked), AT_ONCE):
        before.ask(asked[start : start + AT_ONCE], take)
        booked |= before.booked({request_id for _, request_id in ids[start:]})
    assert len({request_id for _, request_id in ids}) == len(asked)
    whole = next(booked[request_id] for cut, request_id in ids if cut == uncut)
    least = next(booked[request_id] for cut, request_id in ids if cut == nothing)
    log = before.gateway.logged(next(request_id for cut, request_id in ids if cut == uncut))
    told_at = end_of_usage(before, name, log["api"])
    for cut, request_id in ids:
        entry = booked.pop(request_id, None)
        said = "no entry" if entry is None else wrong_charge(cut, entry, whole, least, len(stream.body), told_at)
        if said:
            failures.append((cut, f"{said}: {entry}, uncut {whole}"))
    assert booked == {}, "entries of requests that nobody made"
    return failures[:5]


def wrong_bytes(before: Bench, cut: Cut, answer: Answer) -> str:
    """What is not as it should be in what the caller was given; empty if all is."""
    row, stream = BY_ID[cut.row.removesuffix("-brief")], before.streams[cut.row]
    passed = stream.body[: cut.offset]
    if cut.how in CLEAN and not has_to_be_told(row, passed):
        return "" if answer.body == passed else f"not the bytes that were sent, but {answer.body!r}"
    if holds_back(row) and cut.how not in CLEAN:
        passed = stream.body[: stream.ends[bisect_right(stream.ends, cut.offset) - 1]]
    if cut.how == "reset":
        # What had come and was not read when the connection was reset is lost in the kernel (RFC 9293, 3.10.7.4).
        passed = passed[: same_beginning(passed, answer.body)]
    if not answer.body.startswith(passed):
        return f"not the bytes that were sent, but {answer.body!r}"
    last = answer.body[len(passed) :]
    if is_array(row):
        # Nothing can be said in an array that is not closed.
        return "" if not last else f"more than was sent: {last!r}"
    return "" if says_that_it_broke_off(row, last, answer.request_id) else f"a last event of {last!r}"


def same_beginning(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def has_to_be_told(row: dict[str, Any], passed: bytes) -> bool:
    """Whether a stream that is over in good order after `passed` has not said so, though its API always does, nor what went wrong."""
    api = SAYS_ITS_END.get(row["api"])
    if api is None or not row["response_content_type"].startswith("text/event-stream"):
        return False
    meter = codec_for(api).meter(strip_usage=False)
    meter.feed(passed)
    meter.finish()
    # Half an event reaches nobody.
    return not meter.complete and b"event: error" not in passed[: max(passed.rfind(b"\n\n"), 0)]


def says_that_it_broke_off(row: dict[str, Any], last: bytes, request_id: str) -> bool:
    message = b"The provider's stream broke off before its end"
    if row["response_content_type"] == "application/vnd.amazon.eventstream":
        frames = EventStreamBuffer()
        frames.add_data(last)
        (frame,) = frames
        return frame.headers[":message-type"] == "exception" and message in frame.payload
    return last.count(message) == 1 and request_id.encode() in last and last.endswith(b"\n")


def holds_back(row: dict[str, Any]) -> bool:
    """Whether Tollway itself asks for the usage of the stream, and takes it out: an event is passed on once it is whole."""
    if row["api"] not in ("chat.completions", "completions"):
        return False
    preset = BY_SLUG.get(slug_of(row))
    asked = (row["request"].get("stream_options") or {}).get("include_usage")
    return not asked and (preset is None or (preset.asks_usage and not preset.tells_usage))


def is_array(row: dict[str, Any]) -> bool:
    path, _, query = path_of(row).partition("?")
    return path.endswith(":streamGenerateContent") and "alt=sse" not in query


def end_of_usage(before: Bench, name: str, api: Any) -> int | None:
    """The end of the event that tells the last of the usage, as the API's own codec reads it; `None` if none does."""
    stream, meter = before.streams[name], codec_for(api).meter(strip_usage=False)
    told = [(0, meter.report().usage)]
    for start, end in zip(stream.ends, stream.ends[1:], strict=False):
        meter.feed(stream.body[start:end])
        told.append((end, meter.report().usage))
    if told[-1][1] is None:
        return None
    return next(end for end, usage in told if usage == told[-1][1])


def tokens_in(charge: Charge) -> int:
    return sum(line.quantity for line in charge.lines if line.meter in INPUT)


def wrong_charge(cut: Cut, entry: Booked, whole: Booked, least: Booked, length: int, told_at: int | None) -> str:
    """What is not as it should be in the ledger's entry; empty if all is.

    `whole` is the entry of the stream uncut, `least` that of one with a head and nothing behind it.
    """
    charge, full = entry.charge, whole.charge
    if entry.kinds != (("presumed" if charge.basis == "presumed" else "charge"),):
        return "not one entry of the right kind"
    if charge.amount <= 0:
        return "free"
    if charge.basis == "metered":
        if told_at is None or cut.offset == 0:
            return "metered without a usage"
        if charge.amount != full.amount and cut.row not in SEVERAL:
            return "metered at another amount than the whole stream"
    elif entry.bound is not None and charge.amount > entry.bound:
        return "above its hold"
    elif charge.basis == "presumed" and charge.amount != (entry.bound or charge.amount):
        return "presumed at another amount than its hold"
    elif charge.basis == "counted" and least.charge.basis != "counted":
        return "counted, though it may have made more than it showed"
    if cut.offset == length and cut.how in CLEAN and charge != full:
        return "not what the whole stream costs"
    if full.basis != "metered" or full.amount > (whole.bound or full.amount) or cut.row in SEVERAL:
        return ""
    if told_at is not None and cut.offset >= told_at and charge.amount < full.amount:
        return "less than the usage that was seen"
    if cut.row.endswith("-brief") or (least.charge.basis == "counted" and tokens_in(full) > tokens_in(least.charge)):
        # It tells of more than is in it; or of a longer prompt than the recording has, whose request was made up.
        return ""
    # What the provider had made by then: its input, and its output as far as it was sent.
    output = sum(line.amount for line in full.lines if line.meter not in INPUT)
    if charge.amount * length < (full.amount - output) * length + output * cut.offset:
        return "less than what was made by then"
    return ""
