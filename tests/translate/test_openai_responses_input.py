"""The items of a conversation in OpenAI's Responses."""

from typing import Any

import pytest

from tollway.translate.conversation import (
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
from tollway.translate.fields import Fields, Malformed
from tollway.translate.openai_responses_input import Items, write_input
from tollway.translate.sealed import seal
from tollway.translate.spelled import Spelling

CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c1",
    "name": "f",
    "arguments": '{"a":1}',
    "status": "completed",
}


def read(*items: Any) -> Items:
    taken = Items([])
    taken.read(Fields({"input": list(items)}))
    return taken


def write(*turns: Turn, lost: list[str] | None = None) -> list[dict[str, Any]]:
    return write_input(Request(model="m", turns=turns), Spelling(64), [] if lost is None else lost)


def test_one_text_is_the_users() -> None:
    items = Items([])
    items.read(Fields({"input": "hi"}))
    assert items.turns == [Turn("user", (Text(text="hi"),))]


def test_the_system_speaks_before_the_conversation_or_amid_it() -> None:
    items = read(
        {"role": "developer", "content": "a"},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "b"}]},
        {"role": "user", "content": "c"},
        {"role": "system", "content": "d"},
    )
    assert items.system == [Text(text="a"), Text(text="b")]
    assert items.turns == [Turn("user", (Text(text="c"),)), Turn("system", (Text(text="d"),))]


def test_what_the_assistant_does_is_one_turn() -> None:
    items = read(
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "enc",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "wait", "annotations": []}],
        },
        CALL,
        {**CALL, "call_id": "c2"},
    )
    assert items.turns == [
        Turn(
            "assistant",
            (
                Thought(text="hm", signature=("openai.responses", "enc"), id="rs_1"),
                Text(text="wait"),
                ToolCall(id="c1", name="f", arguments='{"a":1}'),
                ToolCall(id="c2", name="f", arguments='{"a":1}'),
            ),
        )
    ]


def test_results_of_parallel_calls_are_one_turn() -> None:
    items = read(
        CALL,
        {**CALL, "call_id": "c2"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]},
        {"role": "user", "content": "go on"},
    )
    assert items.turns[1:] == [
        Turn(
            "user",
            (
                ToolResult(id="c1", name="f", parts=(Text(text="1"),)),
                ToolResult(id="c2", name="f", parts=(Text(text="2"),)),
            ),
        ),
        Turn("user", (Text(text="go on"),)),
    ]


def test_a_custom_call_is_a_function_with_one_text() -> None:
    items = read(
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": 'say "hi"'},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
    )
    assert items.turns[0].parts == (ToolCall(id="c1", name="patch", arguments='{"input":"say \\"hi\\""}'),)
    assert items.turns[1].parts == (ToolResult(id="c1", name="patch", parts=(Text(text="done"),)),)


def test_the_signature_of_another_provider_comes_back_to_its_thought_or_its_call() -> None:
    items = read(
        {
            "type": "reasoning",
            "summary": [],
            "encrypted_content": seal(("anthropic.messages", "sig"), "openai.responses"),
        },
        CALL,
        {
            "type": "reasoning",
            "summary": [],
            "encrypted_content": seal(("google.generate", "g"), "openai.responses", "c1"),
        },
    )
    assert items.turns[0].parts == (
        Thought(signature=("anthropic.messages", "sig"), redacted=True),
        ToolCall(id="c1", name="f", arguments='{"a":1}', signature=("google.generate", "g")),
    )


@pytest.mark.parametrize(
    "kind",
    [
        *("item_reference", "compaction", "file_search_call", "computer_call", "local_shell_call", "mcp_call"),
        *("shell_call", "apply_patch_call", "image_generation_call", "tool_search_call", "unheard_of"),
    ],
)
def test_items_that_live_with_openai_are_refused_where_they_stand(kind: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        read({"role": "user", "content": "a"}, {"type": kind, "id": "x"})
    assert refused.value.field == "input[1].type"


@pytest.mark.parametrize(
    "item",
    [
        {**CALL, "namespace": "n", "unheard": 1},
        {**CALL, "async": True},
        {**CALL, "unheard": 1},
        {"type": "reasoning", "unheard": 1},
    ],
)
def test_a_field_that_cannot_be_carried_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(Untranslatable):
        read(item)


@pytest.mark.parametrize("item", [{"role": "tool", "content": "a"}, {"type": "function_call"}, {"content": "a"}, 3])
def test_an_item_that_is_none_is_malformed(item: Any) -> None:
    with pytest.raises(Malformed):
        read(item)


def test_a_request_without_input_is_malformed() -> None:
    with pytest.raises(Malformed, match="input is missing"):
        Items([]).read(Fields({}))


def test_turns_are_written_as_items() -> None:
    assert write(
        Turn("user", (Text(text="a"), Media(kind="image", media_type="image/png", data="AA"))),
        Turn("assistant", (Text(text="b"), Declined("c"), ToolCall(id="c1", name="f", arguments=""))),
        Turn("user", (ToolResult(id="c1", parts=(Text(text="1"),)), Text(text="d"))),
        Turn("system", (Text(text="e"),)),
    ) == [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA"},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "b", "annotations": []}, {"type": "refusal", "refusal": "c"}],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "d"}]},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "e"}]},
    ]


def test_a_result_of_several_parts_is_an_array_and_an_empty_one_a_text() -> None:
    image = Media(kind="image", media_type="image/png", data="AA")
    items = write(Turn("user", (ToolResult(id="c1", parts=(image,)), ToolResult(id="c2"))))
    assert items[0]["output"] == [{"type": "input_image", "image_url": "data:image/png;base64,AA"}]
    assert items[1]["output"] == ""


def test_an_id_that_is_too_long_is_shortened_and_still_the_same_in_the_answer() -> None:
    call, result = write(
        Turn("assistant", (ToolCall(id="c" * 65, name="f", arguments="{}"),)), Turn("user", (ToolResult(id="c" * 65),))
    )
    assert len(call["call_id"]) == 64 and call["call_id"] == result["call_id"]


def test_only_openais_own_thoughts_are_sent_back_to_it() -> None:
    lost: list[str] = []
    items = write(
        Turn(
            "assistant",
            (
                Thought(text="a", signature=("openai.responses", "enc"), id="rs_1"),
                Thought(text="b", signature=("anthropic.messages", "sig")),
                Thought(text="c"),
                ToolCall(id="c1", name="f", arguments="{}", signature=("google.generate", "g")),
            ),
        ),
        lost=lost,
    )
    assert items == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "a"}],
            "encrypted_content": "enc",
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    ]
    assert lost == ["thinking", "thinking", "thought_signature"]


def test_what_openai_has_no_place_for_is_named() -> None:
    lost: list[str] = []
    write(
        Turn("user", (ToolResult(id="c1", failed=True),), name="ann"),
        Turn("assistant", (Text(text="a", citations=({"type": "x"},)),)),
        lost=lost,
    )
    assert lost == ["name", "is_error", "citations"]
    with pytest.raises(Untranslatable):
        write(Turn("assistant", (Media(kind="image", media_type="image/png", data="AA"),)))
