"""What holds of any request, answer and stream in OpenAI's Responses and in generateContent."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replaying import events_of, gathered, read_stream, write_stream

from tollway.translate.codec import Codec
from tollway.translate.conversation import (
    Choice,
    Declined,
    Media,
    Output,
    Part,
    Reasoning,
    Request,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
    tokens_of,
)
from tollway.translate.google_generate import Generate
from tollway.translate.openai_responses import Responses
from tollway.translate.told import Answer, Over, Stopped
from tollway.usage import Usage

CODECS: list[Any] = [Responses, Generate]
MODEL = {Responses: "m", Generate: "gemini-2.5-flash"}
OWN: dict[Any, Any] = {Responses: "openai.responses", Generate: "google.generate"}

words = st.text(min_size=1, max_size=8)
names = st.from_regex(r"[a-z_][a-z0-9_-]{0,10}", fullmatch=True)
schemas = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(names, st.fixed_dictionaries({"type": st.just("string")})),
    }
)
arguments = st.dictionaries(names, st.integers(-99, 99) | words, max_size=2).map(
    lambda value: msgspec.json.encode(value).decode()
)
texts = words.map(lambda text: Text(text=text))
media = st.sampled_from(
    [
        Media(kind="image", media_type="image/png", data="AAAA"),
        Media(kind="image", media_type="image/png", url="https://host.example/a.png"),
        Media(kind="document", media_type="application/pdf", data="AAAA"),
        Media(kind="document", media_type="application/pdf", url="https://host.example/a.pdf"),
        Media(kind="audio", media_type="audio/wav", data="AAAA"),
    ]
)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Turn, ...]:
    """A conversation in which every call is answered, and nothing stands that only one API has."""
    made: list[Turn] = []
    calls = 0
    for _ in range(draw(st.integers(1, 3))):
        made.append(Turn("user", tuple(draw(st.lists(texts | media, min_size=1, max_size=3)))))
        said: list[Part] = [*draw(st.lists(texts, max_size=2))]
        called = [
            ToolCall(id=f"call_{calls + number}", name=draw(names), arguments=draw(arguments))
            for number in range(draw(st.integers(0 if said else 1, 3)))
        ]
        calls += len(called)
        made.append(Turn("assistant", (*said, *called)))
        if called:
            results = tuple(
                ToolResult(
                    id=call.id,
                    name=call.name,
                    parts=tuple(draw(st.lists(texts, min_size=1, max_size=1))),
                )
                for call in called
            )
            made.append(Turn("user", results))
    return tuple(made)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    tools = tuple(
        Tool(name=name, description=draw(st.none() | words), schema=draw(schemas))
        for name in draw(st.lists(names, unique=True, max_size=3))
    )
    known = [tool.name for tool in tools]
    choices = [st.none(), st.just(Choice()), st.just(Choice(mode="none")), st.just(Choice(mode="required"))]
    if known:
        choices.append(st.sampled_from(known).map(lambda name: Choice(mode="tool", name=name)))
    if len(known) > 1:
        choices.append(st.just(Choice(mode="required", allowed=tuple(known[:2]))))
    return Request(
        model="m",
        system=tuple(draw(st.lists(texts, max_size=1))),
        turns=draw(turns()),
        tools=tools,
        choice=draw(st.one_of(choices)) if tools else None,
        output=draw(
            st.none() | st.just(Output(kind="json")) | schemas.map(lambda one: Output(kind="schema", schema=one))
        ),
        max_tokens=draw(st.none() | st.integers(1, 10_000)),
        temperature=draw(st.none() | st.floats(0, 2)),
        top_p=draw(st.none() | st.floats(0, 1)),
        top_k=draw(st.none() | st.integers(1, 100)),
        seed=draw(st.none() | st.integers(0, 99)),
        stop=tuple(draw(st.lists(words, max_size=1))),
        frequency_penalty=draw(st.none() | st.floats(-2, 2)),
        presence_penalty=draw(st.none() | st.floats(-2, 2)),
        parallel_calls=draw(st.none() | st.booleans()),
        reasoning=draw(
            st.none()
            | st.builds(Reasoning, effort=st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]))
            | st.builds(Reasoning, tokens=st.integers(-1, 99_999), shown=st.none() | st.booleans())
        ),
        verbosity=draw(st.none() | st.sampled_from(["low", "high"])),
        stream=draw(st.booleans()),
        user=draw(st.none() | words),
        metadata=draw(st.none() | st.dictionaries(words, words, min_size=1, max_size=2)),
        service_tier=draw(st.none() | st.sampled_from(["auto", "default", "flex", "priority"])),
        cache_key=draw(st.none() | words),
    )


def flat(request: Request) -> list[tuple[str, Any]]:
    """The parts in their order, whoever's turn they are in."""
    found: list[tuple[str, Any]] = []
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, Media):
                part = msgspec.structs.replace(part, name=None)
            if isinstance(part, ToolCall):
                part = msgspec.structs.replace(part, arguments=json.dumps(json.loads(part.arguments)))
            found.append((turn.role, part))
    return found


