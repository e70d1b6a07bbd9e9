"""An array of calls, read as if each had been made by itself."""

from typing import Any

import msgspec
import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.universal import LARGEST, MOST_STEPS, Wrong, read_steps
from tollway.request import Credential, Handling, InferenceRequest

SNAPSHOT = world.snapshot(
    providers={
        "openai": {},
        "anthropic": {},
        "workers-ai": {"account": "a"},
        "lab": {"api": "openai", "base_url": "https://lab/v1", "api_key": "none"},
    },
    keys=[],
    budgets=[],
)
OWN = Credential(b"cf-aig-authorization", "the-gateway-key")


def asked(steps: Any, *, handling: Handling | None = None, **fields: Any) -> InferenceRequest:
    body = steps if isinstance(steps, bytes) else msgspec.json.encode(steps)
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"text/plain"), (b"x-of-all", b"yes"))
    request = world.request(body=body, headers=headers, path="/v1/account/default", **fields)
    return msgspec.structs.replace(request, credentials=(OWN,), handling=handling or Handling())


def read(steps: Any, **fields: Any) -> tuple[InferenceRequest, ...]:
    found = read_steps(asked(steps, **fields), SNAPSHOT)
    assert not isinstance(found, Wrong), found
    return found


def wrong(steps: Any) -> str:
    found = read_steps(asked(steps), SNAPSHOT)
    assert isinstance(found, Wrong)
    return f"{found.code}: {found.message}"


def step(provider: str = "openai", endpoint: str = "chat/completions", **fields: Any) -> dict[str, Any]:
    return {"provider": provider, "endpoint": endpoint, "query": {"model": "m"}, **fields}


@pytest.mark.parametrize(
    ("provider", "endpoint", "path", "api", "dialect"),
    [
        ("openai", "chat/completions", "/chat/completions", "openai.chat", "openai"),
        ("openai", "/v1/responses", "/v1/responses", "openai.responses", "openai"),
        ("anthropic", "v1/messages", "/v1/messages", "anthropic.messages", "anthropic"),
        ("lab", "v1/chat/completions", "/v1/chat/completions", "openai.chat", "openai"),
        ("workers-ai", "@cf/meta/llama-3.1-8b-instruct", "/run/@cf/meta/llama-3.1-8b-instruct", "cloudflare.run", "openai"),
    ],
)  # fmt: skip
def test_a_step_is_a_call_of_the_providers_own_path(
    provider: str, endpoint: str, path: str, api: str, dialect: str
) -> None:
    (found,) = read([step(provider, endpoint)])
    assert (found.provider, found.upstream_path, found.api, found.dialect) == (provider, path, api, dialect)
    assert (found.method, found.body, found.content_type) == ("POST", b'{"model":"m"}', b"application/json")


def test_its_body_is_the_callers_bytes() -> None:
    written = b'[{"provider":"openai","endpoint":"chat/completions","query": {"model" : "m", "x":1.10}}]'
    assert read(written)[0].body == b'{"model" : "m", "x":1.10}'


def test_a_query_behind_the_endpoint_is_the_calls_query() -> None:
    assert read([step(endpoint="chat/completions?api-version=1")])[0].query == b"api-version=1"
    assert "send it as a header" in wrong([step(endpoint="chat/completions?key=secret")])


def test_headers_of_the_step_stand_in_place_of_the_requests_and_the_gateways_are_kept_apart() -> None:
    headers = {"X-Of-All": "no", "x-own": "1", "cf-aig-cache-ttl": "60", "Authorization": "Bearer sk-openai"}
    (found,) = read([step(headers=headers)])
    assert dict(found.headers)[b"x-of-all"] == b"no"
    assert dict(found.headers)[b"x-own"] == b"1"
    assert dict(found.headers)[b"content-type"] == b"application/json"
    assert [name for name, _ in found.headers].count(b"content-type") == 1
    assert found.credentials == (Credential(b"authorization", "sk-openai"), OWN)


def test_the_older_place_of_a_providers_key() -> None:
    (found,) = read([step(authorization="Bearer sk-openai")])
    assert found.credentials[0] == Credential(b"authorization", "sk-openai")


def test_each_step_has_what_it_says_and_else_what_the_request_says() -> None:
    handling = Handling(timeout_ms=9_000, max_attempts=4, cache_ttl_s=3_600, skip_cache=True, idempotency_key="k")
    config = {"requestTimeout": 500, "maxAttempts": 2, "retryDelay": 0, "backoff": "linear", "cacheTtl": 0}
    own, none, off = read(
        [step(config=config), step(), step(headers={"cf-aig-skip-cache": "false"})], handling=handling
    )
    assert own.handling == Handling(
        timeout_ms=500, max_attempts=2, retry_delay_ms=0, backoff="linear", cache_ttl_s=0, skip_cache=True
    )
    assert none.handling == msgspec.structs.replace(handling, idempotency_key=None)
    assert off.handling.skip_cache is False


