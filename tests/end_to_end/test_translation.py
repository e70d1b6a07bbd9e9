"""The official SDKs, each asking the other providers' models: through a running gateway, to providers made by aimock.

What a provider got is checked whole, so nothing that costs money can have been added; what was charged is checked against the
provider's own counts, to the nanodollar.
"""

import json
import threading
import time
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from gateway import KEY, RunningGateway, running
from mocked_providers import Door, mocked_providers
from sdk_callers import CALLERS, PERSON, PICTURE, RESULT, WEATHER, Asking, SdkCaller

from tollway.money import Money, dollars
from tollway.pricing.price import FILE, PriceBook

MINI, CLAUDE, GEMINI, LLAMA, MISTRAL = (
    "openai/gpt-4o-mini",
    "anthropic/claude-sonnet-4-5",
    "google/gemini-2.5-flash",
    "fireworks/accounts/fireworks/models/llama-v3p3-70b-instruct",
    "mistral/mistral-large-latest",
)
"""Fireworks speaks OpenAI's chat, and no other API of OpenAI's."""
PAIRS = [
    ("openai.chat", CLAUDE),
    ("openai.responses", CLAUDE),
    ("openai.responses", GEMINI),
    ("openai.responses", LLAMA),
    ("anthropic.messages", MINI),
    ("anthropic.messages", GEMINI),
    ("google.generate", MINI),
    ("google.generate", CLAUDE),
]
ONE_EACH = [
    ("openai.chat", CLAUDE),
    ("openai.responses", GEMINI),
    ("anthropic.messages", MINI),
    ("google.generate", CLAUDE),
]
"""Each SDK once."""
pairs = pytest.mark.parametrize(("kind", "model"), PAIRS)
one_each = pytest.mark.parametrize(("kind", "model"), ONE_EACH)


def counts(read: int, made: int) -> dict[str, Any]:
    """A usage in the words of every API that aimock speaks."""
    return {
        "usage": {
            "prompt_tokens": read, "completion_tokens": made, "input_tokens": read, "output_tokens": made,
            "promptTokenCount": read, "candidatesTokenCount": made,
        }
    }  # fmt: skip


TEXT = "Bonjour, monde: ça va?"
CALLS = [{"name": "get_weather", "arguments": json.dumps({"city": city})} for city in ("Paris", "Rome")]
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": TEXT, **counts(11, 3)}},
    {"match": {"userMessage": "weather", "hasToolResult": False}, "response": {"toolCalls": CALLS, **counts(50, 20)}},
    {
        "match": {"userMessage": "weather", "hasToolResult": True},
        "response": {"content": "It is warm.", **counts(90, 5)},
    },
    {"match": {"userMessage": "person"}, "response": {"content": '{"name":"Ann","age":3}', **counts(30, 9)}},
    {"match": {"userMessage": "long"}, "response": {"content": "It was", "finishReason": "length", **counts(7, 100)}},
]
BROKE = {kind: f"a-key-of-little-money-{number}" for number, kind in enumerate(CALLERS)}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with mocked_providers(FIXTURES, tmp_path_factory.mktemp("aimock")) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    budgets: list[dict[str, Any]] = [
        {"name": "watch", "limit": "1000", "window": {"period": "month"}, "mode": "monitor"},
    ]
    for kind, limit in zip(BROKE, ("0.05", "0.05", "0.0025", "0.05"), strict=True):
        budgets.append(
            {"name": f"little {kind}", "limit": limit, "window": {"period": "total"}, "where": {"user": kind}}
        )
    settings = {
        "providers": {
            "openai": {"base_url": f"{door.url}/v1", "api_key": "sk-provider"},
            "fireworks": {"base_url": f"{door.url}/v1", "api_key": "sk-provider"},
            "mistral": {"base_url": f"{door.url}/v1", "api_key": "sk-provider"},
            "anthropic": {"base_url": door.url, "api_key": "sk-provider"},
            "google": {"base_url": door.url, "api_key": "sk-provider"},
        },
        "keys": [
            {"name": "tests", "secret": KEY, "user": "tests"},
            *({"name": f"little-{n}", "secret": key, "user": kind} for n, (kind, key) in enumerate(BROKE.items())),
        ],
        "budgets": budgets,
        "gateways": [{"slug": "default", "default_output_tokens": 5_000}],
    }
    with running(settings, tmp_path_factory.mktemp("translation")) as started:
        yield started


