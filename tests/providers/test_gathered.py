"""Streams put together again: recorded ones as the SDKs and the codecs read them, cut anywhere, and hostile ones."""

import json
from typing import Any, cast

import anthropic
import anthropic.types
import httpx
import httpx2
import openai
import openai.types
import openai.types.chat
import openai.types.responses
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from google import genai
from google.genai import types as google_types
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from test_recorded import FOLDER, STREAMS, body_of, codec_of, report_of

from tollway.providers.gathered import Gatherer, gatherer
from tollway.providers.sse import Events, Objects, data_of
from tollway.request import Api

APIS: tuple[Api, ...] = (
    "openai.chat",
    "openai.completions",
    "openai.responses",
    "anthropic.messages",
    "anthropic.vertex",
    "google.generate",
)
WITHOUT_ANSWER = {"d0160", "d0283"}
"""An error in the middle (Groq), and a stream of bare values without any end mark (Writer)."""
NAMED_LATE = {"d0075"}
"""Its first chunk names neither the answer nor the model, and the meter looks nowhere else."""
TWICE = {"d0089", "d0250"}
ANSWERED = [row for row in STREAMS if codec_of(row).api in APIS and row["id"] not in WITHOUT_ANSWER]
recorded = pytest.mark.parametrize("row", ANSWERED, ids=[row["id"] for row in ANSWERED])
needs_rows = pytest.mark.skipif(not STREAMS, reason=f"no recorded responses in {FOLDER}; set TOLLWAY_TEST_DATA")


def made(api: Api, *, limit_bytes: int = 64 * 1024 * 1024) -> Gatherer:
    found = gatherer(api, limit_bytes=limit_bytes)
    assert found is not None
    return found


def gathered(api: Api, *chunks: bytes) -> bytes | None:
    found = made(api)
    for chunk in chunks:
        found.feed(chunk)
    return found.answer()


def answer_of(row: dict[str, Any]) -> bytes:
    body = gathered(codec_of(row).api, body_of(row))
    assert body is not None
    return body


def events_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    body = body_of(row)
    if body.startswith(b"["):
        return [json.loads(event) for event in Objects().feed(body)]
    events = Events()
    read = [data_of(event) for event in [*events.feed(body), events.rest()]]
    return [json.loads(data) for data in read if data.startswith(b"{")]


@needs_rows
def test_there_are_recorded_streams_of_every_api() -> None:
    assert {codec_of(row).api for row in ANSWERED} == set(APIS) - {"anthropic.vertex"}
    assert len(ANSWERED) >= 60


@recorded
def test_the_answer_reports_what_the_stream_reported(row: dict[str, Any]) -> None:
    whole, streamed = codec_of(row).read_answer(answer_of(row)), report_of(row)
    assert whole.usage == streamed.usage
    if row["id"] not in NAMED_LATE:
        assert whole == streamed


