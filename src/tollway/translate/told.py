"""The neutral form of an answer, whole or as it comes."""

from typing import Literal

import msgspec

from tollway.translate.conversation import Declined, Kind, Media, Text, Thought, ToolCall
from tollway.usage import Usage

Stop = Literal["end", "length", "tool_calls", "stop_sequence", "filtered", "declined", "paused"]
"""Why the answer ended. filtered: the provider's safety filter; declined: the model's own refusal; paused: Anthropic's
`pause_turn`."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, of one choice."""

    id: str = ""
    model: str = ""
    created: int | None = None
    """Unix seconds, where the API says it."""
    parts: tuple[Text | Thought | ToolCall | Declined | Media, ...] = ()
    stop: Stop | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    service_tier: str | None = None
    lost: tuple[str, ...] = ()
    failed: "Failed | None" = None
    """An answer that says itself that it failed, though its HTTP status was 200 (Responses: status "failed")."""


class Failed(msgspec.Struct, frozen=True):
    """An error, whole or in a stream, in the provider's own words."""

    message: str
    kind: str = ""
    """As the provider calls it: "overloaded_error", "RESOURCE_EXHAUSTED"."""
    code: str | None = None
    status: int | None = None
    """The HTTP status it has, or would have."""
    unreadable: bool = False
    """It is no error of the API, but no answer of it either."""


# A stream is: Begun, then for each part a PartBegun, its deltas and a PartEnded, then Stopped, and Over. Parts do not overlap in
# what a reader yields, but for tool calls that an API streams side by side (OpenAI chat): `index` tells them apart. Usage may come
# with Begun, with Stopped, or by itself; the last word wins, field by field.


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    id: str = ""
    model: str = ""
    created: int | None = None
    usage: Usage | None = None


class PartBegun(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    """Counted up from 0 over all parts of the answer."""
    kind: Literal["text", "thought", "tool_call", "declined"]
    id: str | None = None
    """tool_call: its id; thought: OpenAI's item id."""
    name: str | None = None
    redacted: bool = False


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """More of a part: text, thought, the JSON text of a call's arguments, or a refusal's words."""

    index: int
    text: str


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """The signature of the part, which is whole now."""

    index: int
    signature: tuple[Kind, str]


class Cited(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    citation: dict[str, object]


class PartEnded(msgspec.Struct, frozen=True):
    index: int


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    stop: Stop | None
    stop_sequence: str | None = None
    usage: Usage | None = None


class Used(msgspec.Struct, frozen=True):
    """What was used until now, told by itself."""

    usage: Usage


class Over(msgspec.Struct, frozen=True):
    """The stream's own end was seen."""


Event = Begun | PartBegun | Delta | Signed | Cited | PartEnded | Stopped | Used | Over | Failed