@pytest.fixture(scope="module")
def callers(gateway: RunningGateway) -> dict[str, SdkCaller]:
    return {kind: caller(gateway.url, KEY) for kind, caller in CALLERS.items()}


def cost(model: str, read: int, made: int) -> str:
    """What the price book has so many tokens cost."""
    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    provider, _, name = model.partition("/")
    price = book.price(provider, name, at_ms=int(time.time() * 1000))
    assert price is not None
    return dollars(Money(price.units["input"].times(read) + price.units["output"].times(made)))


def charged(gateway: RunningGateway, headers: Any) -> str:
    record = gateway.logged(headers["tollway-request-id"])
    assert record["charge"]["basis"] == "metered"
    return record["charge"]["amount_usd"]


def sent_to(model: str, received: Any) -> dict[str, Any]:
    """The body that the provider got, without what belongs to every request of its API; all else is for the test to expect."""
    body = dict(received.body)
    name = model.partition("/")[2]
    if model == GEMINI:
        assert f"/v1beta/models/{name}:" in received.path
    else:
        assert body.pop("model") == name
    assert "sk-provider" in str(received.headers) and KEY not in str(received.headers)
    if received.path.endswith("/messages"):
        assert received.headers["anthropic-version"]
    return body


def user(model: str, text: str) -> dict[str, Any]:
    """One message, in the provider's words."""
    if model == GEMINI:
        return {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return {"messages": [{"role": "user", "content": text}]}


def cap(model: str, tokens: int = 100) -> dict[str, Any]:
    return {"generationConfig": {"maxOutputTokens": tokens}} if model == GEMINI else {"max_tokens": tokens}


@pairs
def test_a_plain_answer(kind: str, model: str, gateway: RunningGateway, callers: Any, door: Door) -> None:
    answer = callers[kind].ask(Asking(model, "hello"))
    assert (answer.text, answer.stop, answer.usage) == (TEXT, CALLERS[kind].stops["end"], (11, 3))
    assert sent_to(model, door.last) == {**user(model, "hello"), **cap(model)}
    assert charged(gateway, answer.headers) == answer.headers["tollway-cost-usd"] == cost(model, 11, 3)
    assert "tollway-not-carried" not in answer.headers
    assert answer.headers["tollway-provider"] == model.partition("/")[0]


@pairs
def test_a_streamed_answer(kind: str, model: str, gateway: RunningGateway, callers: Any, door: Door) -> None:
    answer = callers[kind].stream(Asking(model, "hello"))
    assert (answer.text, answer.stop, answer.usage) == (TEXT, CALLERS[kind].stops["end"], (11, 3))
    streams: dict[str, Any] = {} if model == GEMINI else {"stream": True}
    if model in (MINI, LLAMA):
        streams["stream_options"] = {"include_usage": True}
    assert sent_to(model, door.last) == {**user(model, "hello"), **cap(model), **streams}
    assert charged(gateway, answer.headers) == cost(model, 11, 3)


@pairs
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_parallel_calls_and_their_results(
    kind: str, model: str, streamed: bool, gateway: RunningGateway, callers: Any, door: Door
) -> None:
    ask = callers[kind].stream if streamed else callers[kind].ask
    asking = Asking(model, "weather", system="Be brief.", tools=True)
    first = ask(asking)
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Rome"}),
    ]
    assert len({call.id for call in first.calls}) == 2
    assert (first.stop, first.usage) == (CALLERS[kind].stops["calls"], (50, 20))
    last = ask(asking._replace(before=first))
    assert (last.text, last.stop, last.usage) == ("It is warm.", CALLERS[kind].stops["end"], (90, 5))
    assert charged(gateway, first.headers) == cost(model, 50, 20)
    assert charged(gateway, last.headers) == cost(model, 90, 5)
    body = sent_to(model, door.last)
    assert asked_twice(model, body) == (2, 2)
    text = json.dumps(body)
    assert text.count(RESULT) == 2 and "Be brief." in text and '"Paris"' in text.replace('\\"', '"')
    (tool,) = body["tools"][0]["functionDeclarations"] if model == GEMINI else body["tools"]
    tool = tool.get("function", tool)
    schema = next(tool[name] for name in ("parameters", "input_schema", "parametersJsonSchema") if name in tool)
    assert tool["name"] == "get_weather" and tool["description"] == "The weather." and schema == WEATHER