@recorded
def test_a_stream_cut_anywhere_gives_the_same_answer(row: dict[str, Any]) -> None:
    body, api = body_of(row), codec_of(row).api
    whole = answer_of(row)
    for cut in range(1, len(body), max(1, len(body) * len(body) // 700_000)):
        assert gathered(api, body[:cut], body[cut:]) == whole


@recorded
def test_a_stream_fed_byte_by_byte_gives_the_same_answer(row: dict[str, Any]) -> None:
    body = body_of(row)
    if len(body) > 6_000:
        pytest.skip("long, and cut elsewhere")
    assert gathered(codec_of(row).api, *(body[at : at + 1] for at in range(len(body)))) == answer_of(row)


@recorded
def test_a_stream_that_breaks_off_is_no_answer_or_the_whole_one(row: dict[str, Any]) -> None:
    if row["id"] in TWICE:
        pytest.skip("two streams in one recording: behind the first there is an answer")
    body, api = body_of(row), codec_of(row).api
    texts = shown(api, json.loads(answer_of(row)))
    none = 0
    for cut in range(0, len(body), max(1, len(body) // 40)):
        found = made(api)
        found.feed(body[:cut])
        answer = found.answer()
        assert (answer is None) == (found.reason is not None) == (not found.complete)
        if answer is None:
            none += 1
        else:
            assert shown(api, json.loads(answer)) == texts
    assert none


def shown(api: Api, answer: dict[str, Any]) -> list[str]:
    """The text that an answer shows, by choice."""
    match api:
        case "openai.chat":
            return [flat(choice["message"]["content"]) for choice in answer["choices"]]
        case "openai.completions":
            return [choice["text"] for choice in answer["choices"]]
        case "openai.responses":
            parts = [part for item in answer["output"] for part in item.get("content") or ()]
            return ["".join(part.get("text", "") for part in parts if part["type"] == "output_text")]
        case "google.generate":
            return [
                "".join(part.get("text", "") for part in candidate["content"]["parts"] if not part.get("thought"))
                for candidate in answer["candidates"]
            ]
        case _:
            return ["".join(block.get("text", "") for block in answer["content"])]


def flat(content: Any) -> str:
    return "".join(part.get("text", "") for part in content) if isinstance(content, list) else content or ""


def streamed(api: Api, events: list[dict[str, Any]]) -> list[str]:
    """The same of the events, put together the plain way."""
    texts: dict[int, str] = {}
    for event in events:
        match api:
            case "openai.chat":
                for choice in event.get("choices") or ():
                    at = choice.get("index", 0)
                    texts[at] = texts.get(at, "") + flat(choice["delta"].get("content"))
            case "openai.completions":
                for choice in event["choices"]:
                    texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
            case "openai.responses":
                texts.setdefault(0, "")
                texts[0] += event["delta"] if event["type"] == "response.output_text.delta" else ""
            case "google.generate":
                for one in event["candidates"]:
                    parts = [part for part in one["content"].get("parts", ()) if not part.get("thought")]
                    at = one.get("index", 0)
                    texts[at] = texts.get(at, "") + "".join(part.get("text", "") for part in parts)
            case _:
                texts.setdefault(0, "")
                texts[0] += event["delta"].get("text", "") if event["type"] == "content_block_delta" else ""
    return [texts[at] for at in sorted(texts)]


@recorded
def test_the_text_is_all_the_pieces_of_it(row: dict[str, Any]) -> None:
    api = codec_of(row).api
    assert shown(api, json.loads(answer_of(row))) == streamed(api, events_of(row))


def read_by_sdk(api: Api, body: bytes) -> Any:
    """What the official client makes of `body`, given to it as the answer of a call."""
    answer = httpx.MockTransport(lambda request: httpx.Response(200, json=json.loads(body)))
    http = httpx.Client(transport=answer)
    match api:
        case "openai.chat":
            client = openai.OpenAI(api_key="k", http_client=http)
            return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
        case "openai.completions":
            return openai.OpenAI(api_key="k", http_client=http).completions.create(model="m", prompt="x")
        case "openai.responses":
            return openai.OpenAI(api_key="k", http_client=http).responses.create(model="m", input="x")
        case "google.generate":
            options = google_types.HttpOptions(client_args={"transport": answer})
            google = genai.Client(api_key="k", http_options=options)
            return google.models.generate_content(model="m", contents="x")
        case _:
            answers = httpx2.MockTransport(lambda request: httpx2.Response(200, json=json.loads(body)))
            claude = anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=answers))
            return claude.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])


def shown_by_sdk(api: Api, read: Any) -> list[str]:
    match api:
        case "openai.chat":
            return [flat(choice.message.content) for choice in read.choices]
        case "openai.completions":
            return [choice.text for choice in read.choices]
        case "openai.responses":
            return [read.output_text]
        case "google.generate":
            parts = [[part for part in one.content.parts if not part.thought] for one in read.candidates]
            return ["".join(part.text or "" for part in own) for own in parts]
        case _:
            return ["".join(block.text for block in read.content if block.type == "text")]


TYPES: dict[Api, type] = {
    "openai.chat": openai.types.chat.ChatCompletion,
    "openai.completions": openai.types.Completion,
    "openai.responses": openai.types.responses.Response,
    "anthropic.messages": anthropic.types.Message,
    "google.generate": google_types.GenerateContentResponse,
}


@recorded
def test_the_official_client_reads_the_answer_as_its_own(row: dict[str, Any]) -> None:
    api, body = codec_of(row).api, answer_of(row)
    read = read_by_sdk(api, body)
    assert type(read) is TYPES[api]
    assert shown_by_sdk(api, read) == shown(api, json.loads(body))


STRICT = ("d0021", "d0022", "d0024", "d0027", "d0213", "d0214", "d0217", "d0218", "d0224", "d0225", "d0197", "d0180")


@pytest.mark.parametrize("row", [row for row in ANSWERED if row["id"] in STRICT], ids=lambda row: cast(str, row["id"]))
def test_an_answer_of_the_provider_itself_leaves_nothing_out_that_its_type_wants(row: dict[str, Any]) -> None:
    cast(Any, TYPES[codec_of(row).api]).model_validate_json(answer_of(row), strict=False)


