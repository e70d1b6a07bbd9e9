"""What may be kept, and for how long."""

from typing import Any

import pytest

from tollway.cache.rules import (
    LARGEST_REQUEST,
    MONTH_S,
    OFF,
    UNSAID_S,
    Caching,
    Outcome,
    Refused,
    Use,
    is_keepable,
    may_be_kept,
    use_of,
)
from tollway.errors import REASONS
from tollway.request import NO_HANDLING, Api, Handling

HOUR = Caching(ttl_s=3_600)
JSON = ((b"content-type", b"application/json"),)
GOOD = Outcome(200, complete=True)


def use(caching: Caching | None = HOUR, api: Api = "openai.chat", body: bytes = b"{}", **asked: Any) -> Use | Refused:
    handling = Handling(**asked) if asked else NO_HANDLING
    return use_of(caching, handling, api=api, method="POST", path="/v1/x", body=body)


def test_a_gateway_without_a_cache_keeps_nothing_unasked() -> None:
    assert use(None) == use(Caching()) == OFF
    assert OFF.off and OFF.bypassed


def test_a_gateway_keeps_for_as_long_as_it_says() -> None:
    found = use()
    assert found == Use(read=True, keep_s=3_600, custom=None, max_entry_bytes=HOUR.max_entry_bytes)


def test_a_header_says_otherwise() -> None:
    assert use(cache_ttl_s=60) == Use(True, 60, None, HOUR.max_entry_bytes)
    assert use(None, cache_ttl_s=MONTH_S) == Use(True, MONTH_S, None, HOUR.max_entry_bytes)


def test_zero_is_off_whatever_else_is_asked() -> None:
    assert use(cache_ttl_s=0) == OFF
    assert use(cache_ttl_s=0, cache_key="mine") == OFF
    assert use(None, cache_ttl_s=0, cache_key="mine") == OFF
    assert use(cache_ttl_s=0, skip_cache=True) == OFF


def test_a_name_alone_is_kept_for_five_minutes_where_nothing_says_for_how_long() -> None:
    found = use(None, cache_key="mine")
    assert isinstance(found, Use) and (found.keep_s, found.custom) == (UNSAID_S, "mine")
    found = use(cache_key="mine")
    assert isinstance(found, Use) and (found.keep_s, found.custom) == (3_600, "mine")


def test_what_is_skipped_is_made_anew_and_kept() -> None:
    found = use(skip_cache=True)
    assert isinstance(found, Use) and found.bypassed and not found.off and found.keep_s == 3_600
    assert use(None, skip_cache=True) == OFF


def test_where_headers_turn_nothing_on_they_still_turn_it_off() -> None:
    closed = Caching(ttl_s=600, by_headers=False)
    found = use(closed, cache_ttl_s=3_600)
    assert isinstance(found, Use) and found.keep_s == 600
    assert use(closed, cache_ttl_s=0) == OFF
    assert use(Caching(by_headers=False), cache_ttl_s=3_600, cache_key="mine") == OFF


@pytest.mark.parametrize("ttl_s", [-1, 1, 59, MONTH_S + 1])
def test_a_time_that_nothing_is_kept_for_is_refused_by_the_headers_name(ttl_s: int) -> None:
    found = use(cache_ttl_s=ttl_s)
    assert isinstance(found, Refused) and found.code in REASONS
    assert f"tollway-cache-ttl: {ttl_s} is not a time" in found.message
    told = use_of(
        None, Handling(cache_ttl_s=ttl_s), api="openai.chat", method="POST", path="", body=b"", cf_spelling=True
    )
    assert isinstance(told, Refused) and told.message.startswith("cf-aig-cache-ttl: ")


@pytest.mark.parametrize("name", ["", "a" * 513, "line\nbreak"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    found = use(cache_key=name)
    assert isinstance(found, Refused) and found.message.startswith("tollway-cache-key: ")


def test_answers_are_kept_and_nothing_else() -> None:
    for api in (
        "openai.chat",
        "anthropic.messages",
        "google.generate",
        "openai.embeddings",
        "openai.images",
        "cohere.rerank",
    ):
        assert may_be_kept(api, "POST", "/x", b"{}"), api
    for api in (
        "openai.batches",
        "openai.files",
        "anthropic.batches",
        "openai.other",
        "google.other",
        "anthropic.count_tokens",
    ):
        assert not may_be_kept(api, "POST", "/x", b"{}"), api
    assert not may_be_kept("openai.chat", "GET", "/x", b"")
    assert not may_be_kept("openai.chat", "POST", "/x", b" " * (LARGEST_REQUEST + 1))
    assert may_be_kept("google.predict", "POST", "/v1/models/imagen:predict", b"{}")
    assert not may_be_kept("google.predict", "POST", "/v1/models/veo:predictLongRunning", b"{}")


@pytest.mark.parametrize(
    ("api", "body", "kept"),
    [
        ("openai.responses", b'{"input":"x"}', True),
        ("openai.responses", b'{"input":"x","store":false,"background":false,"conversation":null}', True),
        ("openai.responses", b'{"input":"x","store":true}', False),
        ("openai.responses", b'{"input":"x","background":true}', False),
        ("openai.responses", b'{"input":"x","conversation":"conv_1"}', False),
        ("openai.responses", b'{"input":"x","previous_response_id":"resp_1"}', False),
        ("openai.responses", b'{"input":"say \\"store\\"","store":false}', True),
        ("openai.responses", b'{"tools":[{"name":"store"}]}', True),
        ("openai.responses", b'{"store":', False),
        ("openai.responses", b'{"store":false,"input":"' + b"x" * 300_000 + b'"}', False),
        ("openai.chat", b'{"store":true}', False),
        ("openai.chat", b'{"background":true}', True),
        ("anthropic.messages", b'{"store":true}', True),
        ("cloudflare.run", b'{"input":{},"options":{"background":true}}', False),
        ("cloudflare.run", b'{"input":{"background":"blue"},"options":{}}', True),
    ],
)
def test_a_request_that_leaves_something_behind_is_not_kept(api: Api, body: bytes, kept: bool) -> None:
    assert may_be_kept(api, "POST", "/x", body) is kept


def test_only_a_whole_good_answer_is_kept() -> None:
    asked = Use(True, 60, None, 100)
    assert is_keepable(asked, GOOD, JSON, b"{}", "openai.chat")
    for wrong in (
        Outcome(201, complete=True),
        Outcome(429, complete=True),
        Outcome(200, complete=False),
        Outcome(200, complete=True, clamped=True),
        Outcome(200, complete=True, refused=True),
    ):
        assert not is_keepable(asked, wrong, JSON, b"{}", "openai.chat")
    assert not is_keepable(OFF, GOOD, JSON, b"{}", "openai.chat")
    assert not is_keepable(asked, GOOD, JSON, b"", "openai.chat")
    assert not is_keepable(asked, GOOD, JSON, b"x" * 101, "openai.chat")
    assert not is_keepable(asked, GOOD, (*JSON, (b"Content-Encoding", b"gzip")), b"{}", "openai.chat")


def test_a_link_to_a_picture_is_not_kept_for_it_soon_leads_nowhere() -> None:
    asked = Use(True, 60, None, 1_000)
    assert not is_keepable(asked, GOOD, JSON, b'{"data":[{"url": "https://x"}]}', "openai.images")
    assert is_keepable(asked, GOOD, JSON, b'{"data":[{"url":null,"b64_json":"aaa"}]}', "openai.images")
    assert is_keepable(asked, GOOD, JSON, b'{"url":"https://x"}', "openai.chat")
