"""Text in fields that nobody here knows.

A provider may show what it makes in a field that is newer than this code. An event in which no known field held text is
looked at once more: each byte of what is unknown in it counts as a token, so that a stream that is cut, or tells no
usage, is not counted as an empty one. Events with text never get here.
"""

from __future__ import annotations

import msgspec

from tollway.providers.answer import Values, text, values
from tollway.providers.body import ABSENT

_EMPTY = frozenset({b"", b"null", b'""', b"[]", b"{}", b"true", b"false"})

_OF_CHOICE = frozenset({"role", "name", "annotations"})
"""Of a choice's `delta` or `message`: what no model makes. Citations are links to what was found, and not billed."""
_READ_OF_DELTA = frozenset({"content", "reasoning", "reasoning_content", "refusal", "function_call", "audio"})
_OF_CALL = frozenset({"index", "id", "type", "function", "custom"})
_OF_CHUNK = frozenset(
    {"id", "object", "created", "model", "type", "event", "error", "usage", "provider", "system_fingerprint"}
) | {"service_tier", "obfuscation", "citations", "search_results", "prompt_filter_results", "p", "nonce"}


class _Choice(msgspec.Struct, gc=False):
    delta: msgspec.Raw = ABSENT
    message: msgspec.Raw = ABSENT


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None


_chunk = msgspec.json.Decoder(_Chunk)
_calls = msgspec.json.Decoder(list[Values])


def unknown(members: Values, *known: frozenset[str]) -> int:
    """Bytes of all members that have a value and are none of `known`."""
    return sum(
        len(memoryview(raw))
        for name, raw in members.items()
        if not any(name in names for names in known) and bytes(memoryview(raw)[:6]) not in _EMPTY
    )


def in_chunk(data: bytes) -> int:
    """Bytes of unknown text in a chunk of a chat stream, none of whose choices had any that is known."""
    try:
        chunk = _chunk.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return len(data)
    if not chunk.choices:
        return unknown(values(data), _OF_CHUNK)
    found = 0
    for choice in chunk.choices:
        delta = values(choice.delta)
        calls = delta.pop("tool_calls", None)
        # Whole messages beside a delta repeat what the deltas said (Perplexity).
        found += (
            unknown(delta, _OF_CHOICE, _READ_OF_DELTA)
            if delta or calls
            else unknown(values(choice.message), _OF_CHOICE)
        )
        if calls is not None:
            found += _in_calls(calls)
    return found


def _in_calls(raw: msgspec.Raw) -> int:
    try:
        calls = _calls.decode(raw) if bytes(memoryview(raw)[:4]) != b"null" else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return len(memoryview(raw))
    return sum(unknown(call, _OF_CALL) for call in calls)


_OF_BLOCK = frozenset({"type", "id", "citations", "cache_control", "caller", "tool_use_id"})
_READ_OF_BLOCK = frozenset({"text", "thinking", "name", "data", "signature"})


def in_anthropic_delta(data: bytes) -> int:
    """Bytes of unknown text in a `content_block_delta` of a kind that is not known. What is cited is not billed as output."""
    delta = values(values(data).get("delta"))
    return 0 if text(delta.get("type")) == "citations_delta" else unknown(delta, _OF_BLOCK)


def in_anthropic_block(data: bytes) -> int:
    """Bytes of unknown text in a `content_block_start`: a call's whole input, or a block of a kind that is not known."""
    block = values(values(data).get("content_block"))
    # What a tool of the provider found is input.
    found_by_tool = (text(block.get("type")) or "").endswith("tool_result")
    return 0 if found_by_tool else unknown(block, _OF_BLOCK, _READ_OF_BLOCK)


_OF_EVENT = frozenset(
    {
        "type",
        "sequence_number",
        "output_index",
        "item_id",
        "content_index",
        "summary_index",
        "annotation_index",
        "status",
    }
) | {
    "annotation",
    "obfuscation",
    "logprobs",
    "part",
    "partial_image_b64",
    "partial_image_index",
    "code",
    "message",
    "param",
}
_OF_ITEM = frozenset(
    {
        "id",
        "type",
        "status",
        "role",
        "phase",
        "call_id",
        "name",
        "namespace",
        "encrypted_content",
        "annotations",
        "error",
    }
) | {"output", "outputs", "result", "results", "tools", "server_label", "container_id", "approval_request_id"}
"""Besides what says which item it is: what the provider's own tools gave back, and what is counted by itself."""


def in_event(data: bytes) -> int:
    """Bytes of text in an event of a responses stream that is no delta and has no item and no response."""
    return unknown(values(data), _OF_EVENT)


def in_item(item: Values) -> int:
    """Bytes of what a model made of an item of a response that is done."""
    return unknown(item, _OF_ITEM)
