"""A provider whose streams break off where they are told to: run as a program, it prints its address and serves.

`cutting_provider.py responses.jsonl`: the header `x-cut: ROW OFFSET HOW` names the recorded stream, how many bytes of its
body are sent, and how the answer then ends:

    ended    chunked, one event a chunk; the connection ends without the last chunk
    reset    the same, but the connection is reset
    short    a content-length that is never reached
    closed   no length at all: the end of the connection is the end of the body
    whole    chunked, and ended as it should be: a stream that just stops
"""

import asyncio
import base64
import itertools
import json
import socket
import struct
import sys
from bisect import bisect_right
from pathlib import Path
from typing import Any

import uvloop

WAYS = ("ended", "closed", "reset", "short", "whole")
CLEAN = ("closed", "whole")
"""The ways that HTTP cannot tell from an end as it should be."""


def body_of(row: dict[str, Any]) -> bytes:
    """The recorded answer."""
    return base64.b64decode(row["response_b64"]) if row.get("response_b64") else (row["response"] or "").encode()


def ends_of_events(row: dict[str, Any]) -> list[int]:
    """The offset behind each event of a stream: a frame, a server-sent event or a line. The last is the body's length."""
    body = body_of(row)
    if "amazon.eventstream" in (row.get("response_content_type") or ""):
        lengths = []
        while (at := sum(lengths)) < len(body):
            lengths.append(struct.unpack_from(">I", body, at)[0])
        return list(itertools.accumulate(lengths))
    event_stream = body.startswith((b"data:", b"event:", b":", b"id:"))
    separator = (b"\r\n\r\n" if b"\r\n\r\n" in body else b"\n\n") if event_stream else b"\n"
    ends, at = [], 0
    while (found := body.find(separator, at)) >= 0:
        at = found + len(separator)
        ends.append(at)
    return ends if ends and ends[-1] == len(body) else [*ends, len(body)]


class Stream:
    """A recorded stream, ready to be cut. `brief`: only its first event, the one in the middle and the last two."""

    def __init__(self, row: dict[str, Any], *, brief: bool = False) -> None:
        body, ends = body_of(row), [0, *ends_of_events(row)]
        events = [body[start:end] for start, end in itertools.pairwise(ends)]
        if brief and len(events) > 4:
            events = [events[0], events[len(events) // 2], *events[-2:]]
        self.body = b"".join(events)
        self.ends = [0, *itertools.accumulate(map(len, events))]
        self.chunked = b"".join(_chunk(self.body[start:end]) for start, end in itertools.pairwise(self.ends))
        self.chunked_ends = [0]
        for start, end in itertools.pairwise(self.ends):
            self.chunked_ends.append(self.chunked_ends[-1] + len(_chunk(self.body[start:end])))
        content_type = row["response_content_type"] or "application/json"
        self.head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n".encode()

    def cut(self, offset: int, how: str) -> bytes:
        """What is sent of an answer that ends so."""
        if how == "short":
            return self.head + b"content-length: %d\r\n\r\n" % (len(self.body) + 1) + self.body[:offset]
        if how == "closed":
            return self.head + b"connection: close\r\n\r\n" + self.body[:offset]
        event = bisect_right(self.ends, offset) - 1
        sent = self.chunked[: self.chunked_ends[event]] + _chunk(self.body[self.ends[event] : offset])
        return self.head + b"transfer-encoding: chunked\r\n\r\n" + sent + (b"0\r\n\r\n" if how == "whole" else b"")


def streams_of(rows: list[dict[str, Any]]) -> dict[str, Stream]:
    """The streams by the name of their row, and their brief forms, named `ROW-brief`."""
    streams = {row["id"]: Stream(row) for row in rows}
    return streams | {f"{row['id']}-brief": Stream(row, brief=True) for row in rows}


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""


class Provider(asyncio.Protocol):
    """One connection."""

    def __init__(self, streams: dict[str, Stream]) -> None:
        self._streams = streams
        self._received = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        lines = bytes(self._received[:end]).split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
        length = end + 4 + int(headers.get(b"content-length", b"0"))
        if len(self._received) < length:
            return
        del self._received[:length]
        row, offset, how = headers[b"x-cut"].decode().split()
        self._transport.write(self._streams[row].cut(int(offset), how))
        if how == "reset":
            # Linger on, for no time: closing discards what is unsent, and resets.
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if how != "whole":
            self._transport.close()


async def serve(streams: dict[str, Stream]) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Provider(streams), "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    recorded = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    uvloop.run(serve(streams_of([row for row in recorded if row["stream"]])))
