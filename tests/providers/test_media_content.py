"""What is read of media that stand in the body as base64."""

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.media_content import content_of, data_url


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def head(written: str, size: int = 1024) -> bytes | None:
    content = content_of(raw(written))
    assert content is not None
    return content.head(size)


@given(st.binary(max_size=200), st.integers(0, 220), st.booleans(), st.booleans())
def test_a_head_is_the_beginning_of_the_bytes(data: bytes, size: int, url_safe: bool, padded: bool) -> None:
    written = (base64.urlsafe_b64encode(data) if url_safe else base64.b64encode(data)).decode()
    assert head(written if padded else written.rstrip("="), size) == data[:size]


@given(st.binary(min_size=90, max_size=200), st.integers(1, 60))
def test_line_ends_and_escapes_only_make_the_head_shorter(data: bytes, size: int) -> None:
    broken = base64.encodebytes(data).decode()
    content = content_of(msgspec.Raw(json.dumps(broken).replace("/", "\\/").replace("A", "\\u0041").encode()))
    assert content is not None
    read = content.head(size)
    assert read is not None
    assert data.startswith(read)
    # The escaped text is at most six times as long.
    assert len(read) >= size // 8
    assert content.head(4096) == data


@pytest.mark.parametrize("written", ["AAA*", "AAAA\u00e9", "AA==AAAA", "A", "AAAAA", "A\u0000AA", '"AAA'])
def test_what_decoders_disagree_on_is_not_read(written: str) -> None:
    assert head(written) is None


@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_bytes_are_read_or_not_but_nothing_is_raised(written: bytes, size: int) -> None:
    for whole in (written, b'"' + written + b'"', b'"data:image/png;base64,' + written + b'"'):
        content = content_of(msgspec.Raw(whole))
        if content is not None:
            content.head(size)
        url = data_url(msgspec.Raw(whole))
        if url is not None and url[1] is not None:
            url[1].head(size)


@given(st.binary(max_size=100))
def test_it_never_stands_for_more_bytes_than_are_told(data: bytes) -> None:
    content = content_of(raw(base64.b64encode(data).decode().rstrip("=")))
    assert content is not None
    assert len(data) <= content.most_bytes <= len(data) + 1


@pytest.mark.parametrize("value", [None, 5, [], {}, ["AAAA"]])
def test_what_is_no_text_has_no_content(value: object) -> None:
    assert content_of(raw(value)) is None
    assert data_url(raw(value)) is None


def test_absent_is_no_content() -> None:
    assert content_of(msgspec.Raw(b"")) is None
    assert data_url(msgspec.Raw(b"")) is None


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (b'"data:image/png;base64,QUJD"', "image/png;base64"),
        (b'"DATA:Image/PNG;BASE64,QUJD"', "image/png;base64"),
        (b'"data:image\\/png;base64,QUJD"', "image/png;base64"),
        (b'"data:image/png;name=a.png;base64,QUJD"', "image/png;name=a.png;base64"),
        (b'"data:;base64,QUJD"', ";base64"),
    ],
)
def test_a_data_url_names_its_type_and_holds_its_content(url: bytes, kind: str) -> None:
    found = data_url(msgspec.Raw(url))
    assert found is not None
    assert found[0] == kind
    assert found[1] is not None
    assert (found[1].head(10), found[1].bytes_in_body) == (b"ABC", 4)


@pytest.mark.parametrize(
    "url", ["data:image/svg+xml,%3Csvg/%3E", "data:image/png", "data:image/png;" + "a" * 400 + ";base64,QUJD"]
)
def test_a_data_url_that_is_not_base64_names_its_type_only(url: str) -> None:
    found = data_url(raw(url))
    assert found is not None
    assert found[0].startswith("image/")
    assert found[1] is None


@pytest.mark.parametrize("url", ["", "data", " data:,", "https://example.com/,data:image/png;base64,QUJD"])
def test_another_link_is_no_data_url(url: str) -> None:
    assert data_url(raw(url)) is None