def write_and_read(codec: Any, request: Request) -> tuple[Request, dict[str, Any], tuple[str, ...]]:
    written = codec().write_request(request, max_tokens=None)
    body = msgspec.json.decode(msgspec.json.encode(written.body))
    return codec().read_request(body, model=request.model, stream=request.stream), body, written.lost


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=25, deadline=None)
@given(request=requests())
def test_a_request_keeps_what_the_api_has(codec: Any, request: Request) -> None:
    if codec is Responses:
        request = msgspec.structs.replace(request, stop=())
    request = msgspec.structs.replace(request, model=MODEL[codec])
    again, _, lost = write_and_read(codec, request)
    assert flat(again) == flat(request)
    assert again.system == request.system
    assert [(tool.name, tool.description, tool.schema) for tool in again.tools] == [
        (tool.name, tool.description, tool.schema) for tool in request.tools
    ]
    assert again.choice == request.choice
    assert (again.output and (again.output.kind, again.output.schema)) == (
        request.output and (request.output.kind, request.output.schema)
    )
    assert again.stream == request.stream
    # Whatever was said is there again, or named.
    told = {"cache_key": "prompt_cache_key", "parallel_calls": "parallel_tool_calls"}
    for name in (
        *("max_tokens", "temperature", "top_p", "top_k", "seed", "stop", "frequency_penalty", "presence_penalty"),
        *("verbosity", "user", "metadata", "cache_key"),
    ):
        kept = getattr(again, name) == getattr(request, name)
        assert kept is not (told.get(name, name) in lost), name
        assert kept or getattr(again, name) is None, name


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=30, deadline=None)
@given(request=requests(), cap=st.none() | st.integers(1, 9_999))
def test_nothing_that_costs_money_is_added(codec: Any, request: Request, cap: int | None) -> None:
    if codec is Responses:
        request = msgspec.structs.replace(request, stop=())
    request = msgspec.structs.replace(request, model=MODEL[codec])
    body = codec().write_request(request, max_tokens=cap).body
    config = body.get("generationConfig", {})
    assert body.get("max_output_tokens", config.get("maxOutputTokens")) == request.max_tokens
    assert len(body.get("tools", [])) == (len(request.tools) if codec is Responses else bool(request.tools))
    assert all(tool.get("type", "function") == "function" for tool in body.get("tools", []))
    assert set(config) & {"candidateCount", "responseModalities", "speechConfig"} == set()
    if request.service_tier in (None, "auto", "default"):
        assert body.get("service_tier", body.get("serviceTier")) in (None, "default")
    else:
        assert body.get("service_tier", body.get("serviceTier")) == request.service_tier
    asked = tokens_of(request.reasoning) if request.reasoning is not None else None
    if asked is None:
        assert "effort" not in body.get("reasoning", {})
        assert config.get("thinkingConfig", {}).get("thinkingBudget", -1) == -1
    elif codec is Generate:
        assert config["thinkingConfig"]["thinkingBudget"] <= asked
    else:
        order = ("none", "minimal", "low", "medium", "high")
        effort = body.get("reasoning", {}).get("effort")
        least = {"none": 0, "minimal": 0, "low": 0, "medium": 2_048, "high": 8_192}
        assert effort is None or (effort in order and asked >= least[effort])
    if request.reasoning is None:
        assert "reasoning" not in body and "include" not in body and "thinkingConfig" not in config


signatures = st.text(alphabet="abc", min_size=1, max_size=4)


def answers(own: str) -> st.SearchStrategy[Answer]:
    thoughts = st.builds(
        lambda text, signature: Thought(
            text=text,
            signature=(own, signature) if signature else None,  # pyright: ignore[reportArgumentType]
            redacted=not text,
        ),
        words,
        st.none() | signatures,
    ) | signatures.map(lambda one: Thought(signature=(own, one), redacted=True))  # pyright: ignore[reportArgumentType]
    calls = st.builds(ToolCall, id=st.just(""), name=names, arguments=arguments)
    usage = st.builds(
        lambda fresh, cached, said, thought: Usage(
            input_tokens=fresh + cached,
            cache_read_input_tokens=cached,
            output_tokens=said + thought,
            reasoning_output_tokens=thought,
        ),
        *(st.integers(0, 9_999) for _ in range(4)),
    )
    return st.builds(
        Answer,
        id=st.just("resp_1"),
        model=st.just("m"),
        created=st.just(5),
        parts=st.lists(texts | thoughts | calls, max_size=6).map(tuple),
        stop=st.sampled_from(["end", "length", "filtered"]),
        usage=usage,
    )


