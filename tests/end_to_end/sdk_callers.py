"""The four SDKs, each asked for the same in its own words, and its answer in words that can be compared."""

import base64
import json
from typing import Any, ClassVar, NamedTuple, Protocol

import anthropic
import openai
from google import genai
from google.genai import errors as google_errors
from google.genai import types

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


class Called(NamedTuple):
    id: str
    name: str
    arguments: Any


class Answered(NamedTuple):
    text: str
    calls: list[Called]
    stop: str
    usage: tuple[int, int]
    """Input and output tokens."""
    headers: Any
    said: Any
    """What of it goes back into the conversation."""


class Asking(NamedTuple):
    model: str
    text: str
    system: str | None = None
    picture: bool = False
    tools: bool = False
    schema: bool = False
    before: Answered | None = None
    """An answer with calls, all of which have the result "21 degrees"."""
    cap: int = 100


class Refused(NamedTuple):
    status: int
    message: str
    body: Any
    headers: Any


RESULT = "21 degrees"


class SdkCaller(Protocol):
    def ask(self, asking: Asking) -> Answered: ...

    def stream(self, asking: Asking) -> Answered: ...

    def refused(self, asking: Asking, *, stream: bool = False) -> Refused: ...


class ChatCaller:
    """openai, chat completions."""

    kind = "openai.chat"
    stops: ClassVar = {"end": "stop", "length": "length", "calls": "tool_calls"}

    def __init__(self, url: str, key: str) -> None:
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def _body(self, asking: Asking) -> dict[str, Any]:
        content: Any = asking.text
        if asking.picture:
            picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
            content = [{"type": "text", "text": asking.text}, picture]
        messages: list[Any] = [{"role": "system", "content": asking.system}] if asking.system else []
        messages.append({"role": "user", "content": content})
        if asking.before is not None:
            messages.append(asking.before.said)
            messages += [{"role": "tool", "tool_call_id": call.id, "content": RESULT} for call in asking.before.calls]
        body: dict[str, Any] = {"model": asking.model, "messages": messages, "max_tokens": asking.cap}
        if asking.tools:
            function = {"name": "get_weather", "description": "The weather.", "parameters": WEATHER}
            body["tools"] = [{"type": "function", "function": function}]
        if asking.schema:
            schema = {"name": "person", "schema": PERSON, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def ask(self, asking: Asking) -> Answered:
        raw = self._client.chat.completions.with_raw_response.create(**self._body(asking))
        answer = raw.parse()
        return self._answered(answer, raw.headers)

    def _answered(self, answer: Any, headers: Any) -> Answered:
        (choice,) = answer.choices
        message = choice.message
        calls = [
            Called(call.id, call.function.name, json.loads(call.function.arguments))
            for call in message.tool_calls or ()
        ]
        usage = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
        said = message.model_dump(exclude_none=True)
        return Answered(message.content or "", calls, choice.finish_reason, usage, headers, said)

    def stream(self, asking: Asking) -> Answered:
        raw = self._client.chat.completions.with_raw_response.create(
            **self._body(asking), stream=True, stream_options={"include_usage": True}
        )
        text, stop, usage, calls = "", "", (0, 0), dict[int, Any]()
        for chunk in raw.parse():
            if chunk.usage is not None:
                usage = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            for choice in chunk.choices:
                text += choice.delta.content or ""
                stop = choice.finish_reason or stop
                for call in choice.delta.tool_calls or ():
                    kept = calls.setdefault(call.index, {"id": "", "name": "", "arguments": ""})
                    kept["id"] = call.id or kept["id"]
                    kept["name"] = (call.function.name or "") or kept["name"]
                    kept["arguments"] += call.function.arguments or ""
        found = [Called(one["id"], one["name"], json.loads(one["arguments"])) for one in calls.values()]
        functions = [
            {"id": one["id"], "type": "function", "function": {"name": one["name"], "arguments": one["arguments"]}}
            for one in calls.values()
        ]
        said = {"role": "assistant", "content": text or None, **({"tool_calls": functions} if functions else {})}
        return Answered(text, found, stop, usage, raw.headers, said)

    def refused(self, asking: Asking, *, stream: bool = False) -> Refused:
        try:
            _ = self.stream(asking) if stream else self.ask(asking)
        except openai.APIStatusError as error:
            return Refused(error.status_code, error.message, error.body, error.response.headers)
        except openai.APIError as error:
            return Refused(200, error.message, error.body, None)
        raise AssertionError("it was answered")


class ResponsesCaller:
    """openai, responses."""

    kind = "openai.responses"
    stops: ClassVar = {"end": "completed", "length": "incomplete", "calls": "completed"}

    def __init__(self, url: str, key: str) -> None:
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def _body(self, asking: Asking) -> dict[str, Any]:
        content: Any = asking.text
        if asking.picture:
            picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "auto"}
            content = [{"type": "input_text", "text": asking.text}, picture]
        items: list[Any] = [{"role": "user", "content": content}]
        if asking.before is not None:
            items += asking.before.said
            items += [
                {"type": "function_call_output", "call_id": call.id, "output": RESULT} for call in asking.before.calls
            ]
        body: dict[str, Any] = {"model": asking.model, "input": items, "max_output_tokens": asking.cap}
        if asking.system:
            body["instructions"] = asking.system
        if asking.tools:
            tool = {"type": "function", "name": "get_weather", "description": "The weather.", "strict": True}
            body["tools"] = [{**tool, "parameters": WEATHER}]
        if asking.schema:
            body["text"] = {"format": {"type": "json_schema", "name": "person", "schema": PERSON, "strict": True}}
        return body

    def ask(self, asking: Asking) -> Answered:
        raw = self._client.responses.with_raw_response.create(**self._body(asking))
        return self._answered(raw.parse(), raw.headers)

    def _answered(self, answer: Any, headers: Any) -> Answered:
        calls = [
            Called(item.call_id, item.name, json.loads(item.arguments))
            for item in answer.output
            if item.type == "function_call"
        ]
        usage = (answer.usage.input_tokens, answer.usage.output_tokens)
        said = [item.model_dump(exclude_none=True) for item in answer.output]
        return Answered(answer.output_text, calls, answer.status, usage, headers, said)

    def stream(self, asking: Asking) -> Answered:
        raw = self._client.responses.with_raw_response.create(**self._body(asking), stream=True)
        text, last = "", None
        for number, event in enumerate(raw.parse()):
            assert event.type == "error" or event.sequence_number == number
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type in ("response.completed", "response.incomplete"):
                last = event.response
            if event.type in ("error", "response.failed"):
                error = event if event.type == "error" else event.response.error
                raise openai.APIError(error.message, request=None, body=event.to_dict())  # type: ignore[arg-type]
        assert last is not None, "the stream has an end"
        answered = self._answered(last, raw.headers)
        assert answered.text == text
        return answered

    refused = ChatCaller.refused


