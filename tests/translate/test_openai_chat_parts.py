"""Parts of chat messages, read and written."""

import base64
from typing import Any

import pytest

from tollway.translate.conversation import Declined, Media, Part, Untranslatable
from tollway.translate.fields import Fields, Malformed
from tollway.translate.openai_chat_parts import read_content, write_media


def part_of(part: dict[str, Any]) -> Part:
    (found,) = read_content(Fields({"content": [part]}), "content", [])
    return found


CASES: list[tuple[dict[str, Any], Media]] = [
    (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        Media(kind="image", media_type="image/png", data="AAAA"),
    ),
    (
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        Media(kind="image", url="https://example.com/a.png", detail="low"),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        Media(kind="audio", media_type="audio/wav", data="AAAA"),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        Media(kind="audio", media_type="audio/mpeg", data="AAAA"),
    ),
    (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        Media(kind="document", media_type="application/pdf", data="AAAA", name="a.pdf"),
    ),
]


@pytest.mark.parametrize(("part", "media"), CASES)
def test_media_are_read_and_written_back_the_same(part: dict[str, Any], media: Media) -> None:
    assert part_of(part) == media
    assert write_media(media) == part


def test_a_picture_may_be_named_by_its_url_alone() -> None:
    assert part_of({"type": "image_url", "image_url": "https://a/b.png"}) == Media(kind="image", url="https://a/b.png")


def test_an_automatic_detail_needs_no_carrying() -> None:
    found = part_of({"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "auto"}})
    assert isinstance(found, Media) and found.detail is None


def test_a_refusal_is_read() -> None:
    assert part_of({"type": "refusal", "refusal": "No."}) == Declined("No.")


def test_a_breakpoint_of_openais_cache_is_named() -> None:
    lost: list[str] = []
    part = {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    read_content(Fields({"content": [part]}), "content", lost)
    assert lost == ["prompt_cache_breakpoint"]


def test_a_text_document_is_written_as_text() -> None:
    media = Media(
        kind="document", media_type="text/plain", data=base64.b64encode("Grüße".encode()).decode(), name="a.txt"
    )
    assert write_media(media) == {"type": "text", "text": '<document title="a.txt">\nGrüße\n</document>'}


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="video", media_type="video/mp4", data="AAAA"),
        Media(kind="document", media_type="application/pdf", url="https://a/b.pdf"),
        Media(kind="document", media_type="text/plain", data="////"),
        Media(kind="audio", media_type="audio/flac", data="AAAA"),
        Media(kind="audio", url="https://a/b.wav"),
        Media(kind="image", file_id="file-1"),
    ],
)
def test_media_that_openai_does_not_take_are_refused(media: Media) -> None:
    with pytest.raises(Untranslatable):
        write_media(media)


def test_a_data_url_must_be_in_base64() -> None:
    with pytest.raises(Untranslatable, match="base64"):
        part_of({"type": "image_url", "image_url": {"url": "data:image/svg+xml,<svg/>"}})


def test_a_part_without_a_type_is_malformed() -> None:
    with pytest.raises(Malformed, match=r"content\[0\].type"):
        part_of({"text": "a"})
