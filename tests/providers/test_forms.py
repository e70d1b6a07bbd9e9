"""Multipart forms: fields found where every other parser finds them, and refused where it might not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.body import Unfit
from tollway.providers.forms import cut, is_form, opened, renamed, texts

TYPE = b"multipart/form-data; boundary=xyz"
WANTED = ("model", "n", "stream")


def form(*fields: tuple[str, str | bytes], end: bytes = b"--xyz--\r\n") -> bytes:
    parts = [
        b"--xyz\r\nContent-Disposition: form-data; "
        + head.encode()
        + b"\r\n\r\n"
        + (value if isinstance(value, bytes) else value.encode())
        + b"\r\n"
        for head, value in fields
    ]
    return b"".join([*parts, end])


def test_fields_are_typed_as_json_would_have_them_and_files_keep_their_bytes() -> None:
    body = form(
        ('name="model"', "m"), ('name="n"', "3"), ('name="stream"', "true"), ('name="file"; filename="a"', "\0")
    )
    found, fields = opened(TYPE, body, WANTED)
    assert fields == {"model": "m", "n": 3, "stream": True}
    (file,) = found.files("file")
    assert body[file.start : file.end] == b"\0"
    assert file.size == 1


def test_files_sent_as_a_list_are_of_the_same_name() -> None:
    found, _ = opened(TYPE, form(('name="image[]"; filename="a"', "x"), ('name="image[]"; filename="b"', "y")), WANTED)
    assert len(found.files("image")) == 2
    assert found.files("mask") == []


def test_the_encoding_of_a_file_is_its_own_matter() -> None:
    body = form(('name="file"; filename="a.txt"\r\nContent-Type: text/plain; charset=iso-8859-1', "x"))
    assert cut(TYPE, body).flaw is None


@pytest.mark.parametrize(
    ("content_type", "wanted"),
    [(b" Multipart/Form-Data; boundary=a", True), (b"application/json", False), (b"", False)],
)
def test_a_form_is_told_by_its_type(content_type: bytes, wanted: bool) -> None:
    assert is_form(content_type) is wanted


@pytest.mark.parametrize(
    ("content_type", "body", "why"),
    [
        (b"multipart/form-data", form(), "names no boundary"),
        (TYPE + b"; boundary=abc", form(), "two boundaries"),
        (TYPE, b"preamble\r\n" + form(('name="model"', "m")), "does not start"),
        (TYPE, form(('name="model"', "m"), end=b""), "does not end"),
        (TYPE, form(('name="model"', "m--xyz")), "inside one of its parts"),
        (TYPE, form(('name="model"', "m")).replace(b"m\r\n--xyz--", b"m\n--xyz--"), "inside one of its parts"),
        (TYPE, b"--xyz\r\nno head\r\n--xyz--\r\n", "has no head"),
        (TYPE, form(('nam="model"', "m")), "has no name"),
        (TYPE, form(('name = "model"', "m")), "has no name"),
        (TYPE, form(('name= "model"', "m")), "read alike"),
        (TYPE, form(('name=\r\n "model"', "m")), "read alike"),
        (TYPE, form(('name="x";\r\n filename="a"', "m")), "read alike"),
        (TYPE, form(('name=""', "m")), "read alike"),
        (TYPE, form(('name="  "', "m")), "read alike"),
        (TYPE, form((r'name="mod\el"', "m")), "read alike"),
        (TYPE, form(("name=\"x\"; name*=utf-8''model", "m")), "read alike"),
        (TYPE, form(('name="model"\r\nContent-Transfer-Encoding: base64', "bQ==")), "read alike"),
        (TYPE, form(('name="model"\r\nContent-Type: text/plain; charset=utf-16', "m")), "read alike"),
        (TYPE, form(('name="model"; name="x"', "m")), "two names"),
        (TYPE, form(('name="x"; filename="; name=model"', "m")), "two names"),
        (TYPE, form(('name="model"', "a"), ('name="model"', "b")), "stands twice"),
        (TYPE, form(('name="Model"', "a")), "another spelling of model"),
        (TYPE, form(('name="model "', "a")), "another spelling of model"),
        (TYPE, form(('name="model[]"', "a")), "another spelling of model"),
        (TYPE, form(('name="model"; filename="m"', "a")), "is a file or too long"),
        (TYPE, form(('name="model"', "a" * 600)), "is a file or too long"),
        (TYPE, form(*[('name="x"', "y")] * 1001), "more than 1,000 fields"),
    ],
)
def test_a_form_that_two_parsers_may_read_differently_is_refused(content_type: bytes, body: bytes, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        opened(content_type, body, WANTED)


@pytest.mark.parametrize("head", ["Content-Transfer-Encoding: binary", "Content-Type: text/plain; charset=UTF-8"])
def test_the_plain_heads_that_clients_send_are_taken(head: str) -> None:
    assert opened(TYPE, form((f'name="model"\r\n{head}', "m")), WANTED)[1] == {"model": "m"}


def test_the_forms_of_common_clients_are_taken() -> None:
    dotnet = (
        b"--xyz\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n"
        b"--xyz\r\nContent-Type: audio/mpeg\r\nContent-Disposition: form-data; name=file; filename=a.mp3; "
        b"filename*=utf-8''a.mp3\r\n\r\n\0\r\n--xyz--\r\n"
    )
    okhttp = form(('name="model"\r\nContent-Length: 1', "m"), ('name="file"; filename="a \\"b.mp3"', "\0"))
    undici = form(
        ('name="model"', "m"), ('name="file"; filename="blob"\r\nContent-Type: audio/mpeg', "\0"), end=b"--xyz--"
    )
    for body in (dotnet, okhttp, undici):
        found, fields = opened(b'multipart/form-data; boundary="xyz"', body, WANTED)
        assert fields == {"model": "m"}
        assert [part.size for part in found.files("file")] == [1]


def test_a_flawed_form_is_still_cut_for_those_who_pass_it_on() -> None:
    found = cut(TYPE, b"preamble\r\n" + form(('name="model"', "m")))
    assert found.flaw is not None
    assert texts(found, b"preamble\r\n" + form(('name="model"', "m")), WANTED) == {"model": "m"}


def test_only_the_value_of_the_model_is_written_over() -> None:
    body = form(('name="file"; filename="model"', b"\xff\r\n\r\n"), ('name="model"', "openai/old"), ('name="n"', "2"))
    assert renamed(body, "new") == body.replace(b"openai/old", b"new")
    for other in (form(('name="n"', "2")), b'{"model": "x"}', b""):
        assert renamed(other, "new") is other


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_cut_or_refused_and_never_crash(noise: bytes, at: int) -> None:
    body = form(('name="model"', "m"), ('name="file"; filename="a"', "abc"))
    for candidate in (noise, body[:at] + noise + body[at:], body[:at]):
        try:
            found, fields = opened(TYPE, candidate, WANTED)
        except Unfit:
            continue
        assert set(fields) <= set(WANTED)
        assert all(0 <= part.start <= part.end <= len(candidate) for part in found.parts)


@pytest.mark.parametrize("body", [b"--x\nname=;name=\r\n\r\n--x", b"--\xff\r\n", b'--"\r\n\r\n', b"--"])
def test_what_only_begins_as_a_form_is_not_renamed(body: bytes) -> None:
    assert renamed(body, "other") == body
