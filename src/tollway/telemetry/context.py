"""Which trace a request belongs to: the caller's (W3C Trace Context), or one of its own, named by its request id."""

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from tollway.telemetry.destination import RATIO_ONE, Sampler

# W3C Trace Context, 3.2.2: version, trace id, parent id, flags; later versions may have more behind them.
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_TRACE_ID = re.compile(rb"[0-9a-fA-F]{32}")
_SPAN_ID = re.compile(rb"[0-9a-fA-F]{16}")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_LONGEST_STATE = 512
_HEADERS = frozenset(
    {
        b"traceparent", b"tracestate", b"cf-aig-otel-trace-id", b"cf-aig-otel-parent-span-id",
        b"tollway-otel-trace-id", b"tollway-otel-parent-span-id",
    }
)  # fmt: skip


class Trace(NamedTuple):
    """Where the span of a request hangs."""

    trace_id: str
    """32 hexadecimal digits."""
    parent_id: str = ""
    """16; empty for the first span of a trace."""
    flags: int = 1
    state: str = ""

    @property
    def sampled(self) -> bool:
        return bool(self.flags & 1)


def trace_of(request_id: str, headers: Iterable[tuple[bytes, bytes]]) -> Trace:
    """By the caller's headers, names in lower case. `traceparent` beats Cloudflare's two headers; what cannot be read is as if
    it were not there. Without any, the trace has the id of the request, so that log and trace find each other."""
    own = Trace(request_id.replace("-", ""))
    said: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _HEADERS:
            # W3C Trace Context, 3.2.1: more than one traceparent is none; of tracestate, the parts are one list.
            said[name] = value if name not in said else said[name] + b"," + value
    if not said:
        return own
    found = _TRACEPARENT.fullmatch(said.get(b"traceparent", b"").strip())
    if found is not None and found[1] != b"ff" and not (found[1] == b"00" and found[5] is not None):
        trace_id, parent_id = found[2].decode(), found[3].decode()
        if trace_id != _NO_TRACE and parent_id != _NO_SPAN:
            state = said.get(b"tracestate", b"").strip()
            kept = state.decode("ascii", "ignore") if len(state) <= _LONGEST_STATE else ""
            return Trace(trace_id, parent_id, int(found[4], 16) & 1, kept)
    named = said.get(b"tollway-otel-trace-id", said.get(b"cf-aig-otel-trace-id", b"")).strip()
    if _TRACE_ID.fullmatch(named) is None or named == _NO_TRACE.encode():
        return own
    parent = said.get(b"tollway-otel-parent-span-id", said.get(b"cf-aig-otel-parent-span-id", b"")).strip()
    known = _SPAN_ID.fullmatch(parent) is not None and parent != _NO_SPAN.encode()
    return Trace(named.decode().lower(), parent.decode().lower() if known else "")


def span_id(request_id: str, attempt: int = 0) -> str:
    """The id of a request's span (0), or of one of its tries: always the same, so that what is sent twice is one."""
    return hashlib.blake2b(f"{request_id}.{attempt}".encode(), digest_size=8).hexdigest()


def traceparent(trace: Trace, span: str) -> bytes:
    """The header that makes `span` the parent of what comes behind it."""
    return f"00-{trace.trace_id}-{span}-{trace.flags:02x}".encode()


def is_sampled(trace: Trace, sampler: Sampler, ratio: int) -> bool:
    """Whether the request becomes spans. `ratio` is in 2^56ths, of the random part of the trace's id."""
    kind = sampler
    if sampler.startswith("parentbased_"):
        if trace.parent_id:
            return trace.sampled
        kind = sampler.removeprefix("parentbased_")
    if kind == "traceidratio":
        # W3C Trace Context 2, 3.2.2.3.1: the last seven bytes are random.
        return int(trace.trace_id[18:], 16) >= RATIO_ONE - ratio
    return kind == "always_on"
