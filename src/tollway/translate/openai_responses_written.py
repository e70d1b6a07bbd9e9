"""A request in the words of OpenAI's Responses."""

from __future__ import annotations

from typing import Any

from tollway.translate.abilities import openai, openai_effort
from tollway.translate.codec import Written
from tollway.translate.conversation import Choice, Output, Request, Tool, Untranslatable, effort_of
from tollway.translate.fields import distinct
from tollway.translate.openai_chat_written import of_user
from tollway.translate.openai_responses_input import write_input
from tollway.translate.spelled import Spelling

_TIERS = frozenset({"flex", "priority", "scale", "fast", "ultrafast"})
_ANY_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}


def write(request: Request, names: Spelling) -> Written:
    """The body. Raises Untranslatable for what the API has no words for."""
    lost = [*request.lost]
    if request.stop:
        raise Untranslatable("stop", "OpenAI's Responses has no stop sequences; leave them out, or name another model")
    # Nothing is left with the provider: the caller's own API may never have agreed to it.
    body: dict[str, Any] = {"model": request.model, "store": False}
    if any(text.cached for text in request.system):
        lost.append("cache_control")
    if request.system:
        body["instructions"] = "\n\n".join(text.text for text in request.system)
    body["input"] = write_input(request, names, lost)
    if request.tools:
        body["tools"] = [_tool(tool, names, lost) for tool in request.tools]
    if request.choice is not None:
        body["tool_choice"] = _choice(request.choice, names)
    if (form := _text(request.output, request.verbosity, lost)) is not None:
        body["text"] = form
    if (reasoning := _reasoning(request, lost)) is not None:
        body["reasoning"] = reasoning
        # Asked of a model that does not reason, it is an error.
        if reasoning.get("effort") not in (None, "none"):
            body["include"] = ["reasoning.encrypted_content"]
    if request.stream:
        body["stream"] = True
    carried = {
        "parallel_tool_calls": request.parallel_calls if request.tools else None,
        "max_output_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "user": of_user(request.user, lost) if request.user else None,
        "metadata": request.metadata,
        "service_tier": _tier(request.service_tier),
        "prompt_cache_key": request.cache_key,
    }
    if openai(request.model).reasons:
        # The models that think answer 400 to either.
        lost += [name for name in ("temperature", "top_p") if carried.pop(name) is not None]
    body |= {name: value for name, value in carried.items() if value is not None}
    for name in ("top_k", "seed", "frequency_penalty", "presence_penalty"):
        if getattr(request, name) is not None:
            lost.append(name)
    return Written(body=body, lost=distinct(lost))


def _tool(tool: Tool, names: Spelling, lost: list[str]) -> dict[str, Any]:
    if tool.cached is not None:
        lost.append("cache_control")
    written: dict[str, Any] = {"type": "function", "name": names.out(tool.name)}
    if tool.description is not None:
        written["description"] = tool.description
    written["parameters"] = _ANY_ARGUMENTS if tool.schema is None else tool.schema
    # Left out, Responses would try to hold the schema to its strict subset, and change it.
    written["strict"] = bool(tool.strict)
    return written


def _choice(choice: Choice, names: Spelling) -> Any:
    if choice.mode == "tool":
        return {"type": "function", "name": names.out(choice.name or "")}
    if choice.mode == "none" or not choice.allowed:
        return choice.mode
    tools = [{"type": "function", "name": names.out(name)} for name in choice.allowed]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}


def _text(output: Output | None, verbosity: str | None, lost: list[str]) -> dict[str, Any] | None:
    text: dict[str, Any] = {}
    if output is not None and output.kind == "json":
        text["format"] = {"type": "json_object"}
    elif output is not None and output.kind == "schema":
        form = {
            "type": "json_schema",
            "name": output.name or "answer",
            "description": output.description,
            "schema": output.schema or {},
            "strict": output.strict,
        }
        text["format"] = {name: value for name, value in form.items() if value is not None}
    if verbosity in ("low", "medium", "high"):
        text["verbosity"] = verbosity
    elif verbosity is not None:
        lost.append("verbosity")
    return text or None


def _reasoning(request: Request, lost: list[str]) -> dict[str, Any] | None:
    if request.reasoning is None:
        return None
    if not (known := openai(request.model)).efforts:
        # Either it does not think, or it cannot be told how much; asked to, it answers 400.
        if request.reasoning.shown or effort_of(request.reasoning) not in (None, *(() if known.reasons else ("none",))):
            lost.append("reasoning")
        return None
    written: dict[str, Any] = {}
    effort = openai_effort(request.model, request.reasoning)
    if effort is not None:
        written["effort"] = effort
    if request.reasoning.shown:
        written["summary"] = "auto"
    return written or None


def _tier(tier: str | None) -> str | None:
    if tier in (None, "auto"):
        return None
    if tier in ("default", "standard", "standard_only"):
        return "default"
    if tier in _TIERS:
        return tier
    raise Untranslatable("service_tier", f'OpenAI has no tier "{tier}"; leave it out, or use flex or priority')
