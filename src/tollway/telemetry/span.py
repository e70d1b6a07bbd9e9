"""A span as it is exported, whatever the encoding."""

from typing import Literal, NamedTuple

Value = str | bool | int | float | list[str]
Attributes = dict[str, Value]
Kind = Literal["server", "client"]


class Span(NamedTuple):
    """A piece of work with its beginning and end."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: Kind
    start_ns: int
    """Nanoseconds since 1970."""
    end_ns: int
    attributes: Attributes
    error: str = ""
    """Why it failed; empty where it did not."""
    flags: int = 1
    state: str = ""
