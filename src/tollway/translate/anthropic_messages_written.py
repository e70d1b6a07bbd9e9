"""Writing a request as Anthropic's messages: turns that alternate, no empty text, and what thinking forbids left out."""

from __future__ import annotations

from typing import Any

from tollway.translate.abilities import Claude, claude
from tollway.translate.anthropic_messages_blocks import Blocks
from tollway.translate.conversation import (
    Reasoning,
    Request,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
    effort_of,
    tokens_of,
)
from tollway.translate.fields import distinct, json_text
from tollway.translate.openai_chat_written import allowed
from tollway.translate.schemas import closed
from tollway.translate.spelled import Spelling

_LEAST_BUDGET = 1_024
_UNKNOWN_HERE = ("seed", "frequency_penalty", "presence_penalty", "verbosity", "metadata", "cache_key")
_JSON_ASKED = "Answer with one JSON object and nothing else."


def write_request(
    request: Request, names: Spelling, *, max_tokens: int | None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body, and what was not carried. Raises Untranslatable."""
    return _Writer(request, names, request.max_tokens or max_tokens).write()


class _Writer:
    """One request being written; what is lost on the way is gathered."""

    __slots__ = ("_blocks", "_body", "_lost", "_max_tokens", "_model", "_names", "_request")

    def __init__(self, request: Request, names: Spelling, max_tokens: int | None) -> None:
        if max_tokens is None:
            raise Untranslatable("max_tokens", "this API must have a cap of its answers; send max_tokens")
        self._request = request
        self._names = names
        self._max_tokens = max_tokens
        self._lost: list[str] = [*request.lost]
        self._model: Claude = claude(request.model)
        self._blocks = Blocks(names, self._lost)
        self._body: dict[str, Any] = {"model": request.model, "max_tokens": max_tokens}

    def write(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        request, body = self._request, self._body
        system = self._blocks.texts(request.system)
        turns = self._turns(system)
        forced = bool(request.choice and request.choice.mode in ("required", "tool") and request.tools)
        thinks = self._think(forced)
        self._output(system)
        if system:
            plain = len(system) == 1 and len(system[0]) == 2
            body["system"] = system[0]["text"] if plain else system
        body["messages"] = self._blocks.messages(turns)
        if not body["messages"]:
            raise Untranslatable("messages", "there is nothing to answer; write a message")
        if body["messages"][0]["role"] != "user":
            raise Untranslatable(
                "messages[0]", "the conversation must begin with the user in this API; put a user's message first"
            )
        self._tune(thinks)
        self._tools()
        self._stop()
        self._tier()
        if request.user:
            body["metadata"] = {"user_id": request.user}
        if request.stream:
            body["stream"] = True
        return body, distinct(self._lost)

    def _turns(self, system: list[dict[str, Any]]) -> list[Turn]:
        """The turns of user and assistant; what the system said amid them goes to the rest that it says."""
        turns: list[Turn] = []
        for turn in self._request.turns:
            if turn.name is not None:
                self._lost.append("name")
            if turn.role == "system":
                self._lost.append("system_position")
                system += self._blocks.texts([part for part in turn.parts if isinstance(part, Text)])
            else:
                turns.append(turn)
        return turns

    def _output(self, system: list[dict[str, Any]]) -> None:
        output = self._request.output
        if output is None or output.kind == "text":
            return
        if output.kind == "json" or output.schema is None or not self._model.structured:
            # There is no such form; the model is told, which is no promise.
            self._lost.append("response_format")
            schema = f" It follows this JSON schema: {json_text(output.schema)}" if output.schema else ""
            system.append({"type": "text", "text": _JSON_ASKED + schema})
            return
        schema, moved = closed(output.schema)
        if moved:
            self._lost.append("response_format.bounds")
        self._config()["format"] = {"type": "json_schema", "schema": schema}

    def _config(self) -> dict[str, Any]:
        return self._body.setdefault("output_config", {})

    def _think(self, forced: bool) -> bool:
        """Asks for the thinking that was asked for, and no more; whether it did."""
        reasoning = self._request.reasoning
        if reasoning is None:
            return False
        tokens, effort = tokens_of(reasoning), effort_of(reasoning)
        if tokens == 0:
            if self._model.adaptive:
                # The newest think by themselves; the older ones only when they are asked.
                self._body["thinking"] = {"type": "disabled"}
            return False
        if not self._model.thinks or (
            effort is None and tokens is None and not reasoning.adaptive and reasoning.tokens != -1
        ):
            self._lost.append("reasoning")
            return False
        if self._model.adaptive and effort is not None:
            level = "low" if effort == "minimal" else "high" if effort == "xhigh" and not self._model.xhigh else effort
            if level != effort or reasoning.tokens is not None:
                self._lost.append("reasoning")
            self._config()["effort"] = level
        if forced:
            # Anthropic's documentation of thinking: it does not go with a tool that must be called.
            self._lost.append("reasoning")
            return False
        thinking = {"type": "adaptive"} if self._model.adaptive else self._budget(reasoning, tokens)
        if thinking is None:
            self._lost.append("reasoning")
            return False
        if self._model.adaptive and reasoning.shown is not None:
            thinking["display"] = "summarized" if reasoning.shown else "omitted"
        self._body["thinking"] = thinking
        return True

    def _budget(self, reasoning: Reasoning, tokens: int | None) -> dict[str, Any] | None:
        """A budget below the cap of the answer, which is never raised for it; `None` where there is no room, or it may not be."""
        if self._max_tokens <= _LEAST_BUDGET or _amid_calls(self._request.turns):
            return None
        # Half of it at most, so that an answer comes of it.
        room = max(_LEAST_BUDGET, self._max_tokens // 2)
        wanted = max(_LEAST_BUDGET, room if tokens is None else tokens)
        if reasoning.tokens is not None and wanted != reasoning.tokens and reasoning.tokens > 0:
            self._lost.append("reasoning")
        if wanted > room:
            self._lost.append("reasoning")
        return {"type": "enabled", "budget_tokens": min(wanted, room)}

    def _tune(self, thinks: bool) -> None:
        request = self._request
        sampling: dict[str, Any] = {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k}
        said = {name: value for name, value in sampling.items() if value is not None}
        if not self._model.samples or thinks:
            # Anthropic's documentation of thinking: it does not go with sampling; the newest models know none.
            self._lost += said
            said = {}
        if "temperature" in said and said["temperature"] > 1:
            self._lost.append("temperature")
            said["temperature"] = 1.0
        if self._model.one_of_two and "temperature" in said and "top_p" in said:
            self._lost.append("top_p")
            del said["top_p"]
        self._body.update(said)
        for name in _UNKNOWN_HERE:
            if getattr(request, name) is not None:
                self._lost.append({"cache_key": "prompt_cache_key"}.get(name, name))

    def _tools(self) -> None:
        request = self._request
        if not request.tools:
            return
        tools, choice = allowed(request.tools, request.choice)
        self._body["tools"] = [self._tool(tool) for tool in tools]
        chosen: dict[str, Any] | None = None
        match choice.mode if choice else None:
            case "tool" if choice and choice.name is not None:
                chosen = {"type": "tool", "name": self._names.out(choice.name)}
            case "required" | "tool":
                chosen = {"type": "any"}
            case "none":
                chosen = {"type": "none"}
            case "auto":
                chosen = {"type": "auto"}
            case None:
                chosen = {"type": "auto"} if request.parallel_calls is False else None
        if chosen is not None:
            if request.parallel_calls is not None and chosen["type"] != "none":
                chosen["disable_parallel_tool_use"] = not request.parallel_calls
            self._body["tool_choice"] = chosen

    def _tool(self, tool: Tool) -> dict[str, Any]:
        schema = tool.schema or {"type": "object", "properties": {}}
        shown: dict[str, Any] = {"name": self._names.out(tool.name)}
        if tool.description is not None:
            shown["description"] = tool.description
        if tool.strict:
            schema, moved = closed(schema)
            shown["strict"] = True
            if moved:
                self._lost.append("tools.bounds")
        shown["input_schema"] = schema if "type" in schema else {"type": "object", **schema}
        if tool.cached is not None:
            shown["cache_control"] = {"type": "ephemeral", "ttl": tool.cached.ttl}
        return shown

    def _stop(self) -> None:
        if any(not word.strip() for word in self._request.stop):
            raise Untranslatable("stop", "this API does not stop at white space alone; choose another stop sequence")
        if self._request.stop:
            self._body["stop_sequences"] = list(self._request.stop)

    def _tier(self) -> None:
        match self._request.service_tier:
            case None | "auto":
                pass
            case "default" | "standard_only":
                self._body["service_tier"] = "standard_only"
            case tier:
                raise Untranslatable(
                    "service_tier", f'this API has no tier "{tier}", and another has another price; leave it out'
                )


def _amid_calls(turns: tuple[Turn, ...]) -> bool:
    """Whether the assistant is in the middle of calling tools, without the proof of what it thought before.

    Anthropic's documentation of thinking: it cannot be switched on there.
    """
    for turn in reversed(turns):
        if turn.role == "assistant":
            called = any(isinstance(part, ToolCall) for part in turn.parts)
            proven = any(
                isinstance(part, Thought) and part.signature and part.signature[0] == "anthropic.messages"
                for part in turn.parts
            )
            return called and not proven
        if not any(isinstance(part, ToolResult) for part in turn.parts):
            return False
    return False
