"""Spoiling what a provider or a caller sends: JSON by its structure, streams by their framing, and any bytes by chance."""

import base64
import struct
from binascii import crc32
from contextlib import suppress
from random import Random
from typing import Any

import msgspec

from tollway.providers.eventstream import Frames, frame

ODD_VALUES: tuple[bytes, ...] = (
    b"0", b"1", b"2", b"7", b"-1", b"-3", b"999", b"1000", b"100000001", b"1000000000000", b"1000000000001", b"-0", b"0.0",
    b"9223372036854775807", b"9223372036854775808", b"1000000000000000000000000000000", b"0.5", b"-0.5", b"1.5", b"12.0",
    b"1e3", b"1e30", b"1e308", b"1e-9", b"1e400", b"-1e400", b"NaN", b"Infinity", b"-Infinity", b"null", b"true", b"false",
    b'""', b'"0"', b'"12"', b'"-12"', b'" 7 "', b'"1e9"', b'"NaN"', b'"Infinity"', b'"null"', b'"\xc2\xb2"',
    b'"\xd9\xa1\xd9\xa2"', b'"a"', b'"stop"', b'"data: {}"', b'"[DONE]"', b'"\\ud800"', b'"\\u0000"', b'"\\ud83d\\ude00"',
    b'"a\\nb"', b"[]", b"{}", b"[null]", b"[[]]", b"[{}]", b'{"":0}', b"[1,2,3]", b'{"a":1,"a":2}',
    b'{"input_tokens":-5}', b'{"usage":{"input_tokens":7}}', b"00", b"01", b".5", b"1.", b"'x'", b"tru",
)  # fmt: skip
"""JSON, nearly JSON, and what never was."""

_DEEP = b"[" * 70 + b"]" * 70
_VERY_DEEP = b'{"a":' * 600 + b"1" + b"}" * 600
_LONG_KEY = b"k" * 600
_MONEY = ("token", "usage", "cost", "unit", "count", "max", "n", "model", "search", "seconds", "pages", "type", "tier")
_MOST_SLOTS = 400
_BYTES: tuple[bytes, ...] = (
    b"\xff", b"\x00", b"\xed\xa0\x80", b"\xc3", b"\xef\xbb\xbf", b"\r", b"\n", b"\n\n", b"\r\n\r\n", b'"', b"\\", b"{", b"}",
    b"[", b"]", b",", b":", b"data:", b"data: [DONE]\n\n", b"event: x\n", b": ping\n\n", b'"usage"', b"-", b"9", b"e9", b" ",
)  # fmt: skip