def asked_twice(model: str, body: dict[str, Any]) -> tuple[int, int]:
    """How many calls and how many results of the same ids the provider got."""
    calls: list[Any] = []
    results: list[Any] = []
    if model == GEMINI:
        for content in body["contents"]:
            calls += [part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part]
            results += [part["functionResponse"]["name"] for part in content["parts"] if "functionResponse" in part]
    elif model == CLAUDE:
        for message in body["messages"]:
            blocks = message["content"] if isinstance(message["content"], list) else []
            calls += [block["id"] for block in blocks if block["type"] == "tool_use"]
            results += [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    else:
        for message in body["messages"]:
            calls += [call["id"] for call in message.get("tool_calls", ())]
            results += [message["tool_call_id"]] if message["role"] == "tool" else []
    assert calls == results
    return len(calls), len(results)


@pairs
def test_a_picture(kind: str, model: str, callers: Any, door: Door) -> None:
    assert callers[kind].ask(Asking(model, "hello", picture=True)).text == TEXT
    body = json.dumps(sent_to(model, door.last))
    assert body.count(PICTURE) == 1 and "image/png" in body


@pairs
def test_an_answer_by_a_schema(kind: str, model: str, callers: Any, door: Door) -> None:
    answer = callers[kind].ask(Asking(model, "person", schema=True))
    assert json.loads(answer.text) == {"name": "Ann", "age": 3}
    body = sent_to(model, door.last)
    if model == GEMINI:
        found = body["generationConfig"]
        assert found == {"maxOutputTokens": 100, "responseMimeType": "application/json", "responseJsonSchema": PERSON}
    elif model == CLAUDE:
        assert body["output_config"] == {"format": {"type": "json_schema", "schema": PERSON}}
    else:
        assert body["response_format"]["json_schema"]["schema"] == PERSON


@pairs
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_an_answer_that_reached_its_cap_says_so(kind: str, model: str, streamed: bool, callers: Any) -> None:
    ask = callers[kind].stream if streamed else callers[kind].ask
    answer = ask(Asking(model, "long"))
    assert (answer.stop, answer.usage) == (CALLERS[kind].stops["length"], (7, 100))


def error_of(model: str, status: int) -> dict[str, Any]:
    if model == GEMINI:
        return {"error": {"code": status, "message": "Too bad.", "status": "RESOURCE_EXHAUSTED"}}
    if model == CLAUDE:
        return {"type": "error", "error": {"type": "some_error", "message": "Too bad."}, "request_id": "req_1"}
    return {"error": {"message": "Too bad.", "type": "some_error", "param": None, "code": None}}


@pairs
@pytest.mark.parametrize("status", [400, 429, 500, 529])
def test_an_error_of_the_provider_is_the_sdks_own(
    kind: str, model: str, status: int, gateway: RunningGateway, callers: Any, door: Door
) -> None:
    door.lay(status, error_of(model, status))
    refused = callers[kind].refused(Asking(model, "hello"), stream=status == 429)
    assert refused.status == status and "Too bad." in refused.message
    headers = refused.headers
    if headers is not None:
        assert gateway.logged(headers["tollway-request-id"])["charge"] is None


@pairs
def test_an_error_that_says_it_is_an_answer_has_its_own_status_and_costs_nothing(
    kind: str, model: str, gateway: RunningGateway, callers: Any, door: Door
) -> None:
    """As OpenRouter and servers behind proxies do it."""
    before = gateway.admin("/spend")["total"]["spent_usd"]
    door.lay(200, error_of(model, 429))
    refused = callers[kind].refused(Asking(model, "hello"))
    assert refused.status >= 429 and "Too bad." in refused.message
    if refused.headers is not None:
        record = gateway.logged(refused.headers["tollway-request-id"])
        assert record["charge"] is None and record["status"] == refused.status
    assert gateway.admin("/spend")["total"]["spent_usd"] == before


@one_each
def test_what_is_no_answer_at_all_is_presumed_and_is_an_error(
    kind: str, model: str, gateway: RunningGateway, callers: Any, door: Door
) -> None:
    door.lay(200, b"<html>Sorry</html>")
    refused = callers[kind].refused(Asking(model, "hello"))
    assert refused.status == 502 and "not a JSON object" in refused.message
    if refused.headers is not None:
        assert gateway.logged(refused.headers["tollway-request-id"])["charge"]["basis"] == "presumed"


def events(model: str, *, error: bool = False, pieces: int = 3, size: int = 8) -> list[bytes]:
    """A stream that has no end."""
    found: list[Any] = []
    if model == GEMINI:
        found = [{"candidates": [{"content": {"role": "model", "parts": [{"text": "w" * size}]}}]}] * pieces
        failed: Any = {"error": {"code": 503, "message": "Too bad.", "status": "UNAVAILABLE"}}
    elif model == CLAUDE:
        message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "claude-sonnet-4-5"}
        begun = {
            **message,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 9, "output_tokens": 1},
        }
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "w" * size}}
        found = [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *([delta] * pieces),
        ]
        failed = {"type": "error", "error": {"type": "overloaded_error", "message": "Too bad."}}
    else:
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}
        delta = {"index": 0, "delta": {"role": "assistant", "content": "w" * size}, "finish_reason": None}
        found = [{**chunk, "choices": [delta]}] * pieces
        failed = {"error": {"message": "Too bad.", "type": "server_error", "code": None}}
    if error:
        found.append(failed)
    return [
        (f"event: {one['type']}\n" if model == CLAUDE else "").encode() + b"data: " + json.dumps(one).encode() + b"\n\n"
        for one in found
    ]


