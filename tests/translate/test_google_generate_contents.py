"""The contents of generateContent, read."""

from typing import Any

import pytest

from tollway.translate.conversation import Media, Text, Thought, ToolCall, ToolResult, Turn, Untranslatable
from tollway.translate.fields import Fields, Malformed
from tollway.translate.google_generate_contents import Calls, Contents, given_ids, signature_of, signed


def read(*contents: Any, lost: list[str] | None = None) -> list[Turn]:
    taken = Contents([] if lost is None else lost, given_ids(list(contents)))
    for number, content in enumerate(contents):
        taken.read(Fields(content, f"contents[{number}]"))
    return taken.turns


def user(*parts: Any) -> tuple[Any, ...]:
    return read({"role": "user", "parts": list(parts)})[0].parts


def test_roles_are_the_users_and_the_models() -> None:
    part = {"text": "a"}
    turns = read({"parts": [part]}, {"role": "model", "parts": [part]}, {"role": "function", "parts": [part]})
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]
    with pytest.raises(Malformed, match="role"):
        read({"role": "system", "parts": []})


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        ({"text": "a"}, (Text(text="a"),)),
        ({"text": "hm", "thought": True}, (Thought(text="hm"),)),
        (
            {"text": "hm", "thought": True, "thoughtSignature": "sig"},
            (Thought(text="hm", signature=("google.generate", "sig")),),
        ),
        (
            {"text": "a", "thoughtSignature": "sig"},
            (Text(text="a"), Thought(signature=("google.generate", "sig"), redacted=True)),
        ),
        ({"text": ""}, ()),
        (
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            (Media(kind="image", media_type="image/png", data="AAAA"),),
        ),
        (
            {"inlineData": {"mimeType": "application/pdf", "data": "AAAA", "displayName": "a.pdf"}},
            (Media(kind="document", media_type="application/pdf", data="AAAA", name="a.pdf"),),
        ),
        (
            {"fileData": {"mimeType": "video/mp4", "fileUri": "https://host.example/v"}},
            (Media(kind="video", media_type="video/mp4", url="https://host.example/v"),),
        ),
        (
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}},
            (Media(kind="video", url="https://www.youtube.com/watch?v=x"),),
        ),
        (
            {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/a.png"}},
            (Media(kind="image", media_type="image/png", file_id="gs://bucket/a.png"),),
        ),
    ],
)
def test_a_part_is_read(part: dict[str, Any], read_as: tuple[Any, ...]) -> None:
    assert user(part) == read_as


@pytest.mark.parametrize("name", ["executableCode", "codeExecutionResult", "toolCall", "toolResponse"])
def test_parts_of_tools_that_google_ran_are_refused_where_they_stand(name: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        user({"text": "a"}, {name: {"code": "1"}})
    assert refused.value.field == f"contents[0].parts[1].{name}"


@pytest.mark.parametrize(
    "part",
    [
        {"text": "a", "unheard": 1},
        {"inlineData": {"mimeType": "a/b", "data": "A"}, "videoMetadata": {"startOffset": "1s"}},
    ],
)
def test_what_cannot_be_carried_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(Untranslatable):
        user(part)


def test_what_only_tunes_is_named() -> None:
    lost: list[str] = []
    read({"parts": [{"text": "a", "mediaResolution": {"level": "x"}}]}, lost=lost)
    assert lost == ["mediaResolution"]


def test_calls_without_ids_are_counted_and_answered_in_their_order() -> None:
    turns = read(
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "sig"},
                {"functionCall": {"name": "g"}},
                {"functionCall": {"name": "f", "args": {"a": 2}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "g", "response": {"output": "G"}}},
                {"functionResponse": {"name": "f", "response": {"result": "F1"}}},
                {"functionResponse": {"name": "f", "response": {"error": "F2"}}},
            ],
        },
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
    )
    assert turns[0].parts == (
        ToolCall(id="call_0", name="f", arguments='{"a":1}', signature=("google.generate", "sig")),
        ToolCall(id="call_1", name="g", arguments="{}"),
        ToolCall(id="call_2", name="f", arguments='{"a":2}'),
    )
    assert turns[1].parts == (
        ToolResult(id="call_1", name="g", parts=(Text(text="G"),)),
        ToolResult(id="call_0", name="f", parts=(Text(text="F1"),)),
        ToolResult(id="call_2", name="f", parts=(Text(text="F2"),), failed=True),
    )
    assert turns[2].parts == (ToolCall(id="call_3", name="f", arguments="{}"),)


def test_ids_that_were_given_are_kept_and_never_made_twice() -> None:
    turns = read(
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "f"}},
                {"functionCall": {"id": "call_0", "name": "f"}},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"id": "call_0", "name": "f", "response": {"output": "2"}}}]},
    )
    assert [part.id for part in turns[0].parts if isinstance(part, ToolCall)] == ["call_1", "call_0"]
    assert turns[1].parts == (ToolResult(id="call_0", name="f", parts=(Text(text="2"),)),)


def test_a_result_may_be_an_object_and_have_pictures() -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f"}}]}
    response = {
        "name": "f",
        "response": {"a": 1, "b": [2]},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
    }
    [result] = read(call, {"parts": [{"functionResponse": response}]})[1].parts
    assert isinstance(result, ToolResult)
    assert result.parts == (Text(text='{"a":1,"b":[2]}'), Media(kind="image", media_type="image/png", data="AAAA"))


def test_a_result_that_answers_nothing_is_refused() -> None:
    with pytest.raises(Untranslatable, match="nobody made"):
        user({"functionResponse": {"name": "f", "response": {}}})


def test_signatures_of_others_travel_in_base64() -> None:
    signature = ("anthropic.messages", "sig:ä")
    written = signature_of(signature)  # pyright: ignore[reportArgumentType]
    assert signed(written) == signature
    assert signature_of(("google.generate", "c2ln")) == "c2ln" and signed("c2ln") == ("google.generate", "c2ln")
    assert signed("not base64!") == ("google.generate", "not base64!") and signed("") is None


def test_a_signature_that_says_nothing_is_none() -> None:
    call = {"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"}
    [read_as] = read({"role": "model", "parts": [call]})[0].parts
    assert isinstance(read_as, ToolCall) and read_as.signature is None


def test_made_ids_pass_over_those_that_are_taken() -> None:
    calls = Calls(["call_0", "call_2"])
    assert [calls.take(None), calls.take("x"), calls.take(None)] == ["call_1", "x", "call_3"]


@pytest.mark.parametrize("data", ["-_8=", "-_8", "+/8="])
def test_content_is_told_in_the_alphabet_that_others_read(data: str) -> None:
    """Google's SDK writes that of URLs."""
    (picture,) = user({"inlineData": {"mimeType": "image/png", "data": data}})
    assert picture.data == "+/8="