def settled(answer: Answer) -> Answer:
    """Distinct ids, and the stop that calls make of an end; neighbours that no stream tells apart are parted by a call."""
    parts: list[Any] = []
    for part in answer.parts:
        kinds = {type(part), type(parts[-1]) if parts else None}
        if not isinstance(part, ToolCall) and len(kinds) == 1:
            continue
        if isinstance(part, ToolCall):
            part = msgspec.structs.replace(part, id=f"c{len(parts)}")
        parts.append(part)
    stop = answer.stop
    if stop == "end" and any(isinstance(part, ToolCall) for part in parts):
        stop = "tool_calls"
    return msgspec.structs.replace(answer, parts=tuple(parts), stop=stop)


def plain(answer: Answer) -> Answer:
    """Without what one of the APIs has no words for: ids of thoughts, the time."""
    parts = tuple(
        msgspec.structs.replace(part, id=None) if isinstance(part, Thought) else part for part in answer.parts
    )
    usage = answer.usage and msgspec.structs.replace(answer.usage, cache_creation_input_tokens=None)
    return msgspec.structs.replace(answer, parts=parts, created=None, usage=usage)


def caller(codec: Any) -> Codec:
    """A codec that was asked, and whose caller sends signatures back."""
    made = codec()
    if codec is Responses:
        body = {"model": "m", "input": "a", "include": ["reasoning.encrypted_content"]}
    else:
        body = {"contents": [{"parts": [{"text": "a"}]}]}
    made.read_request(body, model="m", stream=False)
    return made


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_answer_written_and_read_is_the_same(codec: Any, data: st.DataObject) -> None:
    answer = settled(data.draw(answers(OWN[codec])))
    written = msgspec.json.decode(msgspec.json.encode(caller(codec).write_answer(answer, Request(model="m"))))
    assert plain(codec().read_answer(written)) == plain(answer)


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_stream_written_and_read_is_the_same(codec: Any, data: st.DataObject) -> None:
    answer = settled(data.draw(answers(OWN[codec])))
    stream = write_stream(caller(codec).stream_writer(Request(model="m")), events_of(answer))
    again, over = gathered(read_stream(codec().stream_reader(), stream))
    assert over and plain(again) == plain(answer)


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_stream_that_stops_is_never_given_an_end(codec: Any, data: st.DataObject) -> None:
    answer = settled(data.draw(answers(OWN[codec])))
    events = events_of(answer)
    cut = data.draw(st.integers(0, len(events) - 2))
    stream = write_stream(caller(codec).stream_writer(Request(model="m")), events[:cut])
    told = read_stream(codec().stream_reader(), stream)
    assert not any(isinstance(event, Stopped | Over) for event in told)


@pytest.mark.parametrize(("source", "target"), [(Responses, Generate), (Generate, Responses)])
@settings(max_examples=25, deadline=None)
@given(request=requests())
def test_a_request_passes_from_the_one_api_to_the_other(source: Any, target: Any, request: Request) -> None:
    request = msgspec.structs.replace(request, stop=())
    body = msgspec.json.decode(msgspec.json.encode(source().write_request(request, max_tokens=None).body))
    read = source().read_request(body, model="m", stream=request.stream)
    assert flat(write_and_read(target, read)[0]) == flat(request)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            [
                *("type", "role", "content", "text", "parts", "functionCall", "functionResponse", "name", "args", "output"),
                *("item", "response", "delta", "part", "candidates", "usage", "usageMetadata", "error", "output_index"),
                *("summary", "encrypted_content", "arguments", "call_id", "id", "thoughtSignature", "partialArgs", "code"),
            ]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=15,
)  # fmt: skip


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=60, deadline=None)
@given(
    value=st.dictionaries(st.sampled_from(["input", "contents", "tools", "output", "candidates", "type"]), json_values)
)
def test_nonsense_is_refused_in_words_and_never_breaks_a_reader(codec: Any, value: dict[str, Any]) -> None:
    try:
        codec().read_request({"model": "m", **value}, model=None, stream=False)
    except (Untranslatable, ValueError) as refused:
        assert str(refused)
    codec().read_answer(value)
    codec().read_error(400, value)
    reader = codec().stream_reader()
    for event in ({"type": "response.output_item.done", "item": value}, value):
        list(reader.read("", event))
    list(reader.finish())


def test_a_refusal_is_carried_as_a_text_where_the_api_does_not_tell_it_apart() -> None:
    answer = Answer(parts=(Declined("no"),), stop="declined")
    again = Generate().read_answer(Generate().write_answer(answer, Request(model="m")))
    assert again.parts == (Text(text="no"),) and again.stop == "filtered"
    assert Responses().read_answer(Responses().write_answer(answer, Request(model="m"))).parts == answer.parts
