"""Paths and tiers of batches."""

import msgspec
import pytest

from tollway.providers.batches import JOBS, JobCodec, id_of, job_call, tier_in_batch
from tollway.providers.registry import codec_for

CALLS = [
    ("anthropic", "POST", "/v1/messages/batches", "create", ""),
    ("anthropic", "POST", "/messages/batches/", "create", ""),
    ("anthropic", "GET", "/v1/messages/batches/msgbatch_1", "read", "msgbatch_1"),
    ("anthropic", "GET", "/v1/messages/batches/m/results", "results", "m"),
    ("anthropic", "POST", "/v1/messages/batches/m/cancel", "cancel", "m"),
    ("anthropic", "DELETE", "/v1/messages/batches/m", "delete", "m"),
    ("openai", "POST", "/v1/batches", "create", ""),
    ("openai", "GET", "/batches/b", "read", "b"),
    ("openai", "POST", "/v1/batches/b/cancel", "cancel", "b"),
    ("openai", "POST", "/v1/files", "create", ""),
    ("openai", "GET", "/v1/files/file-a", "read", "file-a"),
    ("openai", "GET", "/v1/files/f/content", "results", "f"),
    ("openai", "DELETE", "/v1/files/f", "delete", "f"),
]


@pytest.mark.parametrize(("family", "method", "path", "action", "identifier"), CALLS)
def test_a_path_of_jobs_says_what_is_asked(family: str, method: str, path: str, action: str, identifier: str) -> None:
    call = job_call(family, method, path)  # type: ignore[arg-type]
    assert call is not None and (call.action, call.id) == (action, identifier)
    again = job_call(family, method, call.path)  # type: ignore[arg-type]
    assert again == call and call.path.startswith("/v1/")


@pytest.mark.parametrize(
    ("family", "method", "path"),
    [
        ("anthropic", "GET", "/v1/messages/batches"),
        ("anthropic", "POST", "/v1/messages/batches/m"),
        ("anthropic", "POST", "/v1/batches"),
        ("anthropic", "GET", "/v1/files/f"),
        ("openai", "GET", "/v1/batches"),
        ("openai", "GET", "/v1/files"),
        ("openai", "DELETE", "/v1/batches/b"),
        ("openai", "POST", "/v1/files/f"),
        ("openai", "GET", "/v1/files/a%2fb"),
        ("openai", "GET", "/v1/files/../files/f"),
        ("openai", "GET", "/v1/files/é"),
        ("openai", "GET", "/v2/files/f"),
        ("openai", "POST", "/v1/uploads"),
        ("openai", "POST", "/v1/chat/completions"),
        ("google", "POST", "/v1/batches"),
    ],
)
def test_every_other_path_is_none_of_them(family: str, method: str, path: str) -> None:
    assert job_call(family, method, path) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("named", "billed"),
    [
        (None, "batch"), ("", "batch"), ("standard", "batch"), ("default", "batch"), ("auto", "batch"), ("batch", "batch"),
        ("us", "batch+us"), ("batch+us", "batch+us"), ("global", "batch+global"), ("priority", "priority"),
        ("fast+us", "fast+us"), ("flex", "flex"),
    ],
)  # fmt: skip
def test_the_tier_of_a_batch_is_its_own_unless_a_dearer_one_is_named(named: str | None, billed: str) -> None:
    assert tier_in_batch(named) == billed


def test_calls_about_jobs_report_no_usage_of_their_own() -> None:
    for api in JOBS:
        codec = codec_for(api)
        assert isinstance(codec, JobCodec) and codec.api == api
        report = codec.read_answer(b'{"object":"batch","usage":{"input_tokens":5,"output_tokens":5}}')
        assert report.usage is None


@pytest.mark.parametrize(
    ("written", "known"),
    [
        (b'"file-a_1"', "file-a_1"),
        (b'"../x"', None),
        (b'"a/b"', None),
        (b'"a?b"', None),
        (b'""', None),
        (b"null", None),
        (b"{}", None),
    ],
)
def test_an_id_can_stand_in_a_path_or_is_none(written: bytes, known: str | None) -> None:
    assert id_of(msgspec.Raw(written)) == known
