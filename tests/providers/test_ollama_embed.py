import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.ollama_embed import Embed
from tollway.request import Ask
from tollway.usage import Usage

EMBED = Embed()


@pytest.mark.parametrize(
    ("body", "messages", "reason"),
    [
        ({"input": "a"}, 1, None),
        ({"input": ["a", "b"]}, 2, None),
        ({"prompt": "a"}, 1, None),
        ({"input": {"a": 1}}, 1, "input of an unknown shape"),
        ({"input": [{"a": 1}]}, 1, "input of an unknown shape"),
    ],
)
def test_an_input_is_read(body: dict[str, Any], messages: int, reason: str | None) -> None:
    read = EMBED.read_ask("/api/embed", b"", b"", json.dumps({"model": "m", **body}).encode())
    assert isinstance(read, Ask)
    assert (read.model, read.messages, read.unbounded, read.stream) == ("m", messages, reason, False)


def test_another_spelling_is_refused() -> None:
    assert isinstance(EMBED.read_ask("/api/embed", b"", b"", b'{"Input": "a"}'), Malformed)


def test_an_answer_has_no_output() -> None:
    answer = b'{"model":"m","embeddings":[[0.1]],"total_duration":1,"prompt_eval_count":8}'
    assert EMBED.read_answer(answer).usage == Usage(input_tokens=8, output_tokens=0)


def test_an_answer_without_a_count_reports_none() -> None:
    assert EMBED.read_answer(b'{"embedding":[0.1]}').usage is None
    meter = EMBED.meter(strip_usage=False)
    meter.feed(b'{"embedding":[0.1]}')
    meter.finish()
    assert meter.complete
    assert meter.report().usage is None


def test_only_the_model_is_written() -> None:
    body = b'{"model":"a"}'
    assert EMBED.write_body(body, Ask(), model=None, cap=9, include_usage=True) is body
    assert EMBED.write_body(body, Ask(), model="b", cap=3, include_usage=True) == b'{"model":"b"}'
