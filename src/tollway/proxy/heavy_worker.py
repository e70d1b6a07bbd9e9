"""A process that reads and writes bodies for the gateway's own, which must not be held up by them.

Run as `python -m tollway.proxy.heavy_worker`, spoken to over its standard input and output, one call at a time. It
keeps nothing between two calls and ends when its input does, which is when the gateway has.
"""

import gc
import os
import resource
import signal
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal

import msgspec

from tollway.autorouting.task import Task, read_task
from tollway.providers.batch_bodies import read_requests
from tollway.providers.codec import Malformed
from tollway.providers.prompts import Counted
from tollway.providers.registry import codec_for
from tollway.providers.rewrite import Rewrite, written
from tollway.providers.vocabularies import Name
from tollway.proxy.apart import put_together, taken_apart
from tollway.proxy.tokens import count_all
from tollway.request import Api, Ask
from tollway.translate.wanted import Wanted
from tollway.usage import Report

LENGTHS_BYTES = 12
"""What a message begins with: the length of its head (4 bytes) and of its body (8 bytes), both big-endian."""


PART_REQUESTS = 50
"""Of a batch, sent back together, and unpacked together: a third of a millisecond."""

LARGEST_OTHER = 64 * 1024
"""Of an object that was cut in two, the part that is not kept apart."""

LARGEST_RSS = 512 * 1024 * (1024 if sys.platform == "darwin" else 1)
"""What it may grow by, in the unit of getrusage: half a gigabyte. Ten megabytes of empty objects take more while they are read."""


class ReadAsk(msgspec.Struct, frozen=True, tag="ask"):
    """`Codec.read_ask` of the body that follows."""

    api: Api
    path: str
    query: bytes
    content_type: bytes


class Write(msgspec.Struct, frozen=True, tag="write"):
    """The body that follows, with these changes; the new one is the reply's body."""

    rewrite: Rewrite


class ReadAnswer(msgspec.Struct, frozen=True, tag="answer"):
    """`Codec.read_answer` of the body that follows."""

    api: Api
    headers: tuple[tuple[bytes, bytes], ...]


class ReadEvents(msgspec.Struct, frozen=True, tag="events"):
    """Events that a meter has put aside: the body is a function, a reader and events, pickled by the gateway.

    The reply's body is the reader behind those events, and what the function said to each.
    """

    large: tuple[int, ...]
    """The lengths of what stands behind the pickle (see `apart`)."""


class ReadRequests(msgspec.Struct, frozen=True, tag="requests"):
    """The requests of a batch in the body that follows."""

    api: Api
    content_type: bytes


class Cut(msgspec.Struct, frozen=True, tag="cut"):
    """A field taken out of the JSON object in the body that follows.

    What `keeps` names is the reply's body, however large, and a JSON object; the other is its `other`.
    """

    field: str
    keeps: Literal["field", "rest"]


class CountTokens(msgspec.Struct, frozen=True, tag="tokens"):
    """Texts that a stream has shown, one behind the other in the body, to be counted; then the body of a request, if any."""

    vocabulary: Name
    lengths: tuple[int, ...]
    api: Api | None
    """Of the request whose prompt is to be counted as well."""


class Batch(msgspec.Struct, frozen=True):
    """`Requests` without the requests, which are the reply's body."""

    endpoint: str
    api: Api
    model: str
    lengths: tuple[int, ...]
    """Bytes of each part of the body: up to PART_REQUESTS requests."""
    count: int
    """Of all requests."""


class ReadTask(msgspec.Struct, frozen=True, tag="task"):
    """`read_task` of the body that follows."""

    api: Api


class TranslateBody(msgspec.Struct, frozen=True, tag="translate"):
    """The request in the body that follows, put into the words of another API.

    The reply's body is a pickle of what `Heavy.translate` gives; what could not be said is the reply's `untranslatable`.
    """

    wanted: Wanted


