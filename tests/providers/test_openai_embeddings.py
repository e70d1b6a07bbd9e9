"""OpenAI's embeddings and those of its imitators."""

import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.openai_embeddings import Embeddings
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Embeddings()


def read(body: Any) -> Ask | Malformed:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CODEC.read_ask("/v1/embeddings", b"", b"application/json", raw)


def ask(body: Any) -> Ask:
    found = read(body)
    assert isinstance(found, Ask), found
    return found


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("hello", 1),
        (["hello"], 1),
        (["hello", "there", ""], 3),
        ([1, 2, 3], 1),
        ([[1, 2], [3]], 2),
        (["hello", [1, 2]], 2),
        ([], 1),
    ],
)
def test_each_text_counts_once_and_a_list_of_tokens_is_one_text(given: Any, texts: int) -> None:
    found = ask({"model": "text-embedding-3-small", "input": given})
    assert (found.messages, found.unbounded) == (texts, None)


@pytest.mark.parametrize("given", [{"image": "x"}, [{"type": "image_url"}], ["text", {"type": "text"}]])
def test_an_input_that_is_an_object_has_no_known_size(given: Any) -> None:
    assert ask({"model": "m", "input": given}).unbounded == "input of an unknown shape"


def test_nothing_is_generated_so_nothing_is_capped() -> None:
    found = ask({"model": "m", "input": "x", "max_tokens": 5, "stream": True, "service_tier": "flex"})
    assert found == Ask(model="m", messages=1, service_tier="flex")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "The body is empty"),
        (b'"x"', "not a JSON object"),
        (b'{"model": "a", "model": "b"}', "model stands twice"),
        ({"model": 5}, "model is 5; it must be text"),
        ({"model": "x" * 1000}, "model is"),
    ],
)
def test_a_body_that_the_api_would_not_take_is_malformed(body: Any, why: str) -> None:
    found = read(body)
    assert isinstance(found, Malformed)
    assert why in found.message


def test_only_the_models_name_is_written() -> None:
    body = b'{"model":"openai/a","input":["\\u00fc"],"dimensions":1.50}'
    assert CODEC.write_body(body, Ask(), model=None, cap=7, include_usage=True) is body
    assert CODEC.write_body(body, Ask(), model="a", cap=7, include_usage=True) == body.replace(b"openai/a", b"a")
    assert CODEC.write_path("/v1/embeddings", "a") == "/v1/embeddings"


@pytest.mark.parametrize(
    ("usage", "read_as"),
    [
        ({"prompt_tokens": 8, "total_tokens": 8}, Usage(input_tokens=8, output_tokens=0)),
        ({"prompt_tokens": 8, "completion_tokens": 0, "total_tokens": 8}, Usage(input_tokens=8, output_tokens=0)),
        # Voyage gives the total alone.
        ({"total_tokens": 8}, Usage(input_tokens=8, output_tokens=0)),
    ],
)
def test_an_embedding_has_no_output_and_that_is_known(usage: dict[str, int], read_as: Usage) -> None:
    report = CODEC.read_answer(json.dumps({"model": "m", "id": "e1", "usage": usage, "data": []}).encode())
    assert report == Report(usage=read_as, response_model="m", response_id="e1")


def test_an_answer_without_usage_reports_none_and_not_zero() -> None:
    assert CODEC.read_answer(b'{"model": "m", "usage": null}') == Report(response_model="m")
    assert CODEC.read_answer(b"nothing of the kind") == Report()


def test_counts_that_do_not_add_up_are_suspect() -> None:
    suspect = CODEC.read_answer(b'{"usage": {"prompt_tokens": 8, "total_tokens": 9}}').suspect
    assert suspect is not None and "total_tokens is 9" in suspect


def test_its_meter_reads_a_whole_answer() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(b'{"usage": {"total_to')
    meter.feed(b'kens": 8}}')
    meter.finish()
    assert meter.report().usage == Usage(input_tokens=8, output_tokens=0)
    assert meter.complete


def test_a_cost_that_the_answer_states_is_reported() -> None:
    body = b'{"data": [], "model": "m", "usage": {"prompt_tokens": 8, "total_tokens": 8, "cost": 1.6e-7}}'
    assert CODEC.read_answer(body) == Report(
        usage=Usage(input_tokens=8, output_tokens=0), response_model="m", stated_cost=160
    )