@pairs
def test_an_error_in_a_stream_is_the_sdks_own(kind: str, model: str, callers: Any, door: Door) -> None:
    door.lay_events(*events(model, error=True))
    assert "Too bad." in callers[kind].refused(Asking(model, "hello"), stream=True).message


@pairs
def test_a_stream_that_the_provider_cut_is_charged_and_has_no_made_up_end(
    kind: str, model: str, gateway: RunningGateway, door: Door
) -> None:
    door.lay_events(*events(model), breaks_off=True)
    raw, headers = raw_stream(gateway, kind, model, KEY)
    assert raw.count(b"wwwwwwww") >= 3
    for end in (b"message_stop", b"[DONE]", b"response.completed", b'"finishReason"', b'"finish_reason":"stop"'):
        assert end not in raw
    assert b"error" in raw.split(b"\n\n")[-2], raw[-300:]
    record = gateway.logged(headers["tollway-request-id"])
    assert float(record["charge"]["amount_usd"]) > 0 and record["charge"]["basis"] in ("counted", "presumed")


@one_each
def test_a_stream_that_a_budget_cuts_ends_with_an_error_in_the_callers_words(
    kind: str, model: str, gateway: RunningGateway, door: Door
) -> None:
    model = {GEMINI: CLAUDE}.get(model, model)
    door.lay_events(*events(model, pieces=200, size=100), pause_s=0.005)
    raw, headers = raw_stream(gateway, kind, model, BROKE[kind])
    shapes: dict[str, Any] = {
        "openai.chat": ("error", "code"),
        "openai.responses": ("error", "code"),
        "anthropic.messages": ("error", "tollway", "code"),
        "google.generate": ("error", "tollway", "code"),
    }
    said = json.loads(raw.rstrip().rpartition(b"data: ")[2])
    for name in shapes[kind]:
        said = said[name]
    assert said == "budget_exceeded", raw[-500:]
    record = gateway.logged(headers["tollway-request-id"])
    assert record["code"] == "budget_exceeded" and 0 < raw.count(b"w" * 100) < 200
    (budget,) = [one for one in gateway.admin("/budgets")["items"] if one["name"] == f"little {kind}"]
    account = budget["accounts"][0]
    assert 0 < float(account["spent_usd"]) <= float(budget["limit_usd"]) and float(account["held_usd"]) == 0


