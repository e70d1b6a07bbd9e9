"""The model and the method in Google's paths."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.body import Unfit
from tollway.providers.google_path import GooglePath, check_agrees, parted, with_model

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", ("/v1beta/models/", "gemini-2.5-flash", "generateContent")),
        ("/v1/models/g:countTokens", ("/v1/models/", "g", "countTokens")),
        ("/v1beta/tunedModels/mine-1:generateContent", ("/v1beta/tunedModels/", "mine-1", "generateContent")),
        (
            "/v1/projects/p/locations/eu/publishers/google/models/g:streamGenerateContent",
            ("/v1/projects/p/locations/eu/publishers/google/models/", "g", "streamGenerateContent"),
        ),
        # The unified path has the provider before the model.
        ("/v1beta/models/google/gemini:generateContent", ("/v1beta/models/", "google/gemini", "generateContent")),
        ("/v1beta/models/google%2Fgemini:embedContent", ("/v1beta/models/", "google/gemini", "embedContent")),
        ("/v1beta/models/gemini%3AgenerateContent", ("/v1beta/models/", "gemini", "generateContent")),
        # A model's name may have a colon, a method never has.
        ("/v1beta/models/a:b:generateContent", ("/v1beta/models/", "a:b", "generateContent")),
        # The first folder of models counts, so that a model may be called like one.
        ("/v1beta/models/models/x:generateContent", ("/v1beta/models/", "models/x", "generateContent")),
    ],
)
def test_a_path_has_three_parts(path: str, parts: tuple[str, str, str]) -> None:
    assert parted(path) == GooglePath(*parts)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/v1beta/models",
        "/v1beta/models/gemini",
        "/v1beta/models/:generateContent",
        "/v1beta/models/gemini:",
        "/v1beta/models/gemini:generate/content",
        "/v1beta/cachedContents/1:update",
    ],
)
def test_a_path_without_a_model_and_a_method_has_no_parts_and_stays(path: str) -> None:
    assert parted(path) is None
    assert with_model(path, "other") is path


@pytest.mark.parametrize(
    ("path", "model", "written"),
    [
        ("/v1beta/models/a:generateContent", "b", "/v1beta/models/b:generateContent"),
        ("/v1beta/models/google/a:generateContent", "a", "/v1beta/models/a:generateContent"),
        ("/v1beta/models/google%2Fa:generateContent", "a", "/v1beta/models/a:generateContent"),
        ("/v1beta/models/a:generateContent", "publishers/google/models/b", "/v1beta/models/b:generateContent"),
        ("/v1beta/models/a:generateContent", "b c?d#e", "/v1beta/models/b%20c%3Fd%23e:generateContent"),
        ("/v1/projects/a b/models/a:generateContent", "b", "/v1/projects/a%20b/models/b:generateContent"),
        ("/v1/projects/a%20b/models/a:generateContent", "b", "/v1/projects/a%20b/models/b:generateContent"),
    ],
)
def test_another_model_is_written_in_its_place(path: str, model: str, written: str) -> None:
    assert with_model(path, model) == written


@given(NAMES)
def test_a_model_that_is_written_is_the_model_that_is_read_whatever_it_is_called(name: str) -> None:
    written = with_model("/v1beta/models/a:generateContent", name)
    assert written.isascii()
    assert not set("?# \r\n") & set(written)
    parts = parted(written)
    assert parts == ("/v1beta/models/", name, "generateContent")


@given(NAMES)
def test_writing_a_model_twice_quotes_it_once(name: str) -> None:
    once = with_model("/v1beta/models/a:generateContent", name)
    assert with_model(once, name) == once
    assert unquote(once) == f"/v1beta/models/{name}:generateContent"


@pytest.mark.parametrize(
    ("named", "query", "model"),
    [
        (None, b"", "g"),
        ("", b"model=", "g"),
        ("models/g", b"alt=sse&model=g", "google/g"),
        ("publishers/google/models/g", b"", "models/google/g"),
        ("g", b"", "g@001"),
        (5, b"", "g"),
        ("other", b"model=other", None),
    ],
)
def test_a_body_and_a_query_may_name_the_model_of_the_path(named: object, query: bytes, model: str | None) -> None:
    check_agrees(named, query, model)


@pytest.mark.parametrize(
    ("named", "query", "model", "where"),
    [
        ("models/pro", b"", "flash", "body"),
        ("flash@002", b"", "flash", "body"),
        ("pro", b"", "flash@001", "body"),
        (None, b"alt=sse&Model=models%2Fpro", "flash", "query"),
        (None, b"generateContentRequest.model=pro", "flash", "query"),
    ],
)
def test_a_body_or_a_query_that_names_another_is_refused(named: object, query: bytes, model: str, where: str) -> None:
    with pytest.raises(Unfit, match=f"in the {where} .* must agree"):
        check_agrees(named, query, model)