Call = TranslateBody | ReadAsk | Write | ReadAnswer | ReadEvents | ReadRequests | Cut | CountTokens | ReadTask


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a call; at most one of them."""

    ask: Ask | None = None
    malformed: Malformed | None = None
    report: Report | None = None
    batch: Batch | None = None
    other: bytes | None = None
    counted: Counted | None = None
    task: Task | None = None
    untranslatable: tuple[str, str] | None = None
    """The field, and why."""
    large: tuple[int, ...] = ()
    """The lengths of what stands at the end of the body, because it is large."""
    last: bool = False
    """The worker has grown large, and ends with this reply; a new one takes less."""


def packed(head: Call | Reply, body_length: int) -> bytes:
    """What is sent ahead of a body."""
    text = msgspec.msgpack.encode(head)
    return len(text).to_bytes(4) + body_length.to_bytes(8) + text


def lengths(prefix: bytes) -> tuple[int, int]:
    """The lengths of head and body."""
    return int.from_bytes(prefix[:4]), int.from_bytes(prefix[4:])


def carried_out(call: Call, body: bytes) -> tuple[Reply, bytes]:
    """The reply to a call, and its body."""
    match call:
        case ReadAsk():
            found = codec_for(call.api).read_ask(call.path, call.query, call.content_type, body)
            return (Reply(ask=found) if isinstance(found, Ask) else Reply(malformed=found)), b""
        case Write():
            return Reply(), written(body, call.rewrite)
        case ReadAnswer():
            return Reply(report=codec_for(call.api).read_answer(body, call.headers)), b""
        case ReadEvents():
            pickled = len(body) - sum(call.large)
            take, reader, events = put_together(body[:pickled], list(_cut(body, pickled, call.large)))
            said = [take(reader, event) for event in events]
            told, large = taken_apart((reader, said))
            return Reply(large=tuple(map(len, large))), b"".join((told, *large))
        case ReadRequests():
            requests = read_requests(call.api, call.content_type, body)
            if isinstance(requests, Malformed):
                return Reply(malformed=requests), b""
            found = tuple(requests.all)
            starts = range(0, len(found), PART_REQUESTS)
            parts = [msgspec.msgpack.encode(found[start : start + PART_REQUESTS]) for start in starts]
            batch = Batch(requests.endpoint, requests.api, requests.model, tuple(map(len, parts)), len(found))
            return Reply(batch=batch), b"".join(parts)
        case Cut():
            return _cut_out(call, body)
        case CountTokens():
            texts = [*_cut(body, 0, call.lengths)]
            rest = body[sum(call.lengths) :]
            return Reply(counted=count_all(call.vocabulary, texts, call.api, rest)), b""
        case TranslateBody():
            return _translated(call.wanted, body)
        case ReadTask():
            return Reply(task=read_task(call.api, body)), b""


def _translated(wanted: Wanted, body: bytes) -> tuple[Reply, bytes]:
    # Most workers are never asked for it.
    from tollway.translate.conversation import Untranslatable
    from tollway.translate.worded import worded

    try:
        found = worded(wanted, body)
    except Untranslatable as error:
        return Reply(untranslatable=(error.field, error.why)), b""
    except ValueError as error:
        return Reply(malformed=Malformed(str(error))), b""
    asked = codec_for(wanted.target).read_ask(found.sent.path, found.sent.query, b"application/json", found.sent.body)
    told, large = taken_apart((found.translation, found.sent, asked))
    return Reply(large=tuple(map(len, large))), b"".join((told, *large))


def _cut_out(call: Cut, body: bytes) -> tuple[Reply, bytes]:
    try:
        fields = _fields.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        return Reply(malformed=Malformed(f"The body is not a JSON object: {error}")), b""
    field = bytes(fields.pop(call.field, b""))
    rest = msgspec.json.encode(fields)
    kept, other = (field, rest) if call.keeps == "field" else (rest, field)
    if len(other) > LARGEST_OTHER:
        where = f'"{call.field}"' if call.keeps == "rest" else f'what stands beside "{call.field}"'
        return Reply(malformed=Malformed(f"{where} is larger than {LARGEST_OTHER:,} bytes.")), b""
    if kept and kept.lstrip()[:1] != b"{":
        return Reply(malformed=Malformed(f"{call.field}: is to be a JSON object.")), b""
    return Reply(other=other), kept


def _cut(body: bytes, start: int, lengths: tuple[int, ...]) -> Iterator[bytes]:
    for length in lengths:
        yield body[start : start + length]
        start += length


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers calls until there are no more."""
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Call)
    # On Linux a process begins with the peak of the one that started it, which may be large itself.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + LARGEST_RSS
    while len(prefix := source.read(LENGTHS_BYTES)) == LENGTHS_BYTES:
        head, body = (source.read(length) for length in lengths(prefix))
        reply, found = carried_out(decoder.decode(head), body)
        large = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > most
        if large:
            reply = msgspec.structs.replace(reply, last=True)
        sink.write(packed(reply, len(found)))
        sink.write(found)
        sink.flush()
        if large:
            return


def main() -> None:
    """Serves standard input. An interrupt from the keyboard is for the gateway, which ends this when it is done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A gateway that was killed is noticed by a reply that nobody takes; that is an end like any other.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Nothing else may speak on the line.
    os.dup2(2, 1)
    # What is made here lives as long as the process, and bodies have no cycles.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    # The first message says that it has started.
    sink.write(packed(Reply(), 0))
    sink.flush()
    serve(source, sink)


if __name__ == "__main__":
    main()
