"""OpenAI's batches: files, states, results."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.batches import Requests, State
from tollway.providers.codec import Malformed
from tollway.providers.openai_batches import read_file, read_result, read_state, read_upload, read_wanted

MARK = b"xyz"
FORM = b"multipart/form-data; boundary=" + MARK
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5},
    "/v1/responses": {"model": "m", "input": "hi", "max_output_tokens": 5},
    "/v1/completions": {"model": "m", "prompt": "hi", "max_tokens": 5},
    "/v1/embeddings": {"model": "m", "input": "hi"},
}


def line(url: str, body: Any, name: str = "a", **fields: Any) -> bytes:
    return json.dumps({"custom_id": name, "method": "POST", "url": url, "body": body, **fields}).encode()


def part(name: str, value: bytes, extra: bytes = b"") -> bytes:
    head = b'--%s\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n' % (MARK, name.encode(), extra)
    return head + value + b"\r\n"


def form(content: bytes, *more: bytes, purpose: bytes = b"batch") -> bytes:
    file = part("file", content, b'; filename="a.jsonl"')
    return part("purpose", purpose) + file + b"".join(more) + b"--" + MARK + b"--\r\n"


@pytest.mark.parametrize("url", BODIES)
def test_each_line_is_read_as_a_request_to_the_endpoint_it_calls(url: str) -> None:
    content = line(url, BODIES[url]) + b"\r\n\n" + line(url, BODIES[url], "b")
    found = read_upload(FORM, form(content))
    assert isinstance(found, Requests), found
    assert (found.endpoint, found.model, len(found.all)) == (url.removeprefix("/v1"), "m", 2)
    assert found.all[0].ask.max_output_tokens == (None if url.endswith("embeddings") else 5)


CHAT = line("/v1/chat/completions", BODIES["/v1/chat/completions"])


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        (b"application/json", b"{}", "no multipart form"),
        (FORM, form(CHAT, purpose=b"vision"), "purpose"),
        (FORM, form(CHAT, part("purpose", b"batch")), "twice"),
        (FORM, form(CHAT, part("file", CHAT, b'; filename="b"')), "several"),
        (FORM, form(CHAT, part("other", CHAT, b'; filename="b"')), "several"),
        (FORM, part("purpose", b"batch") + b"--xyz--\r\n", "no file"),
        (FORM, form(CHAT)[:-9], "does not end"),
        (FORM, form(b"\xef\xbb\xbf" + CHAT), "line 1"),
        (FORM, form(CHAT + b"\n[1]"), "line 2"),
        (FORM, form(CHAT + CHAT), "line 1"),
        (FORM, form(CHAT.replace(b'"max_tokens": 5', b'"max_tokens": 5, "max_tokens": 500')), "twice"),
        (FORM, form(CHAT.replace(b'"model": "m"', b'"Model": "m"')), "another spelling"),
        (FORM, form(CHAT.replace(b'"model": "m", ', b"")), "names no model"),
        (FORM, form(b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}'), "has no body"),
        (FORM, form(b"\n".join([CHAT] * 10_001)), "more than 10,000 requests"),
    ],
)
def test_what_two_readers_could_take_differently_is_refused(content_type: bytes, body: bytes, said: str) -> None:
    found = read_upload(content_type, body)
    assert isinstance(found, Malformed) and said in found.message, found


def test_a_batch_says_which_file_and_which_endpoint() -> None:
    wanted = read_wanted(
        b'{"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "24h", "metadata": {}}'
    )
    assert not isinstance(wanted, Malformed) and (wanted.input_file, wanted.endpoint) == ("f", "/responses")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"input_file_id": "f"}', b'{"input_file_id": 5.5, "endpoint": "/v1/responses"}',
        b'{"input_file_id": "f", "endpoint": "/x", "requests": []}', b'{"input_file_id": "f", "input_file_id": "g", "endpoint": "/x"}',
    ],
)  # fmt: skip
def test_any_other_wish_is_refused(body: bytes) -> None:
    assert isinstance(read_wanted(body), Malformed)


def state(**fields: Any) -> bytes:
    return json.dumps({"id": "b", "object": "batch", "status": "in_progress", **fields}).encode()


def test_a_state_tells_the_end_the_files_and_how_many_were_answered() -> None:
    counts = {"total": 3, "completed": 2, "failed": 1}
    assert read_state(state(request_counts=counts)) == State("b", False, None, "", ())
    ended = state(status="completed", request_counts=counts, output_file_id="o", error_file_id="e")
    assert read_state(ended) == State("b", True, 2, "o", ("o", "e"))
    assert read_state(state(status="expired", output_file_id="o")) == State("b", True, None, "o", ("o",))
    assert read_state(state(status="failed")) == State("b", True, 0, "", ())
    assert read_state(state(status="cancelling", request_counts=counts)) == State("b", False, None, "", ())
    assert read_state(b'{"id": "b", "object": "list"}') is None


def test_a_file_tells_its_id() -> None:
    assert read_file(b'{"id": "f", "object": "file"}') == "f"
    assert read_file(b'{"id": "f", "object": "batch"}') is None


@pytest.mark.parametrize(
    ("raw", "billed"),
    [
        (b'{"custom_id":"a","response":{"status_code":400,"body":{}},"error":null}', False),
        (b'{"custom_id":"a","response":null,"error":{"code":"batch_expired"}}', False),
        (
            b'{"custom_id":"a","response":{"status_code":200,"body":{"usage":{"prompt_tokens":1,"completion_tokens":1}}}}',
            True,
        ),
    ],
)
def test_a_line_tells_whether_it_was_answered(raw: bytes, billed: bool) -> None:
    result = read_result(raw, "/chat/completions")
    assert result is not None and (result.report is not None) is billed


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b'{"response": {}}', b'{"response": {"status_code": 200}}', b'{"error": 1}']
)
def test_a_line_that_tells_nothing_is_not_taken_for_free(raw: bytes) -> None:
    assert read_result(raw, "/chat/completions") is None


@given(st.binary(max_size=80))
def test_no_bytes_break_the_readers(raw: bytes) -> None:
    assert isinstance(read_upload(FORM, form(raw)), Malformed)
    assert isinstance(read_wanted(raw), Malformed)
    assert read_state(raw) is None and read_file(raw) is None and read_result(raw, "/responses") is None
