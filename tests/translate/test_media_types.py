"""Media types, endings and data URLs."""

import pytest

from tollway.translate.media_types import ending_of, inline, kind_of, named, type_of


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", "image"),
        ("AUDIO/wav", "audio"),
        ("video/mp4", "video"),
        ("application/pdf", "document"),
        ("", "document"),
    ],
)
def test_a_media_type_tells_what_kind_of_thing_it_is(media_type: str, kind: str) -> None:
    assert kind_of(media_type) == kind


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.PDF", "application/pdf"),
        ("https://host.example/p.png?size=1.jpg", "image/png"),
        ("https://host.example/picture", ""),
        (None, ""),
        ("pdf", ""),
    ],
)
def test_a_name_tells_its_type_by_its_ending_alone(name: str | None, media_type: str) -> None:
    assert type_of(name) == media_type


def test_a_type_has_an_ending() -> None:
    assert ending_of("application/pdf") == "pdf"
    assert ending_of("application/x-unheard-of") == "bin"


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("data:image/png;base64,AAAA", ("image/png", "AAAA")),
        ("DATA:text/plain;charset=utf-8;base64,AA==", ("text/plain", "AA==")),
        ("data:;base64,AA==", ("", "AA==")),
        ("data:text/plain,hello", None),
        ("data:nothing", None),
        ("https://host.example/a.png", None),
    ],
)
def test_a_data_url_is_its_type_and_its_content(url: str, content: tuple[str, str] | None) -> None:
    assert inline(url) == content


@pytest.mark.parametrize(
    ("name", "media_type", "written"),
    [
        (None, "application/pdf", "document.pdf"),
        ("report", "application/pdf", "report.pdf"),
        ("Report.PDF", "application/pdf", "Report.PDF"),
        ("v1.2", "application/pdf", "v1.2.pdf"),
        ("data", "application/x-own", "data"),
    ],
)
def test_a_document_has_the_ending_of_its_type(name: str | None, media_type: str, written: str) -> None:
    assert named(name, media_type) == written
