"""AWS's binary event streams: read in any cut, written as AWS's own client reads them."""

import json
import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.model import ServiceModel
from botocore.parsers import EventStreamJSONParser
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.eventstream import Frame, Frames, error_frame, frame

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda name: len(name.encode()) < 256)
HEADERS = st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"), max_size=20), max_size=4)
MESSAGES = st.lists(st.tuples(HEADERS, st.binary(max_size=60)), max_size=5)


def theirs(data: bytes) -> list[tuple[dict[str, object], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def ours(*chunks: bytes) -> tuple[list[Frame], Frames]:
    frames = Frames()
    return [found for chunk in chunks for found in frames.feed(chunk)], frames


@given(MESSAGES)
def test_what_is_written_is_read_by_us_and_by_aws(messages: list[tuple[dict[str, str], bytes]]) -> None:
    data = b"".join(frame(headers, payload) for headers, payload in messages)
    assert [tuple(found) for found in ours(data)[0]] == theirs(data) == messages


@given(MESSAGES, st.data())
def test_a_stream_cut_anywhere_gives_the_same_frames(
    messages: list[tuple[dict[str, str], bytes]], data: st.DataObject
) -> None:
    stream = b"".join(frame(headers, payload) for headers, payload in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert ours(*chunks)[0] == ours(stream)[0]


@given(st.binary(max_size=200))
def test_nothing_that_comes_in_makes_it_raise(noise: bytes) -> None:
    found, frames = ours(noise)
    assert found == []
    assert frames.given_up or len(noise) < 12


@given(MESSAGES.filter(bool), st.data())
def test_a_changed_byte_is_never_read_as_a_frame(
    messages: list[tuple[dict[str, str], bytes]], data: st.DataObject
) -> None:
    stream = bytearray(b"".join(frame(headers, payload) for headers, payload in messages))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    found, frames = ours(bytes(stream))
    assert len(found) < len(messages)
    assert found == [Frame(*message) for message in messages[: len(found)]]
    assert frames.given_up


def raw(block: bytes, payload: bytes = b"") -> bytes:
    lengths = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    whole = lengths + struct.pack(">I", crc32(lengths)) + block + payload
    return whole + struct.pack(">I", crc32(whole))


def test_every_type_of_header_is_read_as_aws_reads_it() -> None:
    values = {
        b"yes": b"\0",
        b"no": b"\1",
        b"byte": b"\2\xff",
        b"short": b"\3\x01\x02",
        b"int": b"\4\xff\xff\xff\xfe",
        b"long": b"\5" + bytes(7) + b"\7",
        b"bytes": b"\6\0\3abc",
        b"text": b"\7\0\2hi",
        b"time": b"\x08" + bytes(6) + b"\1\0",
        b"uuid": b"\x09" + bytes(range(16)),
    }
    data = raw(b"".join(bytes((len(name),)) + name + value for name, value in values.items()), b"p")
    assert [tuple(found) for found in ours(data)[0]] == theirs(data)


@pytest.mark.parametrize(
    "block",
    [b"\5ab", b"\1a", b"\1a\x0a", b"\1a\7\0\x09hi", b"\1a\7\xff", b"\1\xff\0", b"\1a\7\0\1\xff", b"\1a\4\0"],
)
def test_malformed_headers_end_the_reading(block: bytes) -> None:
    found, frames = ours(raw(b""), raw(block), raw(b""))
    assert len(found) == 1
    assert frames.given_up


@pytest.mark.parametrize(
    ("total", "headers"), [(2**32 - 1, 0), (15, 0), (0, 0), (16, 1), (200_000, 131_073), (25_165_841, 0)]
)
def test_a_hostile_length_is_not_waited_for(total: int, headers: int) -> None:
    lengths = struct.pack(">II", total, headers)
    found, frames = ours(lengths + struct.pack(">I", crc32(lengths)), b"more")
    assert found == []
    assert frames.given_up
    assert len(frames.rest()) == 12
    assert frames.rest() == b""


def test_a_frame_as_large_as_aws_takes_is_waited_for() -> None:
    lengths = struct.pack(">II", 24 * 1024 * 1024 + 16, 0)
    assert not ours(lengths + struct.pack(">I", crc32(lengths)))[1].given_up


def test_an_exception_is_no_event() -> None:
    assert Frame({":message-type": "exception", ":event-type": "metadata"}, b"").kind == ""
    assert Frame({":message-type": "event", ":event-type": "metadata"}, b"").kind == "metadata"
    assert Frame({":event-type": "chunk"}, b"").kind == "chunk"
    assert Frame({":event-type": 3}, b"").kind == ""


@pytest.mark.parametrize("headers", [{"": "a"}, {"n" * 256: "a"}, {"a": "v" * 32768}])
def test_a_header_that_no_frame_can_hold_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="event stream"):
        frame(headers, b"")


def test_a_payload_that_no_frame_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="event stream"):
        frame({}, bytes(24 * 1024 * 1024 + 1))


MEMBERS = {
    name: {"shape": "Error"}
    for name in (
        "internalServerException",
        "modelStreamErrorException",
        "validationException",
        "throttlingException",
        "modelTimeoutException",
        "serviceUnavailableException",
    )
}
SERVICE = ServiceModel(
    {
        "metadata": {"protocol": "rest-json"},
        "shapes": {
            "Stream": {"type": "structure", "eventstream": True, "members": MEMBERS},
            "Error": {"type": "structure", "exception": True, "members": {"message": {"shape": "Text"}}},
            "Text": {"type": "string"},
        },
    }
)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "validationException"),
        (403, "validationException"),
        (408, "modelTimeoutException"),
        (424, "modelStreamErrorException"),
        (429, "throttlingException"),
        (500, "internalServerException"),
        (502, "internalServerException"),
        (503, "serviceUnavailableException"),
    ],
)
def test_an_error_frame_is_raised_by_boto3_with_its_code_and_message(status: int, code: str) -> None:
    buffer = EventStreamBuffer()
    message = 'Budget "ml-frontier" is exhausted: $5 of $5 spent — ask ü.'
    buffer.add_data(error_frame(status, message))
    parsed = EventStreamJSONParser().parse(next(buffer).to_response_dict(), SERVICE.shape_for("Stream"))
    assert parsed["Error"] == {"Code": code, "Message": message}


def test_an_error_frame_says_so_in_json() -> None:
    (found,), _ = ours(error_frame(429, "no"))
    assert json.loads(found.payload) == {"message": "no"}
    assert found.kind == ""