def test_a_header_of_the_step_comes_before_its_config() -> None:
    (found,) = read([step(config={"maxAttempts": 2, "skipCache": True}, headers={"tollway-max-attempts": "3"})])
    assert (found.handling.max_attempts, found.handling.skip_cache) == (3, True)


def test_metadata_of_a_step_is_its_own() -> None:
    own, none = read([step(headers={"cf-aig-metadata": '{"a": 1}'}), step()], metadata='{"b": 2}')
    assert (own.metadata, none.metadata) == ('{"a": 1}', '{"b": 2}')


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (b"", "body_invalid: The body is not an array of steps"),
        (b"\xff\xfe", "body_invalid: The body is not an array of steps"),
        (b"[" * 10_000, "body_invalid: The body is not an array of steps"),
        ({}, "body_invalid: The body is not an array of steps"),
        ([], "body_invalid: The body has 0 steps; send 1 to 20"),
        ([step()] * (MOST_STEPS + 1), "body_invalid: The body has 21 steps; send 1 to 20"),
        ([{"provider": "openai", "endpoint": "x"}], "query"),
        ([step(config={"maxTries": 1})], "maxTries"),
        ([step(), step(config={"maxAttempts": 9})], "Step 1: The header max-attempts is"),
        ([step(config={"requestTimeout": True})], "requestTimeout"),
        ([step("nobody")], 'Step 0: Nothing is served at "/nobody/chat/completions"'),
        ([step(endpoint="../../api/v1/keys")], "Step 0: "),
        ([step(endpoint="")], "Step 0: "),
        ([step(headers={"x": "a\nb"})], "Step 0: the header 'x' has characters that no header can have, such as a line break"),
        ([step(headers={"x\r\ny": "a"})], "is no name of a header"),
        ([step(headers={"ü": "a"})], "is no name of a header"),
        ([step(headers={"x": "a\x7f"})], "characters that no header can have"),
        ([step(headers={"x": "☃"})], "characters that no header can have"),
        ([step(headers={"Authorization": "Bearer a"}, authorization="Bearer b")], "a credential stands there twice"),
        ([step(headers={"cf-access-client-id": "a"})], "half of a service token"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(steps: Any, said: str) -> None:
    assert said in wrong(steps)


@pytest.mark.parametrize("name", ["", "x y", "transfer-encoding ", "cookie: a=b; x", "content-length\t", "\x00"])
def test_a_header_that_cannot_be_sent_is_told_before_anything_is(name: str) -> None:
    assert wrong([step(headers={name: "v"})]).startswith(f"body_invalid: Step 0: {name!r} is no name of a header")


@pytest.mark.parametrize("query", ["a=b c", "a=b HTTP/1.1\r\nHost: h", "a=#b", "a=\x00", "a=ü"])
def test_a_query_that_cannot_be_sent_is_told_before_anything_is(query: str) -> None:
    assert "percent-encode them" in wrong([step(endpoint=f"chat/completions?{query}")])


def test_the_body_of_a_step_is_json_whatever_the_step_says_of_it() -> None:
    (found,) = read([step(headers={"Content-Type": "text/plain"})])
    assert [value for name, value in found.headers if name == b"content-type"] == [b"application/json"]


@pytest.mark.parametrize(
    ("provider", "endpoint"),
    [
        ("openai", "batches"),
        ("openai", "v1/batches/batch_OTHERS/cancel"),
        ("openai", "files"),
        ("lab", "v1/batches"),
        ("anthropic", "v1/messages/batches"),
        ("anthropic", "v1/messages/batches/msgbatch_OTHERS/cancel"),
        ("compat", "messages/batches"),
        ("v1", "messages/batches"),
        ("messages", "batches"),
        ("v1", "account/default/openai/batches"),
    ],
)
def test_batches_and_files_are_no_steps_so_that_nobody_gets_past_whose_they_are(provider: str, endpoint: str) -> None:
    # They are somebody's, held and settled by their own road; a step would be forwarded as any call is.
    said = wrong([step(), step(provider, endpoint)])
    assert (
        said.startswith("body_invalid: Step 1: ") and "batches and files are called by the provider's own path" in said
    )


@pytest.mark.parametrize("endpoint", ["batches", "files", "batches/b/cancel", "files/f/content"])
def test_jobs_on_a_unified_path_are_no_steps_either(endpoint: str) -> None:
    assert wrong([step("compat", endpoint)]).startswith("body_invalid: Step 0: ")


def test_more_than_is_taken_apart_in_one_go_is_too_large() -> None:
    assert wrong(b" " * (LARGEST + 1)).startswith(
        "body_too_large: The steps have 4,194,305 bytes; the most is 4,194,304."
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["provider", "endpoint", "query", "headers", "config", "openai", "x"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_comes_is_read_or_refused(steps: Any) -> None:
    found = read_steps(asked(steps), SNAPSHOT)
    assert isinstance(found, Wrong) or len(found) <= MOST_STEPS
