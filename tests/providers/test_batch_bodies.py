"""Either API's requests are read by its own rules."""

import json

from tollway.providers.batch_bodies import read_requests
from tollway.providers.batches import Requests
from tollway.providers.codec import Malformed

PARAMS = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def test_anthropics_requests_stand_in_the_body() -> None:
    body = json.dumps({"requests": [{"custom_id": "a", "params": PARAMS}]}).encode()
    found = read_requests("anthropic.batches", b"application/json", body)
    assert isinstance(found, Requests) and (found.model, len(found.all)) == ("claude-haiku-4-5", 1)


def test_openais_requests_stand_in_a_file() -> None:
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {**PARAMS, "model": "gpt-4o"}}
    head = b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x\r\n'
    file = b'content-disposition: form-data; name="file"; filename="f"\r\n\r\n' + json.dumps(line).encode()
    found = read_requests("openai.files", b"multipart/form-data; boundary=x", head + file + b"\r\n--x--\r\n")
    assert isinstance(found, Requests) and (found.model, found.endpoint) == ("gpt-4o", "/chat/completions")


def test_a_body_of_the_other_api_is_refused() -> None:
    assert isinstance(read_requests("openai.files", b"application/json", b"{}"), Malformed)
    assert isinstance(read_requests("anthropic.batches", b"application/json", b"{}"), Malformed)