class Mutator:
    """Spoils bytes, by the lots of `random`. `spare` are values from elsewhere that may be put in, `names` keys."""

    def __init__(self, random: Random, names: list[str], spare: list[Any]) -> None:
        self._random = random
        self._names = names
        self._spare = spare

    def body(self, body: bytes) -> bytes:
        """A whole body, spoiled by its structure, by its bytes, by both, or not at all."""
        lot = self._random.random()
        if lot < 0.75:
            body = self.json(body)
        if lot > 0.65:
            body = self.flipped(body)
        return body

    def stream(self, body: bytes) -> bytes:
        """A stream, spoiled in its events, its framing, its bytes, and cut off."""
        random = self._random
        if random.random() < 0.8:
            body = self._frames(body) if body[:1] == b"\0" else self._events(body)
        if random.random() < 0.15:
            body = self.flipped(body)
        if random.random() < 0.15:
            body = body[: random.randrange(len(body) + 1)]
        return body

    def json(self, text: bytes) -> bytes:
        """JSON with a few of its values changed; bytes changed where it is none."""
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self.flipped(text)
        for _ in range(self._random.choice((1, 1, 1, 2, 2, 3, 5))):
            value = self._changed(value)
        changed = msgspec.json.encode(value)
        if self._random.random() < 0.1:
            with suppress(msgspec.DecodeError, RecursionError):
                return msgspec.json.format(changed, indent=2)
        return changed

    def flipped(self, body: bytes) -> bytes:
        """A few bytes flipped, cut out, put in or said twice."""
        random, found = self._random, bytearray(body)
        for _ in range(random.choice((1, 1, 2, 4))):
            at = random.randrange(len(found) + 1)
            end = min(len(found), at + random.choice((1, 1, 2, 5, 40)))
            match random.randrange(6):
                case 0 if at < len(found):
                    found[at] ^= 1 << random.randrange(8)
                case 1:
                    del found[at:end]
                case 2:
                    found[at:at] = random.choice(_BYTES)
                case 3:
                    found[at:at] = found[at:end] * random.choice((1, 1, 3))
                case 4:
                    found[at:end] = random.choice(_BYTES)
                case _ if random.random() < 0.2:
                    found[:0] = random.choice(_BYTES)
                case _:
                    pass
        return bytes(found)

    def cuts(self, length: int) -> list[int]:
        """Where a stream of that length is cut into chunks."""
        random = self._random
        if length < 400 and random.random() < 0.2:
            return list(range(1, length))
        return sorted(random.randrange(length + 1) for _ in range(random.choice((1, 2, 3, 8))))

    def _changed(self, value: Any) -> Any:
        random = self._random
        slots = _slots(value)
        if not slots:
            return msgspec.Raw(random.choice(ODD_VALUES))
        weighty = [slot for slot in slots if type(slot[1]) is str and any(word in slot[1].lower() for word in _MONEY)]
        holder, key = random.choice(weighty if weighty and random.random() < 0.6 else slots)
        match random.randrange(12):
            case 0 | 1 | 2 | 3:
                holder[key] = msgspec.Raw(random.choice(ODD_VALUES))
            case 4:
                del holder[key]
            case 5:
                other, there = random.choice(slots)
                if isinstance(holder[key], dict | list) or isinstance(other[there], dict | list):
                    # Not swapped, as one of them may hold the other.
                    holder[key] = msgspec.Raw(random.choice(ODD_VALUES))
                else:
                    holder[key], other[there] = other[there], holder[key]
            case 6 if isinstance(holder, dict):
                holder[random.choice(self._names)] = holder.pop(key)
            case 7 if isinstance(holder, dict):
                holder[random.choice(self._names)] = msgspec.Raw(random.choice(ODD_VALUES))
            case 8:
                holder[key] = random.choice(([holder[key]], {"a": holder[key]}, [holder[key]] * 3))
            case 9:
                holder[key] = msgspec.Raw(msgspec.json.encode(random.choice(self._spare)))
            case 10 if isinstance(holder, dict) and isinstance(holder[key], dict) and holder[key]:
                holder[key] = _doubled(holder[key], random)
            case 10 if isinstance(holder[key], int | float):
                holder[key] = random.choice((-holder[key], holder[key] * 10**6, holder[key] * 1.5, str(holder[key])))
            case 11 if random.random() < 0.2:
                if isinstance(holder, dict):
                    holder[_LONG_KEY.decode()] = 1
                holder[key] = msgspec.Raw(random.choice((_DEEP, _VERY_DEEP)))
            case _:
                holder[key] = msgspec.Raw(random.choice(ODD_VALUES))
        if holder is value and isinstance(holder, dict) and holder and random.random() < 0.05:
            return _doubled(holder, random)
        return value

    def _events(self, body: bytes) -> bytes:
        """The events of a text stream changed, dropped, doubled, moved, or ended in another way."""
        random = self._random
        blank = b"\r\n\r\n" if b"\r\n\r\n" in body else b"\n\n" if b"data:" in body else b"\n"
        events = body.split(blank)
        for _ in range(random.choice((1, 1, 2, 3))):
            at = random.randrange(len(events))
            match random.randrange(8):
                case 0:
                    del events[at]
                case 1:
                    events.insert(at, events[at])
                case 2:
                    events.insert(random.randrange(len(events)), events.pop(at))
                case 3:
                    events.insert(
                        at, random.choice((b"data: [DONE]", b": ping", b"data:", b"event: error", b"\xff", b"data: {}"))
                    )
                case _:
                    events[at] = self._event(events[at])
            if not events:
                return b""
        return random.choice((blank, blank, blank, blank, b"\r\n\r\n", b"\n\n", b"\n", b"\n\n\n")).join(events)

    def _event(self, event: bytes) -> bytes:
        before, found, data = event.partition(b"data:")
        if not found:
            return self.json(event)
        data = self.json(data.strip())
        return before + self._random.choice((b"data: ", b"data: ", b"data:", b"data:  ")) + data

    def _frames(self, body: bytes) -> bytes:
        """The frames of AWS's event stream changed, dropped, doubled, or with false lengths and checksums."""
        random = self._random
        found = Frames().feed(body)
        if not found:
            return self.flipped(body)
        pieces: list[bytes] = []
        chosen = random.randrange(len(found))
        for index, one in enumerate(found):
            headers = {name: value for name, value in one.headers.items() if isinstance(value, str)}
            payload = one.payload
            if index == chosen:
                match random.randrange(8):
                    case 0:
                        continue
                    case 1:
                        pieces.append(frame(headers, payload))
                    case 2 if headers:
                        headers[random.choice(list(headers))] = random.choice(
                            ("", "exception", "metadata", "chunk", "x")
                        )
                    case _:
                        payload = self._payload(payload)
            whole = frame(headers, payload)
            pieces.append(self._broken(whole) if index == chosen and random.random() < 0.25 else whole)
        return b"".join(pieces)

    def _payload(self, payload: bytes) -> bytes:
        try:
            inner = base64.b64decode(msgspec.json.decode(payload)["bytes"])
        except (ValueError, KeyError, TypeError):
            return self.json(payload)
        return msgspec.json.encode({"bytes": base64.b64encode(self.json(inner)).decode(), "p": "abc"})

    def _broken(self, whole: bytes) -> bytes:
        """A frame with a length or a checksum that is wrong, or right for what it wrongly says."""
        random = self._random
        total, headers, _ = struct.unpack_from(">III", whole)
        if headers and random.random() < 0.5:
            spoilt = bytearray(whole[:-4])
            spoilt[12 + random.randrange(headers)] = random.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 40, 255))
            return bytes(spoilt) + struct.pack(">I", crc32(spoilt))
        total, headers = random.choice(
            (
                (total + 1, headers),
                (total - 1, headers),
                (16, 0),
                (0, 0),
                (2**32 - 1, 0),
                (total, headers + 1),
                (total, 2**31),
            )
        )
        lengths = struct.pack(">II", total % 2**32, headers % 2**32)
        prelude = lengths + struct.pack(">I", crc32(lengths) if random.random() < 0.7 else 7)
        return prelude + whole[12:]


def _slots(value: Any) -> list[tuple[Any, Any]]:
    """Where in `value` something stands: the object or array, and the key."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < _MOST_SLOTS:
        holder = waiting.pop()
        keys = (
            list(holder)
            if isinstance(holder, dict)
            else range(min(len(holder), 20))
            if isinstance(holder, list)
            else ()
        )
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found


def _doubled(value: dict[str, Any], random: Random) -> msgspec.Raw:
    """An object with one of its keys twice."""
    pairs = [(key, msgspec.json.encode(inner)) for key, inner in value.items()]
    key, text = random.choice(pairs)
    pairs.insert(random.randrange(len(pairs) + 1), (key, random.choice((text, *ODD_VALUES))))
    return msgspec.Raw(b"{" + b",".join(msgspec.json.encode(key) + b":" + text for key, text in pairs) + b"}")