class MessagesCaller:
    """anthropic, messages."""

    kind = "anthropic.messages"
    stops: ClassVar = {"end": "end_turn", "length": "max_tokens", "calls": "tool_use"}

    def __init__(self, url: str, key: str) -> None:
        self._client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def _body(self, asking: Asking) -> dict[str, Any]:
        content: Any = asking.text
        if asking.picture:
            source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
            content = [{"type": "text", "text": asking.text}, {"type": "image", "source": source}]
        messages: list[Any] = [{"role": "user", "content": content}]
        if asking.before is not None:
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": RESULT} for call in asking.before.calls
            ]
            messages += [{"role": "assistant", "content": asking.before.said}, {"role": "user", "content": results}]
        body: dict[str, Any] = {"model": asking.model, "messages": messages, "max_tokens": asking.cap}
        if asking.system:
            body["system"] = asking.system
        if asking.tools:
            body["tools"] = [{"name": "get_weather", "description": "The weather.", "input_schema": WEATHER}]
        if asking.schema:
            body["output_config"] = {"format": {"type": "json_schema", "schema": PERSON}}
        return body

    def ask(self, asking: Asking) -> Answered:
        raw = self._client.messages.with_raw_response.create(**self._body(asking))
        return self._answered(raw.parse(), raw.headers)

    def _answered(self, answer: Any, headers: Any) -> Answered:
        text = "".join(block.text for block in answer.content if block.type == "text")
        calls = [Called(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"]
        usage = (answer.usage.input_tokens, answer.usage.output_tokens)
        said = [block.model_dump(exclude_none=True) for block in answer.content]
        return Answered(text, calls, answer.stop_reason, usage, headers, said)

    def stream(self, asking: Asking) -> Answered:
        with self._client.messages.stream(**self._body(asking)) as stream:
            text = "".join(stream.text_stream)
            answered = self._answered(stream.get_final_message(), stream.response.headers)
        assert answered.text == text
        return answered

    def refused(self, asking: Asking, *, stream: bool = False) -> Refused:
        try:
            _ = self.stream(asking) if stream else self.ask(asking)
        except anthropic.APIStatusError as error:
            return Refused(error.status_code, error.message, error.body, error.response.headers)
        raise AssertionError("it was answered")


class GoogleCaller:
    """google-genai."""

    kind = "google.generate"
    stops: ClassVar = {"end": "STOP", "length": "MAX_TOKENS", "calls": "STOP"}

    def __init__(self, url: str, key: str) -> None:
        self._client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))

    def _asked(self, asking: Asking) -> dict[str, Any]:
        parts = [types.Part(text=asking.text)]
        if asking.picture:
            parts.append(types.Part.from_bytes(data=base64.b64decode(PICTURE), mime_type="image/png"))
        contents = [types.Content(role="user", parts=parts)]
        if asking.before is not None:
            results = [
                types.Part(
                    function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": RESULT})
                )
                for call in asking.before.calls
            ]
            contents += [asking.before.said, types.Content(role="user", parts=results)]
        config = types.GenerateContentConfig(max_output_tokens=asking.cap)
        config.automatic_function_calling = types.AutomaticFunctionCallingConfig(disable=True)
        if asking.system:
            config.system_instruction = asking.system
        if asking.tools:
            function = types.FunctionDeclaration(
                name="get_weather", description="The weather.", parameters_json_schema=WEATHER
            )
            config.tools = [types.Tool(function_declarations=[function])]
        if asking.schema:
            config.response_mime_type = "application/json"
            config.response_json_schema = PERSON
        return {"model": asking.model, "contents": contents, "config": config}

    def ask(self, asking: Asking) -> Answered:
        answer = self._client.models.generate_content(**self._asked(asking))
        return self._answered([answer])

    def _answered(self, answers: list[Any]) -> Answered:
        parts = [part for answer in answers for part in (answer.candidates[0].content.parts or ())]
        calls = [
            Called(part.function_call.id or "", part.function_call.name, part.function_call.args)
            for part in parts
            if part.function_call is not None
        ]
        last = answers[-1]
        used = last.usage_metadata
        usage = (used.prompt_token_count, (used.candidates_token_count or 0) + (used.thoughts_token_count or 0))
        return Answered(
            "".join(part.text or "" for part in parts if not part.thought),
            calls,
            last.candidates[0].finish_reason.name,
            usage,
            answers[0].sdk_http_response.headers,
            types.Content(role="model", parts=parts),
        )

    def stream(self, asking: Asking) -> Answered:
        return self._answered(list(self._client.models.generate_content_stream(**self._asked(asking))))

    def refused(self, asking: Asking, *, stream: bool = False) -> Refused:
        try:
            _ = self.stream(asking) if stream else self.ask(asking)
        except google_errors.APIError as error:
            headers = getattr(error.response, "headers", None)
            return Refused(error.code, error.message or "", error.details, headers)
        raise AssertionError("it was answered")


CALLERS: dict[str, Any] = {
    caller.kind: caller for caller in (ChatCaller, ResponsesCaller, MessagesCaller, GoogleCaller)
}
