"""How long reading takes against how much there is to read: bodies that are made of one thing, many times over."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import NamedTuple

from fuzz_seeds import Seed

from tollway.providers.eventstream import frame
from tollway.providers.registry import codec_for

TIMES = 10
"""How much longer the longer body is."""
_FAIR = 5
"""How much more than in proportion it may take: caches are smaller than bodies, and garbage is collected. What grows with
the square of the length takes ten times more."""
_NOTICED_S = 0.1


class Growth(NamedTuple):
    """One body, in two lengths."""

    api: str
    act: str
    shape: str
    length: int
    seconds: float
    ratio: float

    @property
    def fair(self) -> bool:
        """Whether the time grows no faster than the length."""
        return self.seconds < _NOTICED_S or self.ratio <= TIMES * _FAIR


def _repeated(start: bytes, middle: bytes, end: bytes, join: bytes = b",") -> Callable[[int], bytes]:
    return lambda length: start + join.join([middle] * (length // (len(middle) + len(join)))) + end


def _numbered(start: bytes, middle: bytes, end: bytes) -> Callable[[int], bytes]:
    return lambda length: start + b",".join(middle % index for index in range(length // (len(middle) + 4))) + end


_DELTA = frame({":event-type": "contentBlockDelta", ":message-type": "event"}, b'{"delta":{"text":"a"}}')
_FIELD = b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nw'
_IMAGE = b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:'

SHAPES: dict[str, Callable[[int], bytes]] = {
    "spaces": _repeated(b"", b" ", b"", b""),
    "blank lines": _repeated(b"", b"\n", b"", b""),
    "blank lines with returns": _repeated(b"", b"\r\n", b"", b""),
    "quotes": _repeated(b"", b'"', b"", b""),
    "backslashes": _repeated(b'{"a":"', b"\\\\", b'"}', b""),
    "open braces": _repeated(b"", b"{", b"", b""),
    "open brackets": _repeated(b"", b"[", b"", b""),
    "nested objects": _repeated(b"", b'{"a":', b"", b""),
    "many keys": _numbered(b"{", b'"k%d":1', b"}"),
    "one key many times": _repeated(b"{", b'"k":1', b"}"),
    "many nested keys": _numbered(b'{"usage":{', b'"k%d_tokens":1', b'},"stream_options":{"a":1}}'),
    "many messages": _repeated(
        b'{"model":"m","messages":[', b'{"role":"user","content":[{"type":"text","text":"a"}]}', b"]}"
    ),
    "many inputs": _repeated(b'{"model":"m","prompt":"a","input":[', b'"a"', b"]}"),
    "many tools": _numbered(b'{"messages":[],"tools":[', b'{"type":"search_a%d"}', b"]}"),
    "many native tools": _numbered(b'{"contents":[],"tools":[', b'{"search%d":{}}', b"]}"),
    "many parts": _repeated(
        b'{"contents":[', b'{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}', b"]}"
    ),
    "many documents": _repeated(b'{"query":"q","documents":[', b'"d"', b"]}"),
    "many instances": _repeated(b'{"instances":[', b'{"content":"a"}', b"]}"),
    "many requests": _repeated(b'{"requests":[', b'{"content":{"parts":[{"text":"a"}]}}', b"]}"),
    "a long text": _repeated(b'{"model":"m","prompt":"', b"a", b'"}', b""),
    "a long name": _repeated(b'{"model":"', b"m", b'","usage":{"input_tokens":7}}', b""),
    "a long number": _repeated(b'{"max_tokens":1', b"1", b',"usage":{"prompt_tokens":7}}', b""),
    "a long count": _repeated(b'{"usage":{"prompt_tokens":1', b"1", b"}}", b""),
    "a long cost": _repeated(b'{"usage":{"cost":0.1', b"1", b',"cost_in_usd_ticks":1}}', b""),
    "a long count in text": _repeated(b'{"usage":{"prompt_tokens":"1', b"1", b'","cost":"1"}}', b""),
    "an image": _repeated(_IMAGE + b"image/png;base64,", b"A", b'"}}]}]}', b""),
    "an image with many marks": _repeated(_IMAGE, b";a", b'"}}]}]}', b""),
    "many deltas": _repeated(b"", b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', b"", b""),
    "many lines": _repeated(b"", b'{"response":"a","done":false}\n', b"", b""),
    "many usages": _repeated(b"", b'data: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n', b"", b""),
    "many lines of data": _repeated(b"", b"data: a\n", b"", b""),
    "many comments": _repeated(b"", b": a\n", b"", b""),
    "one long event": _repeated(b'data: {"a":"', b"x", b'"}\n\n', b""),
    "an array": _repeated(b"[", b'{"candidates":[]}', b"]"),
    "many steps": _repeated(
        b'{"type":"message","usage":{"input_tokens":1,"iterations":[', b'{"input_tokens":1,"output_tokens":1}', b"]}}"
    ),
    "many pictures": _repeated(b'{"created":1,"data":[', b'{"url":"a"}', b"]}"),
    "many calls": _repeated(b'{"output":[', b'{"type":"web_search_call"}', b'],"usage":{"input_tokens":1}}'),
    "many fields": _repeated(b"", _FIELD, b"\r\n--x--", b"\r\n"),
    "many boundaries": _repeated(b"", b"--x", b"", b"\r\n"),
    "nothing": _repeated(b"", b"\0", b"", b""),
    "many frames": _repeated(b"", _DELTA, b"", b""),
}


def measured(seed: Seed, length: int, shapes: dict[str, Callable[[int], bytes]] = SHAPES) -> Iterator[Growth]:
    """How the time to read each shape grows from a tenth of `length` bytes to all of it."""
    codec = codec_for(seed.api)

    def streamed(body: bytes, piece: int) -> None:
        meter = codec.meter(strip_usage=True)
        for start in range(0, len(body), piece):
            meter.feed(body[start : start + piece])
        meter.finish()
        meter.report()

    acts: dict[str, Callable[[bytes], object]] = {
        "answer": codec.read_answer,
        "request": lambda body: codec.read_ask(seed.path, b"", seed.content_type, body),
        "stream": lambda body: streamed(body, len(body)),
        "stream in pieces": lambda body: streamed(body, 256),
    }
    for shape, made in shapes.items():
        short, long = made(length // TIMES), made(length)
        for name, act in acts.items():
            seconds = _seconds(act, long)
            if seconds < _NOTICED_S:
                yield Growth(seed.api, name, shape, len(long), seconds, 1.0)
                continue
            # Others may have had the processor: the best of a few counts.
            seconds = min(seconds, *(_seconds(act, long) for _ in range(2)))
            before = min(_seconds(act, short) for _ in range(5))
            yield Growth(seed.api, name, shape, len(long), seconds, seconds / max(before, 1e-6))


def _seconds(act: Callable[[bytes], object], body: bytes) -> float:
    started = perf_counter()
    act(body)
    return perf_counter() - started
