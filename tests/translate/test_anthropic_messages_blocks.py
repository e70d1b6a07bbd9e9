"""Content blocks of Anthropic's messages, written."""

import base64
from typing import Any

import pytest

from tollway.translate.anthropic_messages_blocks import Blocks
from tollway.translate.conversation import (
    Cached,
    Declined,
    Media,
    Part,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
)
from tollway.translate.spelled import Spelling


def write(*turns: Turn) -> tuple[list[dict[str, Any]], list[str]]:
    lost: list[str] = []
    return Blocks(Spelling(64), lost).messages(turns), lost


def user(*parts: Part) -> Turn:
    return Turn("user", parts)


def assistant(*parts: Part) -> Turn:
    return Turn("assistant", parts)


def test_turns_of_one_side_that_follow_each_other_are_one() -> None:
    messages, _ = write(user(Text(text="a")), user(Text(text="b")), assistant(Text(text="c")), user(Text(text="d")))
    assert messages == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ]


def test_empty_text_is_left_out() -> None:
    messages, lost = write(
        user(Text(text=""), Text(text=" \n"), Text(text="a")), assistant(Text(text="")), user(Text(text="b"))
    )
    assert messages == [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    assert lost == []


def test_results_stand_ahead_of_what_the_user_says_with_them() -> None:
    messages, _ = write(
        user(Text(text="a")),
        assistant(ToolCall(id="c", name="f", arguments="")),
        user(Text(text="Here.")),
        user(ToolResult(id="c", parts=(Text(text="1"),), failed=True)),
    )
    assert messages[1]["content"] == [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]
    assert messages[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c", "content": "1", "is_error": True},
        {"type": "text", "text": "Here."},
    ]


def test_the_start_of_an_answer_does_not_end_in_white_space() -> None:
    messages, _ = write(user(Text(text="a")), assistant(Text(text="The answer is \n")))
    assert messages[-1] == {"role": "assistant", "content": "The answer is"}


def test_an_id_that_anthropic_does_not_take_is_spelled_alike_in_call_and_result() -> None:
    messages, _ = write(
        assistant(ToolCall(id="functions.f:0", name="f", arguments="{}")), user(ToolResult(id="functions.f:0"))
    )
    spelled = messages[0]["content"][0]["id"]
    assert spelled.startswith("functions_f_0_")
    assert messages[1]["content"] == [{"type": "tool_result", "tool_use_id": spelled}]


def test_thoughts_go_back_to_their_maker_alone() -> None:
    messages, lost = write(
        assistant(
            Thought(text="Hm.", signature=("anthropic.messages", "s")),
            Thought(signature=("anthropic.messages", "d"), redacted=True),
            Thought(text="Mine."),
            Thought(text="Hers.", signature=("google.generate", "s")),
            Declined("No."),
        )
    )
    assert messages[0]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "No."},
    ]
    assert lost == ["thinking", "thinking"]


def test_media_are_written() -> None:
    text = base64.b64encode(b"abc").decode()
    messages, lost = write(
        user(
            Media(kind="image", media_type="image/jpg", data="AAAA", detail="high"),
            Media(kind="image", url="https://a/b.png", cached=Cached("1h")),
            Media(kind="document", media_type="application/pdf", data="AAAA", name="a.pdf"),
            Media(kind="document", media_type="text/markdown", data=text),
            Media(kind="document", media_type="application/pdf", url="https://a/b.pdf"),
            ToolResult(id="c", parts=(Text(text="x"), Media(kind="image", url="https://a/c.png"))),
        )
    )
    result, *rest = messages[0]["content"]
    assert result["content"][1] == {"type": "image", "source": {"type": "url", "url": "https://a/c.png"}}
    assert rest == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
        {
            "type": "image",
            "source": {"type": "url", "url": "https://a/b.png"},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}},
        {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}},
    ]
    assert lost == ["detail"]


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="audio", media_type="audio/wav", data="AAAA"),
        Media(kind="video", url="https://a/b.mp4"),
        Media(kind="image", media_type="image/heic", data="AAAA"),
        Media(kind="document", media_type="application/msword", data="AAAA"),
        Media(kind="document", media_type="text/plain", data="////"),
        Media(kind="image", file_id="f"),
    ],
)
def test_media_that_anthropic_does_not_take_are_refused(media: Media) -> None:
    with pytest.raises(Untranslatable):
        write(user(media))


def test_the_assistant_shows_no_pictures() -> None:
    with pytest.raises(Untranslatable):
        write(assistant(Media(kind="image", url="https://a/b.png")))