def raw_stream(gateway: RunningGateway, kind: str, model: str, key: str) -> tuple[bytes, Any]:
    """The bytes of a stream that is asked for without an SDK."""
    import http.client
    from urllib.parse import urlsplit

    said = [{"role": "user", "content": "hello"}]
    path, body = {
        "openai.chat": ("/v1/chat/completions", {"model": model, "messages": said, "stream": True}),
        "openai.responses": ("/v1/responses", {"model": model, "input": "hello", "stream": True}),
        "anthropic.messages": ("/v1/messages", {"model": model, "max_tokens": 16000, "messages": said, "stream": True}),
        "google.generate": (
            f"/v1beta/models/{model}:streamGenerateContent?alt=sse",
            {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
        ),
    }[kind]
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=30)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    try:
        raw = answer.read()
    except http.client.IncompleteRead as cut:
        raw = cut.partial
    connection.close()
    assert answer.status == 200, raw
    return raw, {name.lower(): value for name, value in answer.getheaders()}


def post(gateway: RunningGateway, path: str, body: Any) -> tuple[int, Any, Any]:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(
        gateway.url + path,
        json.dumps(body).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.loads(error.read())


SAID = [{"role": "user", "content": "hello"}]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/chat/completions", {"model": CLAUDE, "messages": SAID, "n": 2}, "n"),
    ("/v1/chat/completions", {"model": CLAUDE, "messages": SAID, "logprobs": True}, "logprobs"),
    ("/v1/responses", {"model": CLAUDE, "input": "hello", "previous_response_id": "resp_1"}, "previous_response_id"),
    ("/v1/responses", {"model": MISTRAL, "input": "hello", "background": True}, "background"),
    ("/v1/messages", {"model": MINI, "max_tokens": 9, "messages": SAID, "container": "c"}, "container"),
    ("/v1/messages", {"model": MINI, "max_tokens": 9, "messages": SAID, "speed": "fast"}, "speed"),
    (f"/v1beta/models/{MINI}:generateContent", {"contents": [], "cachedContent": "cachedContents/1"}, "cachedContent"),
]


@pytest.mark.parametrize(("path", "body", "field"), REFUSED, ids=[f"{path}-{field}" for path, _, field in REFUSED])
def test_what_cannot_be_carried_is_refused_by_name(
    path: str, body: Any, field: str, gateway: RunningGateway, door: Door
) -> None:
    before = len(door.received)
    status, headers, said = post(gateway, path, body)
    assert status == 400 and headers["tollway-error"] == "translation_unsupported"
    assert said["error"]["tollway"]["field"] == field and field in said["error"]["message"]
    assert len(door.received) == before, "the provider was not asked"


NAMED: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/chat/completions", {"model": CLAUDE, "messages": SAID, "seed": 7}, "seed"),
    ("/v1/chat/completions", {"model": CLAUDE, "messages": SAID, "tools": [{"type": "web_search"}]}, "tools.web_search"),
    ("/v1/responses", {"model": CLAUDE, "input": "hello", "store": True}, "store"),
    ("/v1/responses", {"model": MISTRAL, "input": "hello", "tools": [{"type": "web_search"}]}, "tools.web_search"),
    ("/v1/messages", {"model": MINI, "max_tokens": 9, "messages": SAID, "top_k": 5}, "top_k"),
    (f"/v1beta/models/{CLAUDE}:generateContent",
     {"contents": [{"parts": [{"text": "hello"}]}], "tools": [{"googleSearch": {}}]}, "tools.googleSearch"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "name"), NAMED, ids=[f"{path}-{name}" for path, _, name in NAMED])
def test_what_only_tunes_and_is_not_carried_is_named_in_a_header(
    path: str, body: Any, name: str, gateway: RunningGateway, door: Door
) -> None:
    status, headers, _ = post(gateway, path, body)
    assert status == 200 and headers["tollway-not-carried"] == name
    assert "tools" not in door.last.body


