"""The neutral form of a request: a conversation, its tools, and how the answer is to be made.

It has what at least two of the APIs have. What a reader meets and cannot put here it refuses (`Untranslatable`) or names in
`Request.lost`; a writer does the same with what its own API has no place for. Opaque things that only their maker understands
(signatures of thoughts) carry the API they came from, and are left out, and named, where another one is to answer.
"""

from typing import Any, Literal

import msgspec

Kind = Literal["openai.chat", "openai.responses", "anthropic.messages", "google.generate"]
"""The APIs that can be translated into each other, as `request.Api` calls them."""


class Untranslatable(Exception):
    """What is asked for cannot be said in the other API. `field` names where it stands, `why` says what to do instead."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class Cached(msgspec.Struct, frozen=True):
    """Everything up to here is to be kept in the provider's prompt cache."""

    ttl: Literal["5m", "1h"] = "5m"


class Text(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    citations: tuple[dict[str, Any], ...] = ()
    """As the API wrote them that they come from; only answers have any."""
    cached: Cached | None = None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, a document, a sound or a film: exactly one of `data`, `url` and `file_id`."""

    kind: Literal["image", "document", "audio", "video"]
    media_type: str = ""
    """Empty where a URL does not tell."""
    data: str | None = None
    """base64."""
    url: str | None = None
    file_id: str | None = None
    """A file the provider keeps; it means nothing to another provider, so translating one is refused."""
    name: str | None = None
    detail: str | None = None
    """OpenAI's: "low", "high", "auto"; it decides what a picture costs."""
    cached: Cached | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """The model wants a tool to be run."""

    id: str
    """Where an API has none (Gemini), one is made of the call's place: "call_0", "call_1", unique in the conversation."""
    name: str
    arguments: str
    """JSON text, as it came where the API has text; "{}" where there are none."""
    signature: tuple[Kind, str] | None = None
    """Gemini's `thoughtSignature`, which has to come back with the call."""
    cached: Cached | None = None


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str | None = None
    """Of the tool; Gemini needs it, so writers look the call up by its id."""
    parts: "tuple[Text | Media, ...]" = ()
    failed: bool = False
    cached: Cached | None = None


class Thought(msgspec.Struct, frozen=True, kw_only=True):
    """What the model thought before it answered."""

    text: str = ""
    signature: tuple[Kind, str] | None = None
    """What proves it to the API that made it: Anthropic's `signature`, OpenAI's `encrypted_content`, Gemini's `thoughtSignature`."""
    redacted: bool = False
    """There is no text to show; `signature` holds the whole of it."""
    id: str | None = None


class Declined(msgspec.Struct, frozen=True):
    """The model's refusal, where the API tells it apart from an answer."""

    text: str


Part = Text | Media | ToolCall | ToolResult | Thought | Declined


class Turn(msgspec.Struct, frozen=True):
    """What one side said. `system` stands among the turns only where it came amid the conversation."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]
    name: str | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the caller runs. Tools that a provider runs cost money and differ: they are refused."""

    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    """JSON Schema of its arguments."""
    strict: bool | None = None
    cached: Cached | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether and which tools may be called."""

    mode: Literal["auto", "none", "required", "tool"] = "auto"
    """tool: the one called `name`."""
    name: str | None = None
    allowed: tuple[str, ...] = ()
    """Only these; empty: all."""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """The form of the answer."""

    kind: Literal["text", "json", "schema"] = "text"
    schema: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How much is to be thought before. At most one of `effort` and `tokens` is set by a reader; writers convert
    (`effort_of`, `tokens_of`)."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    tokens: int | None = None
    """A budget of thinking tokens; 0 switches it off, -1 leaves it to the model."""
    adaptive: bool = False
    """Anthropic: the model decides how much."""
    shown: bool | None = None
    """Whether the thoughts, or a summary of them, are to be in the answer; `None`: as the API does by itself."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A whole request. `None` is "not said", everywhere."""

    model: str
    system: tuple[Text, ...] = ()
    """What stands before the conversation."""
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Choice | None = None
    parallel_calls: bool | None = None
    output: Output | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    reasoning: Reasoning | None = None
    verbosity: str | None = None
    stream: bool = False
    include_usage: bool = False
    """OpenAI chat streams: the caller asked for the usage chunk."""
    user: str | None = None
    """Who the caller says it is asking for."""
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    """It decides the price, so it is carried where the other API has the same and refused where it has not; "auto" and "default"
    need no carrying."""
    cache_key: str | None = None
    """OpenAI's `prompt_cache_key`."""
    lost: tuple[str, ...] = ()
    """The fields that only tune the answer and were not carried, by the names the caller wrote."""


_TOKENS = {"none": 0, "minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 32_768, "max": 65_536}


def tokens_of(reasoning: Reasoning) -> int | None:
    """The budget of thinking tokens that a wish means; `None` where it leaves it to the model."""
    if reasoning.tokens is not None:
        return None if reasoning.tokens < 0 else reasoning.tokens
    return None if reasoning.effort is None else _TOKENS[reasoning.effort]


def effort_of(reasoning: Reasoning) -> Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None:
    """The effort that a wish means: the least whose budget is enough; `None` where it leaves it to the model."""
    if reasoning.effort is not None:
        return reasoning.effort
    if reasoning.tokens is None or reasoning.tokens < 0:
        return None
    if reasoning.tokens == 0:
        return "none"
    for effort in ("low", "medium", "high"):
        if reasoning.tokens <= _TOKENS[effort]:
            return effort
    return "high"
