"""The text of a request that its model reads, for counting it in tokens.

A provider writes the messages of a request one behind the other, each between marks of its own. The text of each is
counted alone; marks are added for each (`Vocabulary.message_tokens`). What is JSON here (tools, schemas, calls) is shown to
the model in fewer words than it has in the body, so its JSON is counted.
"""

from collections.abc import Callable
from typing import Any, cast

import msgspec

from tollway.request import Api

MOST_BYTES = 1024 * 1024
"""Of a body that is looked at for its text. A larger one counts by its bytes."""
_FIELD_TOKENS = 16
"""How definitions of functions, a schema, or another field are introduced. What follows has fewer tokens than its JSON in all
recorded requests."""

_NO_PROMPT = frozenset(
    {
        *("model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "seed"),
        *("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"),
        *("user", "metadata", "store", "service_tier", "stop", "parallel_tool_calls", "safety_identifier", "prompt_cache_key"),
        *("prompt_cache_retention", "modalities", "background", "truncation", "include", "best_of", "echo", "tool_choice"),
    }
)  # fmt: skip
"""Fields of which the model reads nothing."""


class Prompt(msgspec.Struct, frozen=True):
    """What the model reads."""

    texts: tuple[str, ...]
    messages: int
    """How many marks there are."""
    other_tokens: int = 0
    """For what is in no text."""
    plain: bool = True
    """Messages of plain text and nothing else: what is counted is all that is billed, but for the marks."""


class Counted(msgspec.Struct, frozen=True):
    """What came of counting."""

    shown: tuple[int, ...]
    """Tokens of each text that a stream has shown."""
    prompt_tokens: int | None = None
    """Of the request's texts; `None` where it was not asked for, or its body does not tell."""
    messages: int = 0
    plain: bool = False
    """As `Prompt` has them."""


class _Unknown(Exception):
    """Something in the body has a size that its text does not show."""


class _Texts:
    __slots__ = ("messages", "other", "plain", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.messages = 0
        self.other = 0
        self.plain = True

    def json(self, value: Any) -> None:
        """Something that the model is shown in other words."""
        self.plain = False
        self.texts.append(value if isinstance(value, str) else msgspec.json.encode(value).decode())

    def content(self, content: Any) -> None:
        """The content of a message: text, or parts of it."""
        if content is None:
            return
        if isinstance(content, str):
            self.texts.append(content)
            return
        if not isinstance(content, list):
            raise _Unknown
        parts = cast(list[Any], content)
        # Several parts may be parted by marks of their own.
        self.other += len(parts) - 1 if parts else 0
        for part in parts:
            if isinstance(part, str):
                self.texts.append(part)
                continue
            if not isinstance(part, dict):
                raise _Unknown
            said = cast(dict[str, Any], part)
            if said.get("type") not in _TEXT_PARTS or not isinstance(said.get("text"), str):
                raise _Unknown
            self.texts.append(said["text"])
            if said.keys() - _PART_FIELDS:
                self.json({name: value for name, value in said.items() if name not in _PART_FIELDS})

    def message(self, message: Any) -> None:
        if not isinstance(message, dict):
            raise _Unknown
        self.messages += 1
        for name, value in cast(dict[str, Any], message).items():
            if name == "content":
                self.content(value)
            elif name == "role" and value in _ROLES:
                continue
            elif value is not None and (name, value) != ("type", "message"):
                self.other += 1
                self.json(value)

    def tools(self, tools: Any) -> None:
        if not isinstance(tools, list) or any(
            not isinstance(tool, dict) or cast(Any, tool).get("type", "function") != "function"
            for tool in cast(list[Any], tools)
        ):
            raise _Unknown
        if tools:
            self.other += _FIELD_TOKENS
            self.json(tools)


_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
_PART_FIELDS = frozenset({"type", "text"})


def prompt_of(api: Api, body: bytes) -> Prompt | None:
    """The text of a request's body; `None` where it does not show all that its model reads. Takes long for large bodies."""
    read = _READERS.get(api)
    if read is None or len(body) > MOST_BYTES:
        return None
    try:
        fields: Any = msgspec.json.decode(body)
        if not isinstance(fields, dict):
            return None
        texts = _Texts()
        read(cast(dict[str, Any], fields), texts)
    except (_Unknown, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Prompt(tuple(texts.texts), texts.messages, texts.other, texts.plain)


def _chat(fields: dict[str, Any], texts: _Texts) -> None:
    messages = fields.pop("messages", None)
    if not isinstance(messages, list):
        raise _Unknown
    for message in cast(list[Any], messages):
        texts.message(message)
    _others(fields, texts)


def _others(fields: dict[str, Any], texts: _Texts) -> None:
    """Fields besides the messages: tools, schemas, and whatever nobody here knows."""
    for name, value in fields.items():
        if name in _NO_PROMPT or value is None:
            continue
        if name in ("tools", "functions"):
            texts.tools(value)
        else:
            texts.other += _FIELD_TOKENS
            texts.json(value)


def _completions(fields: dict[str, Any], texts: _Texts) -> None:
    prompt = fields.pop("prompt", None)
    prompts = cast(list[Any], prompt if isinstance(prompt, list) else [prompt])
    if not all(isinstance(text, str) for text in prompts):
        raise _Unknown
    texts.texts += prompts
    _others(fields, texts)


def _responses(fields: dict[str, Any], texts: _Texts) -> None:
    instructions, items = fields.pop("instructions", None), fields.pop("input", None)
    if instructions is not None:
        texts.message({"content": instructions})
    if isinstance(items, str):
        texts.message({"content": items})
    elif isinstance(items, list):
        for item in cast(list[Any], items):
            if isinstance(item, dict) and cast(Any, item).get("type", "message") not in _ITEMS:
                raise _Unknown
            texts.message(item)
    else:
        raise _Unknown
    _others(fields, texts)


_ITEMS = frozenset({"message", "function_call", "function_call_output"})


def _whole(fields: dict[str, Any], texts: _Texts) -> None:
    """All of it, marks and names of fields among it: where only a bound is asked for."""
    messages = fields.get("messages")
    texts.messages = len(cast(list[Any], messages)) if isinstance(messages, list) else 1
    if fields.get("tools"):
        # The instructions that come before them: see `Inputs.tools`.
        texts.other += 1024
    texts.json(fields)


_READERS: dict[str, Callable[[dict[str, Any], _Texts], None]] = {
    "openai.chat": _chat,
    "openai.completions": _completions,
    "openai.responses": _responses,
    "anthropic.messages": _whole,
    "anthropic.vertex": _whole,
}


def countable(api: Api) -> bool:
    """Whether the text of such requests is known here."""
    return api in _READERS