UNKNOWN_TO_THE_SDK = {"compaction", "fallback"}
"""Blocks that this version of the SDK has no type for, and so none to accumulate."""


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in ANSWERED
        if codec_of(row).api == "anthropic.messages"
        and not any(f'"type":"{kind}"' in row["response"] for kind in UNKNOWN_TO_THE_SDK)
    ],
    ids=lambda row: cast(str, row["id"]),
)
def test_a_message_is_what_anthropics_own_sdk_makes_of_the_stream(row: dict[str, Any]) -> None:
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events_of(row):
        if event["type"] != "ping":
            snapshot = accumulate_event(event=cast(Any, event), current_snapshot=snapshot, json_bufs=buffers)
    theirs = json.loads(snapshot.to_json())
    ours = json.loads(answer_of(row))
    assert without_nulls(ours["content"]) == without_nulls(theirs["content"])
    for name in ("id", "model", "role", "type", "stop_reason", "stop_sequence"):
        assert ours[name] == theirs.get(name)


@pytest.mark.parametrize(
    "row",
    [row for row in ANSWERED if codec_of(row).api == "openai.chat" and row["provider"] in ("openai", "xai")],
    ids=lambda row: cast(str, row["id"]),
)
def test_a_completion_is_what_openais_own_sdk_makes_of_the_stream(row: dict[str, Any]) -> None:
    state: Any = ChatCompletionStreamState()
    for event in events_of(row):
        choices = [{"finish_reason": None, **choice} for choice in event["choices"]]
        state.handle_chunk(openai.types.chat.ChatCompletionChunk.model_validate({**event, "choices": choices}))
    theirs = json.loads(state.current_completion_snapshot.to_json())
    ours = json.loads(answer_of(row))
    for mine, other in zip(ours["choices"], theirs["choices"], strict=True):
        for message in (mine["message"], other["message"]):
            # The SDK joins roles that are repeated, leaves an empty text out, and adds what it parsed itself.
            message.pop("role")
            message.pop("parsed", None)
            message["content"] = message.get("content") or ""
            for call in message.get("tool_calls") or ():
                call.pop("index", None)
                call["function"].pop("parsed_arguments", None)
                call["function"]["arguments"] = call["function"].get("arguments") or ""
        assert without_nulls(mine["message"]) == without_nulls(other["message"])
        assert mine["finish_reason"] == other.get("finish_reason")


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None and one != []}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


@needs_rows
def test_a_stream_that_ends_in_an_error_gives_the_providers_error() -> None:
    row = next(row for row in STREAMS if row["id"] == "d0160")
    found = made("openai.chat")
    found.feed(body_of(row))
    assert found.answer() is None
    assert found.error is not None
    assert found.error.status == 400
    error = json.loads(found.error.body)["error"]
    assert (error["code"], error["type"]) == ("tool_use_failed", "invalid_request_error")
    assert not found.complete


def test_an_api_whose_streams_are_not_known_has_no_gatherer() -> None:
    assert gatherer("openai.images") is None
    assert gatherer("bedrock.converse") is None
    assert all(gatherer(api) is not None for api in APIS)


@pytest.mark.parametrize("api", APIS)
def test_an_answer_that_is_no_stream_after_all_is_given_as_it_is(api: Api) -> None:
    body = b' \n{\n\n "id" : "x", "error":null, "n": 1.50 }\n'
    found = made(api)
    for at in range(len(body)):
        found.feed(body[at : at + 1])
    assert found.answer() == body.lstrip()
    assert found.complete


@pytest.mark.parametrize("api", APIS)
def test_a_plain_error_that_is_no_stream_is_the_providers_error(api: Api) -> None:
    found = made(api)
    found.feed(b'{"error":{"message":"slow down","type":"rate_limit_error"}}')
    assert found.answer() is None
    assert found.error is not None
    assert found.error.status == 429


@pytest.mark.parametrize("api", APIS)
def test_a_plain_answer_that_is_cut_is_no_answer(api: Api) -> None:
    found = made(api)
    found.feed(b'{"id":"x","choi')
    assert found.answer() is None
    assert "cannot be read" in (found.reason or "")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "stream", [b"", b"\n\n", b": hello\n\n", b"data: [DONE]\n\n", b"data: ping\n\n", b"[]", b"<html>"]
)
def test_a_stream_without_an_answer_in_it_is_none(api: Api, stream: bytes) -> None:
    found = made(api)
    found.feed(stream)
    assert found.answer() is None
    assert found.error is None
    assert found.reason == "The provider's stream broke off before the end of its answer."


CHUNK = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'
END = b'data: {"id":"a","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def test_an_answer_above_the_limit_is_given_up_with_its_reason() -> None:
    found = made("openai.chat", limit_bytes=10_000)
    for _ in range(12):
        found.feed(CHUNK % (b"x" * 1_000))
    assert found.reason == "The answer is larger than the 10,000 bytes that are kept to put a stream together."
    found.feed(END)
    assert found.answer() is None
    assert not found.complete


