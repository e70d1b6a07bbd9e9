"""Reading a request of OpenAI's chat completions, with what OpenRouter, DeepSeek and others add to its messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from tollway.translate.conversation import (
    Choice,
    Declined,
    Media,
    Output,
    Part,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
)
from tollway.translate.fields import Fields, Malformed, distinct
from tollway.translate.hosted import left
from tollway.translate.openai_chat_parts import read_cached, read_content
from tollway.translate.openai_chat_thoughts import read_thoughts

_REFUSED = {
    "audio": "answers in sound exist in this API alone; leave it out, or call a model of this API",
    "web_search_options": "a provider's own web search costs money and differs between providers; search with a tool of your own",
    "functions": 'it is deprecated, and answered in another shape; send "tools"',
    "function_call": 'it is deprecated, and answered in another shape; send "tool_choice"',
    "logprobs": "the other API tells no probabilities; leave it out, or call a model of this API",
    "top_logprobs": "the other API tells no probabilities; leave it out, or call a model of this API",
    "logit_bias": "tokens have other numbers at another provider; leave it out, or call a model of this API",
    "moderation": "it is a service of this provider; leave it out, or call a model of this API",
}
_HOSTED = (
    "openrouter:",
    "web_search",
    "browser_search",
    "code_interpreter",
    "code_execution",
    "live_search",
    "x_search",
    "mcp",
)
"""How the types of the tools begin that providers with this API run themselves: OpenRouter, Z.ai, Groq, xAI, Mistral."""
_LOST = (
    "store",
    "prediction",
    "prompt_cache_retention",
    "prompt_cache_options",
    "min_p",
    "top_a",
    "repetition_penalty",
    "reasoning_format",
)


def read_request(body: Mapping[str, Any]) -> Request:
    """A whole request. Raises Untranslatable, and Malformed for what OpenAI would not take either."""
    fields = Fields(body)
    for name, why in _REFUSED.items():
        fields.refuse(name, why)
    if (fields.integer("n") or 1) != 1:
        raise Untranslatable("n", "the other API gives one answer; ask for one, or call a model of this API")
    if any(kind != "text" for kind in fields.array("modalities")):
        raise Untranslatable(
            "modalities", "only text can be asked for across APIs; leave it out, or call a model of this API"
        )
    lost = fields.lose(*_LOST)
    system, turns = _messages(fields, lost)
    options = fields.nested("stream_options")
    include_usage = bool(options and options.flag("include_usage"))
    if options:
        options.done(ignored=("include_obfuscation",))
    caps = [fields.integer("max_completion_tokens"), fields.integer("max_tokens")]
    user = fields.text("user")
    tools, hosted = _tools(fields, lost)
    request = Request(
        model=fields.text("model") or "",
        system=system,
        turns=turns,
        tools=tools,
        choice=left(_choice(fields), tools, hosted),
        parallel_calls=fields.flag("parallel_tool_calls"),
        output=_output(fields),
        max_tokens=min((cap for cap in caps if cap is not None), default=None),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        stop=_stop(fields),
        seed=fields.integer("seed"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        reasoning=_reasoning(fields),
        verbosity=fields.text("verbosity"),
        stream=bool(fields.flag("stream")),
        include_usage=include_usage,
        user=fields.text("safety_identifier") or user,
        metadata=_metadata(fields),
        service_tier=_tier(fields),
        cache_key=fields.text("prompt_cache_key"),
        lost=distinct(lost),
    )
    fields.done()
    return request


def _messages(fields: Fields, lost: list[str]) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
    """What the system says ahead of the conversation, and the conversation."""
    system: list[Text] = []
    turns: list[Turn] = []
    # Results of parallel calls stand together in one turn.
    results: list[ToolResult] = []
    for message in fields.each("messages"):
        role, name = message.needed("role"), message.text("name")
        if results and role != "tool":
            turns.append(Turn("user", tuple(results)))
            results = []
        match role:
            case "system" | "developer":
                parts = tuple(_texts(message, "content", lost))
                if turns:
                    turns.append(Turn("system", parts, name))
                else:
                    system += parts
            case "user":
                turns.append(Turn("user", tuple(read_content(message, "content", lost)), name))
            case "assistant":
                turns.append(Turn("assistant", tuple(_said(message, lost)), name))
            case "tool":
                result = ToolResult(
                    id=message.needed("tool_call_id"),
                    name=name,
                    parts=cast("tuple[Text | Media, ...]", tuple(read_content(message, "content", lost))),
                )
                results.append(result)
                message.done()
                continue
            case _:
                raise Untranslatable(
                    message.place("role"), f'"{role}" is not known; write system, developer, user, assistant or tool'
                )
        message.done()
    if results:
        turns.append(Turn("user", tuple(results)))
    return tuple(system), tuple(turns)


def _said(message: Fields, lost: list[str]) -> list[Part]:
    """What the model said before: thoughts, words, a refusal, calls."""
    message.refuse("audio", "a spoken answer is known to its maker alone; send what was said as text")
    message.refuse("function_call", 'it is deprecated; send "tool_calls"')
    # OpenAI writes annotations into its answers, and agents send answers back as they came.
    lost += message.lose("annotations", "images")
    parts: list[Part] = [
        *read_thoughts({name: message.raw(name) for name in ("reasoning_details", "reasoning_content", "reasoning")})
    ]
    parts += read_content(message, "content", lost)
    if refusal := message.text("refusal"):
        parts.append(Declined(refusal))
    for call in message.each("tool_calls"):
        parts.append(_call(call))
        call.done(ignored=("index",))
    return parts


def _call(call: Fields) -> ToolCall:
    kind, function = call.text("type"), call.nested("function")
    if kind not in (None, "function") or function is None:
        raise Untranslatable(call.place("type"), "only calls of functions can be carried to another API")
    found = ToolCall(
        id=call.needed("id"),
        name=function.needed("name"),
        arguments=function.text("arguments") or "{}",
        signature=thought_signature(call.raw("extra_content")),
    )
    function.done()
    return found


def thought_signature(extra: object) -> tuple[Any, str] | None:
    """Gemini's signature of a call, where Google's own chat API has it: `extra_content.google.thought_signature`."""
    google = cast("dict[str, Any]", extra).get("google") if isinstance(extra, dict) else None
    found = cast("dict[str, Any]", google).get("thought_signature") if isinstance(google, dict) else None
    return ("google.generate", found) if isinstance(found, str) and found else None


def _texts(message: Fields, name: str, lost: list[str]) -> list[Text]:
    parts = read_content(message, name, lost)
    if any(not isinstance(part, Text) for part in parts):
        raise Untranslatable(message.place(name), "the system can say text alone; move the rest into a user message")
    return cast("list[Text]", parts)


def _tools(fields: Fields, lost: list[str]) -> tuple[tuple[Tool, ...], set[str]]:
    """The functions, and the types of the tools that are left out."""
    tools: list[Tool] = []
    hosted: set[str] = set()
    for tool in fields.each("tools"):
        kind = tool.text("type") or "function"  # It may be left out at some servers.
        if kind.startswith(_HOSTED):
            lost.append(f"tools.{kind}")
            hosted.add(kind)
            continue
        function = tool.nested("function")
        if kind != "function" or function is None:
            raise Untranslatable(
                tool.place("type"),
                f'a tool of type "{kind}" exists in this API alone; describe it as a function, or call a model of this API',
            )
        tools.append(
            Tool(
                name=function.needed("name"),
                description=function.text("description"),
                schema=function.mapping("parameters"),
                strict=function.flag("strict"),
                cached=read_cached(tool.nested("cache_control")),
            )
        )
        function.done()
        tool.done()
    return tuple(tools), hosted


def _choice(fields: Fields) -> Choice | None:
    match chosen := fields.raw("tool_choice"):
        case None:
            return None
        case "auto" | "none" | "required":
            return Choice(mode=chosen)
        case "any":
            return Choice(mode="required")  # Mistral's word for it.
        case {"type": "function", "function": {"name": str(name)}}:
            return Choice(mode="tool", name=name)
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode, "tools": tools}}:
            named: list[str] = []
            for tool in cast("list[Any]", tools) if isinstance(tools, list) else []:
                match tool:
                    case {"type": "function", "function": {"name": str(name)}}:
                        named.append(name)
                    case _:
                        raise Untranslatable("tool_choice.allowed_tools", "only functions can be named across APIs")
            return Choice(mode=mode, allowed=tuple(named))
        case _:
            raise Untranslatable("tool_choice", "write auto, none, required, or name a function")


def _output(fields: Fields) -> Output | None:
    form = fields.nested("response_format")
    if form is None:
        return None
    match kind := form.needed("type"):
        case "text":
            output = Output(kind="text")
        case "json_object":
            output = Output(kind="json")
        case "json_schema":
            schema = Fields(form.raw("json_schema"), form.place("json_schema"))
            output = Output(
                kind="schema",
                schema=schema.mapping("schema"),
                name=schema.text("name"),
                description=schema.text("description"),
                strict=schema.flag("strict"),
            )
            schema.done()
        case _:
            raise Untranslatable(
                form.place("type"), f'"{kind}" cannot be carried; write text, json_object or json_schema'
            )
    form.done()
    return output


def _stop(fields: Fields) -> tuple[str, ...]:
    stop = fields.raw("stop")
    words = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in cast("list[Any]", words)):
        raise Malformed("stop must be text or an array of texts.")
    return tuple(cast("list[str]", words))


def _reasoning(fields: Fields) -> Reasoning | None:
    """OpenAI's effort, or what others say it with: OpenRouter's `reasoning`, and `thinking` (DeepSeek, Z.ai, Moonshot)."""
    effort = fields.text("reasoning_effort")
    asked, thinking = fields.nested("reasoning"), fields.nested("thinking")
    tokens: int | None = None
    shown = fields.flag("include_reasoning")
    if thinking is not None:
        kind, budget = thinking.needed("type"), thinking.integer("budget_tokens")
        if kind == "disabled":
            effort = "none"
        elif kind != "enabled":
            raise Untranslatable(thinking.place("type"), f'"{kind}" is not known; write enabled or disabled')
        elif effort is None:
            tokens = budget or -1
        thinking.done()
    if asked is not None:
        effort = asked.text("effort") or effort
        tokens = asked.integer("max_tokens") or tokens
        hidden = asked.flag("exclude")
        shown = shown if hidden is None else not hidden
        if asked.flag("enabled") is False:
            effort, tokens = "none", None
        asked.done()
    if effort not in (None, "none", "minimal", "low", "medium", "high", "xhigh", "max"):
        raise Malformed("reasoning_effort must be none, minimal, low, medium, high, xhigh or max.")
    if effort is None and tokens is None and shown is None:
        return None
    return Reasoning(effort=cast("Any", None if tokens is not None else effort), tokens=tokens, shown=shown)


def _tier(fields: Fields) -> str | None:
    tier = fields.text("service_tier")
    return "default" if tier == "on_demand" else tier  # Groq's word for it.


def _metadata(fields: Fields) -> dict[str, str] | None:
    metadata = fields.mapping("metadata")
    if metadata is not None and not all(isinstance(value, str) for value in metadata.values()):
        raise Malformed("metadata must have texts as its values.")
    return metadata or None
