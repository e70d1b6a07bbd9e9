"""Any other path: the model wherever it stands, the usage in whatever shape it has."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.request import Ask
from tollway.usage import Usage

CODEC = codec_for("openai.other")
FORM = b'multipart/form-data; boundary="xyz"'


def form(*fields: tuple[str, str]) -> bytes:
    parts = [f"--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in fields]
    return "".join([*parts, "--xyz--\r\n"]).encode()


@pytest.mark.parametrize(
    ("content_type", "body", "model", "stream"),
    [
        (b"application/json", b'{"model": "dall-e-3", "stream": true}', "dall-e-3", True),
        (b"application/json", b'{"model": 5}', None, False),
        (b"application/json", b"not json", None, False),
        (b"", b"", None, False),
        (FORM, form(('name="model"', "whisper-1"), ('name="file"; filename="a.mp3"', "\0\1")), "whisper-1", False),
        (FORM, form(('name="file"; filename="a.mp3"', "x\r\n\r\ny"), ("name=model", "whisper-1")), "whisper-1", False),
        (FORM, form(('name="stream"', "true"), ('name="other"', "model")), None, True),
        (FORM, b"", None, False),
    ],
)
def test_the_model_is_found_in_json_and_in_a_form(content_type: bytes, body: bytes, model: str, stream: bool) -> None:
    found = CODEC.read_ask("/v1/x", b"", content_type, body)
    assert isinstance(found, Ask)
    assert (found.model, found.stream) == (model, stream)
    assert found.unbounded


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (b"application/json", b'{"model": "cheap", "model": "dear"}'),
        (FORM, form(('name="model"', "cheap"), ('name="model"', "dear"))),
        (FORM, form(('name="x"; filename="; name=y"', "dear"))),
        (FORM, form(('name= "model"', "dear"), ('name="model"', "cheap"))),
        (b"multipart/form-data", form(('name="model"', "whisper-1"))),
        (FORM, b"--xyz\r\nbroken"),
    ],
)
def test_a_model_that_two_parsers_may_read_differently_is_refused(content_type: bytes, body: bytes) -> None:
    assert isinstance(CODEC.read_ask("/v1/x", b"", content_type, body), Malformed)


def test_only_a_model_in_json_is_written_over() -> None:
    def write(body: bytes) -> bytes:
        return CODEC.write_body(body, Ask(), model="new", cap=5, include_usage=True)

    assert write(b'{"model":"old","n": 2}') == b'{"model":"new","n":2}'
    for body in (b'{"n": 2}', b"\0\1", form(('name="model"', "old"))):
        assert write(body) is body


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"usage": {"prompt_tokens": 4, "total_tokens": 4}}, Usage(input_tokens=4)),
        ({"usage": {"type": "duration", "seconds": 6.2}}, Usage(input_audio_seconds=7)),
        (
            {
                "usage": {
                    "type": "tokens",
                    "input_tokens": 9,
                    "output_tokens": 2,
                    "input_token_details": {"audio_tokens": 8},
                }
            },
            Usage(input_tokens=9, output_tokens=2, input_audio_tokens=8),
        ),
        ({"created": 1, "data": [{"url": "u"}, {"b64_json": "AA"}]}, Usage(images=2)),
        (
            {"created": 1, "data": [{"b64_json": "AA"}], "usage": {"input_tokens": 9, "output_tokens": 2}},
            Usage(input_tokens=9, output_tokens=2, images=1),
        ),
        (
            {"type": "message", "usage": {"input_tokens": 9, "cache_read_input_tokens": 2, "output_tokens": 1}},
            Usage(input_tokens=11, cache_read_input_tokens=2, output_tokens=1),
        ),
        ({"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1}}, Usage(input_tokens=9, output_tokens=1)),
        ({"data": [{"embedding": [1]}]}, None),
        ({"error": {"message": "x"}}, None),
        ({"usage": "none"}, None),
    ],
)
def test_usage_is_read_in_whatever_known_shape(answer: dict[str, Any], usage: Usage | None) -> None:
    assert CODEC.read_answer(json.dumps(answer).encode()).usage == usage


def test_a_streamed_transcription_reports_at_its_end() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(b'data: {"type": "transcript.text.delta", "delta": "hi"}\n\n')
    assert not meter.complete
    meter.feed(b'data: {"type": "transcript.text.done", "usage": {"input_tokens": 4, "output_tokens": 2}}\n\n')
    assert meter.complete
    assert meter.report().usage == Usage(input_tokens=4, output_tokens=2)


@given(st.lists(st.binary(max_size=60)))
def test_binary_answers_pass_unchanged(chunks: list[bytes]) -> None:
    meter = CODEC.meter(strip_usage=False)
    assert all(meter.feed(chunk) is chunk for chunk in chunks)
    assert meter.finish() == b""


@pytest.mark.parametrize(
    ("api", "path"),
    [
        ("openai.other", "/v1/fine_tuning/jobs"),
        ("openai.other", "/v1/batches"),
        ("openai.other", "/v1/batches/"),
        ("openai.other", "/v1/threads/t/runs"),
        ("openai.other", "/v1/threads/runs"),
        ("openai.other", "/v1/realtime/client_secrets"),
        ("openai.other", "/v1/b%61tches"),
        ("openai.other", "/v1/batch/jobs"),
        ("openai.other", "/v1/fine-tunes"),
        ("openai.other", "/v1/fine-tuning/x"),
        ("openai.other", "/v1/fine_tuning/jobs/j/resume"),
        ("openai.other", "/v1/accounts/a/batchInferenceJobs"),
        ("openai.other", "/v1/videos"),
        ("openai.other", "/v1/Videos/v/remix"),
        ("openai.other", "/v1/video/generations"),
        ("openai.other", "/api/paas/v4/async/chat/completions"),
        ("openai.other", "/v1/models/m/predictions"),
        ("openai.other", "/v1/jobs"),
        ("openai.other", "/v1/agents/a/completions"),
        ("google.other", "/v1beta/interactions"),
        ("google.other", "/v1/projects/p/locations/l/batchPredictionJobs"),
        ("anthropic.other", "/v1/messages/batches"),
        ("google.other", "/v1beta/models/gemini-2.5-flash:batchGenerateContent"),
        ("google.other", "/v1beta/models/veo-3:predictLongRunning"),
        ("google.other", "/v1beta/tunedModels"),
    ],
)
def test_a_job_of_many_calls_has_no_model_whose_price_could_bound_it(api: Any, path: str) -> None:
    ask = codec_for(api).read_ask(path, b"", b"application/json", b'{"model":"gpt-4o-mini"}')
    assert isinstance(ask, Ask) and ask.model is None and ask.unbounded is not None


@pytest.mark.parametrize(
    "path",
    [
        "/v1/batches/b/cancel",
        "/v1/images/generations",
        "/v1/audio/speech",
        "/v1/moderations",
        "/v1/agents/completions",
        "/v1/asynchronous",
        "/v1/videosearch",
    ],
)
def test_a_single_call_keeps_its_model(path: str) -> None:
    ask = codec_for("openai.other").read_ask(path, b"", b"application/json", b'{"model":"gpt-4o-mini"}')
    assert isinstance(ask, Ask) and ask.model == "gpt-4o-mini"


@pytest.mark.parametrize("name", ["Model", "STREAM"])
def test_a_field_of_a_form_in_another_case_is_refused(name: str) -> None:
    body = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\nx\r\n--b--\r\n'.encode()
    found = codec_for("openai.other").read_ask("/v1/audio/x", b"", b"multipart/form-data; boundary=b", body)
    assert isinstance(found, Malformed) and "lower case" in found.message


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (
            {
                "usage": {
                    "total_tokens": 9,
                    "total_input_tokens": 3,
                    "total_output_tokens": 2,
                    "total_thought_tokens": 4,
                }
            },
            Usage(input_tokens=3, output_tokens=6, reasoning_output_tokens=4),
        ),
        (
            {"usage": {"prompt_tokens": 9, "completion_tokens": 1, "cache_read_input_tokens": 4}},
            Usage(input_tokens=9, cache_read_input_tokens=4, output_tokens=1),
        ),
        ({"stats": {"input_tokens": 9, "total_output_tokens": 1}}, Usage(input_tokens=9, output_tokens=1)),
        (
            {"model_id": "m", "results": [{"input_token_count": 9, "generated_token_count": 1}]},
            Usage(input_tokens=9, output_tokens=1),
        ),
    ],
)
def test_usage_of_other_apis_is_read(answer: dict[str, Any], usage: Usage) -> None:
    report = CODEC.read_answer(json.dumps(answer).encode())
    assert (report.usage, report.suspect) == (usage, None)


def test_a_streamed_interaction_reports_at_its_end() -> None:
    meter = codec_for("google.other").meter(strip_usage=False)
    meter.feed(b'data: {"event_type": "content.delta", "delta": {"text": "hi"}}\n\n')
    assert not meter.complete
    usage = b'{"total_input_tokens": 3, "total_output_tokens": 2, "total_tokens": 5}'
    meter.feed(b'data: {"event_type": "interaction.complete", "interaction": {"usage": ' + usage + b"}}\n\n")
    assert meter.complete
    assert meter.report().usage == Usage(input_tokens=3, output_tokens=2)


def test_a_streamed_text_keeps_the_input_that_its_first_event_told() -> None:
    meter = CODEC.meter(strip_usage=False)

    def event(given: int, made: int, reason: str) -> bytes:
        result = {"input_token_count": given, "generated_token_count": made, "stop_reason": reason}
        return b"data: " + json.dumps({"model_id": "m", "results": [result]}).encode() + b"\n\n"

    meter.feed(event(9, 1, "not_finished"))
    assert not meter.complete
    meter.feed(event(0, 4, "eos_token"))
    assert meter.complete
    assert meter.report().usage == Usage(input_tokens=9, output_tokens=4)


GOOGLE = codec_for("google.other")
MISTRAL = "/v1/projects/p/locations/us-central1/publishers/mistralai/models/mistral-large@2407:rawPredict"


@pytest.mark.parametrize("model", ["mistral-large", "mistral-large@2407"])
def test_a_body_at_google_may_name_the_model_of_the_path(model: str) -> None:
    found = GOOGLE.read_ask(MISTRAL, b"alt=sse", b"application/json", json.dumps({"model": model}).encode())
    assert isinstance(found, Ask) and found.model == "mistral-large@2407"


def test_another_model_in_the_body_or_the_query_at_google_is_refused() -> None:
    for body, query in ((b'{"model": "codestral"}', b""), (b"{}", b"model=codestral")):
        found = GOOGLE.read_ask(MISTRAL, query, b"application/json", body)
        assert isinstance(found, Malformed) and "they must agree" in found.message


def test_a_job_at_google_may_name_whatever_it_is_for() -> None:
    body = b'{"model": "publishers/google/models/other"}'
    found = GOOGLE.read_ask("/v1beta/models/gemini-2.5-flash:batchGenerateContent", b"", b"", body)
    assert isinstance(found, Ask) and found.model is None