def test_a_plain_answer_above_the_limit_is_given_up() -> None:
    found = made("openai.chat", limit_bytes=10_000)
    found.feed(b'{"a":"')
    found.feed(b"x" * 20_000)
    assert "larger than" in (found.reason or "")


def test_many_small_pieces_weigh_what_they_say_and_no_more() -> None:
    found = made("openai.chat", limit_bytes=20_000)
    for _ in range(10_000):
        found.feed(CHUNK % b"x")
    found.feed(END)
    answer = found.answer()
    assert answer is not None
    assert json.loads(answer)["choices"][0]["message"]["content"] == "x" * 10_000


@pytest.mark.parametrize(
    "delta",
    [
        b'{"tool_calls":[{"index":%d,"id":"a%d","function":{"name":"f"}}]}',
        b'{"annotations":[{},{},{},%d,%d]}',
        b'{"k%d":{"k%d":1}}',
        b'{"reasoning_details":[{"index":%d,"type":"%d"}]}',
    ],
)
def test_whatever_is_kept_counts_towards_the_limit(delta: bytes) -> None:
    found = made("openai.chat", limit_bytes=50_000)
    for number in range(2_000):
        found.feed(b'data: {"choices":[{"index":0,"delta":%s}]}\n\n' % (delta % (number, number)))
    assert "larger than" in (found.reason or "")


def test_an_event_that_cannot_be_read_leaves_a_hole_so_there_is_no_answer() -> None:
    found = made("openai.chat")
    found.feed(CHUNK % b"a" + b'data: {"choices":[{"index":0,"delta":{"content":}}]}\n\n' + END)
    assert found.answer() is None
    assert found.reason == "A part of the provider's stream cannot be read: it is not JSON."


def test_two_halves_of_a_character_in_two_pieces_are_one_character() -> None:
    body = gathered("openai.chat", CHUNK % b"a\\ud83d", CHUNK % b"\\ude00b", END)
    assert body is not None
    assert json.loads(body)["choices"][0]["message"]["content"] == "a\N{GRINNING FACE}b"


def test_asking_twice_gives_the_same() -> None:
    found = made("openai.chat")
    found.feed(CHUNK % b"hi" + END)
    assert found.answer() == found.answer() is not None


def test_an_event_that_follows_the_last_line_without_a_blank_one_is_read() -> None:
    body = gathered("openai.chat", CHUNK % b"hi", END.rstrip())
    assert body is not None


NAMES = [
    "choices",
    "delta",
    "index",
    "content",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "text",
    "type",
    "id",
    "message",
    "usage",
    "content_block",
    "citation",
    "partial_json",
    "error",
    "response",
    "output",
    "candidates",
    "parts",
    "finish_reason",
    "finishReason",
    "groundingMetadata",
    "citationMetadata",
    "promptFeedback",
    "input",
    "thought",
    "usageMetadata",
    "x_groq",
    "logprobs",
    "thinking",
    "item",
    "data",
]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
kinds = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "error",
     "response.completed", "response.output_item.done", "text_delta", "input_json_delta", "citations_delta"]
)  # fmt: skip
hostile_events = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.builds(lambda value: json.dumps(value).encode(), values),
        st.builds(
            lambda kind, value: json.dumps({"type": kind, **(value if isinstance(value, dict) else {})}).encode(),
            kinds,
            values,
        ),
        st.builds(lambda value: json.dumps({"choices": [{"delta": value}]}).encode(), values),
        st.builds(lambda value: json.dumps({"choices": [value]}).encode(), values),
        st.builds(lambda value: json.dumps({"candidates": [{"content": {"parts": value}}]}).encode(), values),
        st.builds(lambda value: json.dumps({"candidates": [value]}).encode(), values),
        st.just(b"[DONE]"),
        st.just(b'{"choices":[{"index":0,"finish_reason":"stop"}]}'),
        st.just(b'{"type":"message_start","message":{"id":"x"}}'),
        st.just(b'{"type":"message_stop"}'),
    ),
    max_size=8,
)


@given(api=st.sampled_from(APIS), events=hostile_events)
def test_nothing_that_a_provider_sends_makes_it_raise(api: Api, events: list[bytes]) -> None:
    found = made(api)
    for event in events:
        found.feed(b"data: " + event + b"\n\n")
    answer = found.answer()
    assert (answer is None) == (found.reason is not None)
    if answer is not None:
        assert isinstance(json.loads(answer.decode(errors="replace")), dict | list | str | int | float | bool | None)


@pytest.mark.parametrize("api", APIS)
def test_deep_nesting_is_a_reason_and_no_error(api: Api) -> None:
    found = made(api)
    found.feed(b'data: {"choices":' + b"[" * 100_000 + b"\n\n")
    found.feed(b'data: {"a":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001 + b"\n\n")
    assert found.answer() is None
    assert found.reason is not None
