"""Turns as the contents of generateContent."""

from typing import Any

import pytest

from tollway.translate.conversation import (
    Cached,
    Declined,
    Media,
    Request,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
)
from tollway.translate.google_generate_turns import write_contents
from tollway.translate.google_models import NO_SIGNATURE
from tollway.translate.spelled import Spelling

CALL = ToolCall(id="c1", name="f", arguments='{"a":1}')


def write(*turns: Turn, model: str = "gemini-2.5-flash", lost: list[str] | None = None) -> list[dict[str, Any]]:
    return write_contents(Request(model=model, turns=turns), Spelling(64), [] if lost is None else lost)[0]


def test_turns_of_one_side_are_one_content() -> None:
    assert write(
        Turn("user", (Text(text="a"),)),
        Turn("user", (Text(text="b"), Text(text=""))),
        Turn("assistant", (Text(text="c"), Declined("d"))),
        Turn("assistant", ()),
        Turn("user", (Media(kind="image", media_type="image/png", data="AA"),)),
    ) == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]},
    ]


def test_results_are_named_and_stand_in_the_order_of_their_calls() -> None:
    contents = write(
        Turn("assistant", (CALL, ToolCall(id="c2", name="f", arguments=""))),
        Turn("user", (ToolResult(id="c2", parts=(Text(text="2"), Text(text="3"))), ToolResult(id="c1", failed=True))),
        Turn("user", (Text(text="go"),)),
    )
    assert contents == [
        {
            "role": "model",
            "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}, {"functionCall": {"name": "f", "args": {}}}],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"error": ""}}},
                {"functionResponse": {"name": "f", "response": {"output": "2\n3"}}},
                {"text": "go"},
            ],
        },
    ]


def test_results_in_turns_of_their_own_are_one_content() -> None:
    contents = write(
        Turn("assistant", (CALL, ToolCall(id="c2", name="g", arguments=""))),
        Turn("user", (ToolResult(id="c2"),)),
        Turn("user", (ToolResult(id="c1"),)),
    )
    assert [part["functionResponse"]["name"] for part in contents[1]["parts"]] == ["f", "g"]


def test_a_picture_in_a_result_is_carried() -> None:
    image = Media(kind="image", media_type="image/png", data="AA")
    contents = write(Turn("assistant", (CALL,)), Turn("user", (ToolResult(id="c1", parts=(image,)),)))
    assert contents[1]["parts"][0]["functionResponse"]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AA"}}
    ]


def test_a_result_without_a_call_needs_a_name() -> None:
    named = Turn("user", (ToolResult(id="x", name="f"),))
    assert write(named)[0]["parts"][0]["functionResponse"]["name"] == "f"
    with pytest.raises(Untranslatable, match="answers no call"):
        write(Turn("user", (ToolResult(id="x"),)))


def test_googles_own_proofs_are_sent_back_and_nobody_elses() -> None:
    lost: list[str] = []
    contents = write(
        Turn(
            "assistant",
            (
                Thought(text="hm", signature=("google.generate", "a")),
                Thought(signature=("google.generate", "b"), redacted=True),
                Thought(text="other", signature=("anthropic.messages", "x")),
                Thought(text="none"),
                ToolCall(id="c1", name="f", arguments="{}", signature=("google.generate", "c")),
                ToolCall(id="c2", name="f", arguments="{}", signature=("openai.responses", "y")),
            ),
        ),
        lost=lost,
    )
    assert contents[0]["parts"] == [
        {"text": "hm", "thought": True, "thoughtSignature": "a"},
        {"text": "", "thoughtSignature": "b"},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c"},
        {"functionCall": {"name": "f", "args": {}}},
    ]
    assert lost == ["thinking", "thinking", "thought_signature"]


def test_gemini_3_is_told_that_the_first_call_of_a_step_has_no_signature() -> None:
    signed = ToolCall(id="c3", name="f", arguments="{}", signature=("google.generate", "sig"))
    turns = (
        Turn("assistant", (CALL, ToolCall(id="c2", name="f", arguments="{}"))),
        Turn("user", (ToolResult(id="c1"), ToolResult(id="c2"))),
        Turn("assistant", (signed,)),
    )
    lost: list[str] = []
    contents = write(*turns, model="gemini-3-flash", lost=lost)
    assert [part.get("thoughtSignature") for part in contents[0]["parts"]] == [NO_SIGNATURE, None]
    assert contents[2]["parts"][0]["thoughtSignature"] == "sig"
    assert lost == ["thought_signature"]
    lost.clear()
    assert "thoughtSignature" not in write(*turns, lost=lost)[0]["parts"][0] and lost == []


def test_a_system_amid_the_conversation_moves_to_the_front_and_is_named() -> None:
    lost: list[str] = []
    request = Request(model="m", turns=(Turn("user", (Text(text="a"),)), Turn("system", (Text(text="b"),))))
    contents, late = write_contents(request, Spelling(64), lost)
    assert [content["role"] for content in contents] == ["user"] and late == ["b"] and lost == ["system_position"]


def test_a_file_needs_its_type_and_must_not_live_elsewhere() -> None:
    url = Media(kind="document", url="https://host.example/a.pdf")
    assert write(Turn("user", (url,)))[0]["parts"] == [
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://host.example/a.pdf"}}
    ]
    for media in (Media(kind="image", url="https://host.example/a"), Media(kind="image", file_id="file-1")):
        with pytest.raises(Untranslatable) as refused:
            write(Turn("user", (Text(text="a"), media)))
        assert refused.value.field == "turns[0].parts[1]"


def test_what_google_has_no_place_for_is_named() -> None:
    lost: list[str] = []
    image = Media(kind="image", media_type="image/png", data="AA", detail="low")
    write(Turn("user", (Text(text="a", cached=Cached()), image), name="ann"), lost=lost)
    write(Turn("assistant", (Text(text="a", citations=({},)),)), lost=lost)
    assert lost == ["name", "cache_control", "detail", "citations"]