def test_a_provider_is_not_sent_what_it_answers_422_to(gateway: RunningGateway, door: Door) -> None:
    body = {"model": MISTRAL, "max_tokens": 9, "messages": SAID, "metadata": {"user_id": "u"}}
    status, headers, _ = post(gateway, "/v1/messages", body)
    assert status == 200 and headers["tollway-not-carried"] == "user"
    assert sent_to(MISTRAL, door.last) == {"messages": SAID, "max_tokens": 9}
    raw_stream(gateway, "anthropic.messages", MISTRAL, KEY)
    assert sent_to(MISTRAL, door.last) == {"messages": SAID, "max_tokens": 16_000, "stream": True}


def test_cached_and_thinking_tokens_are_shown_and_charged_as_the_provider_counts_them(
    gateway: RunningGateway, door: Door
) -> None:
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "stop_reason": "end_turn",
    }
    message["content"] = [{"type": "text", "text": "Hi"}]  # type: ignore[assignment]
    used = {
        "input_tokens": 7,
        "cache_read_input_tokens": 1_000,
        "cache_creation_input_tokens": 200,
        "output_tokens": 11,
    }
    door.lay(200, {**message, "usage": used})
    status, headers, said = post(gateway, "/v1/chat/completions", {"model": CLAUDE, "messages": SAID})
    assert status == 200
    assert said["usage"]["prompt_tokens"] == 1_207 and said["usage"]["completion_tokens"] == 11
    assert said["usage"]["prompt_tokens_details"] == {"cached_tokens": 1_000, "cache_write_tokens": 200}
    # $3, $0.30, $3.75 and $15 a million.
    assert headers["tollway-cost-usd"] == dollars(Money(7 * 3_000 + 1_000 * 300 + 200 * 3_750 + 11 * 15_000))

    thought = {
        "promptTokenCount": 40,
        "cachedContentTokenCount": 30,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 9,
    }
    content = {"role": "model", "parts": [{"text": "Hi"}]}
    door.lay(200, {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": thought})
    status, headers, said = post(gateway, "/v1/responses", {"model": GEMINI, "input": "hello"})
    assert status == 200
    assert (said["usage"]["input_tokens"], said["usage"]["output_tokens"]) == (40, 14)
    assert said["usage"]["input_tokens_details"]["cached_tokens"] == 30
    assert said["usage"]["output_tokens_details"]["reasoning_tokens"] == 9
    # $0.30, $0.03 and $2.50 a million.
    assert headers["tollway-cost-usd"] == dollars(Money(10 * 300 + 30 * 30 + 14 * 2_500))

    usage = {
        "prompt_tokens": 50,
        "completion_tokens": 4,
        "total_tokens": 54,
        "prompt_tokens_details": {"cached_tokens": 20},
    }
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    door.lay(200, {"id": "c", "object": "chat.completion", "model": "gpt-4o-mini", "choices": [choice], "usage": usage})
    status, headers, said = post(gateway, "/v1/messages", {"model": MINI, "max_tokens": 9, "messages": SAID})
    assert status == 200
    assert said["usage"] == {"input_tokens": 30, "cache_read_input_tokens": 20, "output_tokens": 4}
    # $0.15, $0.075 and $0.60 a million.
    assert headers["tollway-cost-usd"] == dollars(Money(30 * 150 + 20 * 75 + 4 * 600))


@pytest.mark.parametrize("kind", ["openai.chat", "openai.responses", "google.generate"])
def test_an_api_that_must_have_a_cap_gets_no_larger_one_than_the_gateway_would_hold(
    kind: str, gateway: RunningGateway, door: Door
) -> None:
    raw, headers = raw_stream(gateway, kind, CLAUDE, KEY)
    assert raw and door.last.body["max_tokens"] == 5_000
    assert gateway.logged(headers["tollway-request-id"])["charge"]["amount_usd"] == cost(CLAUDE, 11, 3)


def test_many_at_once_are_not_mixed_up(gateway: RunningGateway, callers: Any) -> None:
    """What is remembered for a translation belongs to one request."""
    found: list[Any] = []

    def one(kind: str, model: str, asking: str) -> None:
        answer = callers[kind].stream(Asking(model, asking, tools=asking == "weather"))
        found.append((asking, answer.text, len(answer.calls)))

    threads = [
        threading.Thread(target=one, args=(kind, model, asking))
        for kind, model in PAIRS
        for asking in ("hello", "weather")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([("hello", TEXT, 0), ("weather", "", 2)] * len(PAIRS))
