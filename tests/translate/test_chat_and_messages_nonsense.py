"""Nonsense in any place: refused in words where a caller wrote it, passed over where a provider did."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.translate.anthropic_messages import Messages
from tollway.translate.codec import Codec
from tollway.translate.conversation import Request, Untranslatable
from tollway.translate.fields import Malformed
from tollway.translate.openai_chat import Chat

CODECS = pytest.mark.parametrize("made", [Chat, Messages])
KEYS = [
    "type",
    "role",
    "content",
    "text",
    "messages",
    "tools",
    "tool_choice",
    "function",
    "name",
    "arguments",
    "input",
    "id",
    "tool_calls",
    "index",
    "delta",
    "choices",
    "message",
    "usage",
    "error",
    "thinking",
    "signature",
    "reasoning",
    "reasoning_details",
    "source",
    "media_type",
    "data",
    "url",
    "image_url",
    "file",
    "finish_reason",
    "stop_reason",
    "content_block",
    "modalities",
    "response_format",
    "json_schema",
    "schema",
    "format",
    "output_config",
    "system",
    "stop",
    "tool_use_id",
    "annotations",
    "audio",
]
WORDS = [
    "text",
    "user",
    "assistant",
    "tool",
    "function",
    "image",
    "image_url",
    "file",
    "document",
    "tool_use",
    "tool_result",
    "thinking",
    "redacted_thinking",
    "auto",
    "json_schema",
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
    "text_delta",
    "base64",
    "url",
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.floats(-1, 1),
    st.sampled_from([*WORDS, "", "m", "data:a;base64,AA"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=20,
)
bodies = st.dictionaries(st.sampled_from(KEYS), values, max_size=6)


@CODECS
@settings(max_examples=80)
@given(body=bodies)
def test_nonsense_of_a_caller_is_refused_in_words(made: type[Any], body: dict[str, Any]) -> None:
    with contextlib.suppress(Untranslatable, Malformed):
        request = made().read_request(
            {"messages": [{"role": "user", "content": "a"}], **body}, model=None, stream=False
        )
        for target in (Chat(), Messages()):
            with contextlib.suppress(Untranslatable):
                target.write_request(request, max_tokens=10)


@CODECS
@settings(max_examples=80)
@given(body=bodies, status=st.sampled_from([200, 400, 500]))
def test_nonsense_of_a_provider_is_passed_over(made: type[Any], body: dict[str, Any], status: int) -> None:

    codec: Codec = made()
    for writer in (Chat(), Messages()):
        writer.write_answer(codec.read_answer(body), Request(model="m"))
        writer.write_error(codec.read_error(status, body))


@CODECS
@settings(max_examples=80)
@given(events=st.lists(bodies, max_size=6))
def test_nonsense_in_a_stream_is_passed_over(made: type[Any], events: list[dict[str, Any]]) -> None:
    codec: Codec = made()
    for writing in (Chat(), Messages()):
        reader, writer = codec.stream_reader(), writing.stream_writer(Request(model="m"))
        for body in events:
            for event in reader.read("", body):
                writer.write(event)
        for event in reader.finish():
            writer.write(event)
        writer.finish()
