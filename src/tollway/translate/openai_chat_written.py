"""Writing a request as OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from tollway.translate.abilities import OpenAI, openai, openai_effort
from tollway.translate.conversation import (
    Choice,
    Declined,
    Media,
    Output,
    Part,
    Request,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
)
from tollway.translate.fields import distinct
from tollway.translate.openai_chat_parts import write_media
from tollway.translate.schemas import strict_at_openai
from tollway.translate.spelled import Spelling

_LONGEST_USER = 64


def write_request(request: Request, names: Spelling) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body, and what was not carried. Raises Untranslatable."""
    return _Writer(request, names).write()


class _Writer:
    """One request being written; what is lost on the way is gathered."""

    __slots__ = ("_ids", "_lost", "_names", "_request")

    def __init__(self, request: Request, names: Spelling) -> None:
        self._request = request
        self._names = names
        # OpenAI takes ids of at most 40 characters.
        self._ids = Spelling(40)
        self._lost: list[str] = [*request.lost]

    def write(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        request = self._request
        if request.turns and request.turns[-1].role == "assistant":
            raise Untranslatable(
                "messages",
                "the last message is the assistant's, and this API does not go on with it; end with a user's message",
            )
        if request.max_tokens == 0:
            raise Untranslatable("max_tokens", "this API cannot be asked for no answer at all; ask for 1 or more")
        body: dict[str, Any] = {"model": request.model, "messages": self._messages()}
        model = openai(request.model)
        if request.max_tokens is not None:
            body["max_completion_tokens" if model.reasons else "max_tokens"] = request.max_tokens
        self._tune(body, model)
        if request.tools:
            self._tools(body)
        if request.output is not None and request.output.kind != "text":
            body["response_format"] = self._response_format(request.output)
        if request.stop:
            body["stop"] = list(request.stop)
        if request.user:
            body["user"] = of_user(request.user, self._lost)
        if request.service_tier not in (None, "auto"):
            body["service_tier"] = request.service_tier
        if request.stream:
            # The counts are needed for the other API's last event, whoever asked for them.
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body, distinct(self._lost)

    def _tune(self, body: dict[str, Any], model: OpenAI) -> None:
        request = self._request
        tuning = {
            "temperature": request.temperature,
            "top_p": request.top_p,
            "frequency_penalty": request.frequency_penalty,
            "presence_penalty": request.presence_penalty,
        }
        for name, value in tuning.items():
            if value is None:
                continue
            if model.reasons:
                self._lost.append(name)
                continue
            body[name] = value
        if request.temperature is not None and request.temperature > 2 and not model.reasons:
            body["temperature"] = 2.0
            self._lost.append("temperature")
        for name, value in {
            "seed": request.seed,
            "verbosity": request.verbosity,
            "prompt_cache_key": request.cache_key,
        }.items():
            if value is None:
                continue
            if name == "seed" or model.reasons:
                body[name] = value
            else:
                self._lost.append(name)
        for name in ("top_k", "metadata"):
            if getattr(request, name) is not None:
                self._lost.append(name)
        if request.reasoning is not None:
            effort = openai_effort(request.model, request.reasoning)
            if effort is not None:
                body["reasoning_effort"] = effort
            if effort != request.reasoning.effort or request.reasoning.tokens is not None:
                self._lost.append("reasoning")

    def _tools(self, body: dict[str, Any]) -> None:
        request = self._request
        tools, choice = allowed(request.tools, request.choice)
        body["tools"] = [self._tool(tool) for tool in tools]
        match choice.mode if choice else None:
            case "tool" if choice and choice.name is not None:
                body["tool_choice"] = {"type": "function", "function": {"name": self._names.out(choice.name)}}
            case None:
                pass
            case mode:
                body["tool_choice"] = mode
        if request.parallel_calls is not None:
            body["parallel_tool_calls"] = request.parallel_calls

    def _tool(self, tool: Tool) -> dict[str, Any]:
        self._uncached(tool)
        function: dict[str, Any] = {"name": self._names.out(tool.name)}
        if tool.description is not None:
            function["description"] = tool.description
        if tool.schema is not None:
            function["parameters"] = tool.schema
        if tool.strict is not None:
            function["strict"] = self._strict(tool.strict, tool.schema)
        return {"type": "function", "function": function}

    def _strict(self, strict: bool, schema: dict[str, Any] | None) -> bool:
        """Strictness as OpenAI has it, which takes fewer schemas than the others do: it is left out where this is none of those."""
        if strict and not strict_at_openai(schema):
            self._lost.append("strict")
            return False
        return strict

    def _response_format(self, output: Output) -> dict[str, Any]:
        if output.kind == "json":
            return {"type": "json_object"}
        schema: dict[str, Any] = {"name": output.name or "answer", "schema": output.schema or {}}
        if output.description is not None:
            schema["description"] = output.description
        if output.strict is not None:
            schema["strict"] = self._strict(output.strict, output.schema)
        return {"type": "json_schema", "json_schema": schema}

    def _uncached(self, part: Text | Media | ToolCall | ToolResult | Tool) -> None:
        """OpenAI caches by itself."""
        if part.cached is not None:
            self._lost.append("cache_control")

    def _messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        if self._request.system:
            messages.append({"role": "system", "content": self._content(self._request.system)})
        for turn in self._request.turns:
            match turn.role:
                case "system":
                    messages.append(_named({"role": "system", "content": self._content(turn.parts)}, turn))
                case "user":
                    messages += self._user(turn)
                case "assistant":
                    messages += self._assistant(turn)
        if not messages:
            raise Untranslatable("messages", "there is nothing to answer; write a message")
        return messages

    def _user(self, turn: Turn) -> list[dict[str, Any]]:
        """A tool's results are messages of their own, and stand ahead of what the user says with them."""
        messages: list[dict[str, Any]] = []
        rest: list[Part] = []
        for part in turn.parts:
            if not isinstance(part, ToolResult):
                continue
            self._uncached(part)
            if part.failed:
                self._lost.append("is_error")
            texts = [piece for piece in part.parts if isinstance(piece, Text)]
            media = [piece for piece in part.parts if isinstance(piece, Media)]
            said = "\n".join(text.text for text in texts)
            for text in texts:
                self._uncached(text)
            if media:
                # A tool's message holds text alone; what it shows comes in the user's message after all results.
                said = f"{said}\n(What this tool shows follows in the next message.)".lstrip()
                rest += [Text(text=f"Shown by the tool call {self._ids.out(part.id)}:"), *media]
            elif not said and part.failed:
                said = "The tool failed."
            messages.append({"role": "tool", "tool_call_id": self._ids.out(part.id), "content": said})
        rest += [part for part in turn.parts if not isinstance(part, ToolResult)]
        if rest:
            messages.append(_named({"role": "user", "content": self._content(rest)}, turn))
        return messages

    def _assistant(self, turn: Turn) -> list[dict[str, Any]]:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        texts: list[str] = []
        calls: list[dict[str, Any]] = []
        for part in turn.parts:
            match part:
                case Text():
                    self._uncached(part)
                    texts.append(part.text)
                case ToolCall():
                    self._uncached(part)
                    calls.append(self._call(part))
                case Declined():
                    message["refusal"] = part.text
                case Thought():
                    self._lost.append("thinking")
                case Media() | ToolResult():
                    raise Untranslatable(
                        "messages", f"the assistant's part {type(part).__name__.lower()} has no place in this API"
                    )
        if texts:
            message["content"] = "".join(texts)
        if calls:
            message["tool_calls"] = calls
        if not texts and not calls and "refusal" not in message:
            return []
        return [_named(message, turn)]

    def _call(self, call: ToolCall) -> dict[str, Any]:
        function = {"name": self._names.out(call.name), "arguments": call.arguments or "{}"}
        shown: dict[str, Any] = {"id": self._ids.out(call.id), "type": "function", "function": function}
        return shown

    def _content(self, parts: Sequence[Part]) -> str | list[dict[str, Any]]:
        """One text as text, which every server takes; anything else as parts."""
        if len(parts) == 1 and isinstance(parts[0], Text):
            self._uncached(parts[0])
            return parts[0].text
        return [self._part(part) for part in parts]

    def _part(self, part: Part) -> dict[str, Any]:
        match part:
            case Text():
                self._uncached(part)
                return {"type": "text", "text": part.text}
            case Declined():
                return {"type": "text", "text": part.text}
            case Media():
                self._uncached(part)
                return write_media(part)
            case _:
                raise Untranslatable(
                    "messages", f"a user's message cannot hold a {type(part).__name__.lower()} in this API"
                )


def of_user(user: str, lost: list[str]) -> str:
    """Who the caller asks for, in the 64 characters that OpenAI takes; of a longer name the same mark each time."""
    if len(user) <= _LONGEST_USER:
        return user
    lost.append("user")
    return sha256(user.encode(errors="surrogatepass")).hexdigest()


def allowed(tools: tuple[Tool, ...], choice: Choice | None) -> tuple[tuple[Tool, ...], Choice | None]:
    """The tools that may be called: where only some are, the others are not offered at all, which every server understands."""
    if choice is None or not choice.allowed:
        return tools, choice
    kept = tuple(tool for tool in tools if tool.name in choice.allowed)
    if not kept:
        raise Untranslatable("tool_choice", "none of the allowed tools is among the tools; name one of them")
    return kept, Choice(mode=choice.mode, name=choice.name)


def _named(message: dict[str, Any], turn: Turn) -> dict[str, Any]:
    return message if turn.name is None else {**message, "name": turn.name}
