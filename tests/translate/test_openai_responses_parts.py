"""The parts of messages in OpenAI's Responses."""

from typing import Any

import pytest

from tollway.translate.conversation import Cached, Declined, Media, Text, Untranslatable
from tollway.translate.fields import Fields, Malformed
from tollway.translate.openai_responses_parts import read_content, write_part


def read(*parts: Any) -> tuple[Any, ...]:
    return read_content(Fields({"content": list(parts)}), "content", [])


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        ({"type": "input_text", "text": "a"}, Text(text="a")),
        ({"type": "refusal", "refusal": "no"}, Declined("no")),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"},
            Media(kind="image", media_type="image/png", data="AA", detail="low"),
        ),
        (
            {"type": "input_image", "image_url": "https://host.example/a.png"},
            Media(kind="image", media_type="image/png", url="https://host.example/a.png"),
        ),
        ({"type": "input_image", "file_id": "file-1"}, Media(kind="image", file_id="file-1")),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
            Media(kind="document", media_type="application/pdf", data="AA", name="a.pdf"),
        ),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": "AA"},
            Media(kind="document", media_type="application/pdf", data="AA", name="a.pdf"),
        ),
        (
            {"type": "input_file", "file_url": "https://host.example/a.pdf"},
            Media(kind="document", media_type="application/pdf", url="https://host.example/a.pdf"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
            Media(kind="audio", media_type="audio/mpeg", data="AA"),
        ),
    ],
)
def test_a_part_is_read(part: dict[str, Any], read_as: Any) -> None:
    assert read(part) == (read_as,)


def test_one_text_is_one_part() -> None:
    assert read_content(Fields({"content": "a"}), "content", []) == (Text(text="a"),)
    assert read_content(Fields({}), "content", []) == ()


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "input_video"}, "content[0].type"),
        ({"type": "input_text", "text": "a", "unheard": 1}, "content[0].unheard"),
    ],
)
def test_what_is_not_known_is_refused_where_it_stands(part: dict[str, Any], field: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        read(part)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "part", [{"type": "input_image"}, {"type": "input_file"}, {"type": "input_audio"}, {"type": "input_text"}, {}]
)
def test_a_part_without_its_content_is_malformed(part: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(part)


def test_breakpoints_of_openais_cache_are_named_as_lost() -> None:
    lost: list[str] = []
    part = {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert read_content(Fields({"content": [part]}), "content", lost) == (Text(text="a"),)
    assert lost == ["prompt_cache_breakpoint"]


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Text(text="a"), {"type": "input_text", "text": "a"}),
        (
            Media(kind="image", media_type="image/png", data="AA", detail="high"),
            {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "high"},
        ),
        (
            Media(kind="document", media_type="application/pdf", data="AA"),
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,AA"},
        ),
        (
            Media(kind="document", url="https://host.example/a"),
            {"type": "input_file", "file_url": "https://host.example/a"},
        ),
        (
            Media(kind="audio", media_type="audio/x-wav", data="AA"),
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        ),
    ],
)
def test_a_part_is_written(part: Text | Media, written: dict[str, Any]) -> None:
    assert write_part(part, "turns[0]", []) == written


@pytest.mark.parametrize(
    "part",
    [
        Media(kind="image", file_id="file-1"),
        Media(kind="video", media_type="video/mp4", data="AA"),
        Media(kind="audio", media_type="audio/ogg", data="AA"),
        Media(kind="audio", media_type="audio/mpeg", url="https://host.example/a.mp3"),
    ],
)
def test_what_openai_does_not_take_is_refused(part: Media) -> None:
    with pytest.raises(Untranslatable) as refused:
        write_part(part, "turns[0].parts[1]", [])
    assert refused.value.field == "turns[0].parts[1]"


def test_marks_for_another_cache_are_named_as_lost() -> None:
    lost: list[str] = []
    write_part(Text(text="a", cached=Cached()), "t", lost)
    assert lost == ["cache_control"]
