"""A request in the words of Google's generateContent."""

from __future__ import annotations

from typing import Any

from tollway.translate.codec import Written
from tollway.translate.conversation import (
    Choice,
    Output,
    Reasoning,
    Request,
    Tool,
    Untranslatable,
    effort_of,
    tokens_of,
)
from tollway.translate.fields import distinct
from tollway.translate.google_generate_turns import write_contents
from tollway.translate.google_models import gemini
from tollway.translate.spelled import Spelling

_LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH", "max": "HIGH"}
_CARRIED = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
}
_UNKNOWN = {"verbosity": "verbosity", "user": "user", "metadata": "metadata", "cache_key": "prompt_cache_key"}


def write(request: Request, names: Spelling) -> Written:
    """The body. Raises Untranslatable for what the API has no words for."""
    lost = [*request.lost]
    if any(text.cached for text in request.system):
        lost.append("cache_control")
    contents, late = write_contents(request, names, lost)
    body: dict[str, Any] = {"contents": contents}
    system = [text for text in (*(text.text for text in request.system), *late) if text]
    if system:
        body["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool, names, lost) for tool in request.tools]}]
    # Without functions it would be an error to say which of them may be called.
    if request.choice is not None and request.tools:
        body["toolConfig"] = {"functionCallingConfig": _choice(request.choice, names)}
    if request.parallel_calls is False and request.tools:
        lost.append("parallel_tool_calls")
    if (tier := _tier(request.service_tier)) is not None:
        body["serviceTier"] = tier
    config = {
        google: value for name, google in _CARRIED.items() if (value := getattr(request, name)) is not None
    } | _output(request.output)
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.reasoning is not None and (thinking := _thinking(request.model, request.reasoning, lost)):
        config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    lost += [told for name, told in _UNKNOWN.items() if getattr(request, name) is not None]
    return Written(body=body, lost=distinct(lost))


def _tool(tool: Tool, names: Spelling, lost: list[str]) -> dict[str, Any]:
    if tool.cached is not None:
        lost.append("cache_control")
    if tool.strict:
        lost.append("strict")
    written: dict[str, Any] = {"name": names.out(tool.name)}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.schema is not None:
        written["parametersJsonSchema"] = tool.schema
    return written


def _choice(choice: Choice, names: Spelling) -> dict[str, Any]:
    allowed = [names.out(name) for name in choice.allowed]
    match choice.mode:
        case "none":
            return {"mode": "NONE"}
        case "tool":
            return {"mode": "ANY", "allowedFunctionNames": [names.out(choice.name or "")]}
        case "required":
            return {"mode": "ANY", **({"allowedFunctionNames": allowed} if allowed else {})}
        case "auto":
            # AUTO takes no names; VALIDATED calls one of them, or answers.
            return {"mode": "VALIDATED", "allowedFunctionNames": allowed} if allowed else {"mode": "AUTO"}


def _output(output: Output | None) -> dict[str, Any]:
    if output is None or output.kind == "text":
        return {}
    if output.kind == "json" or output.schema is None:
        return {"responseMimeType": "application/json"}
    schema = output.schema
    if output.description is not None and "description" not in schema:
        schema = {**schema, "description": output.description}
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


def _thinking(model: str, reasoning: Reasoning, lost: list[str]) -> dict[str, Any]:
    """How much to think: a level from Gemini 3 on, a budget before. Never more than was asked for, where it can be less."""
    written: dict[str, Any] = {} if reasoning.shown is None else {"includeThoughts": reasoning.shown}
    known = gemini(model)
    if known.levels:
        if (effort := effort_of(reasoning)) is not None:
            # It cannot be switched off any more, and what they call Pro does not know "minimal".
            level = _LEVELS.get(effort, known.least_level)
            written["thinkingLevel"] = known.least_level if level == "MINIMAL" else level
        return written
    if not known.thinks:
        if reasoning.shown or tokens_of(reasoning):
            lost.append("reasoning")
        return {}
    if (budget := tokens_of(reasoning)) is not None:
        written["thinkingBudget"] = max(known.least_budget, min(budget, known.most_budget))
    elif reasoning.tokens is not None:
        written["thinkingBudget"] = -1
    return written


def _tier(tier: str | None) -> str | None:
    if tier in (None, "auto", "default", "standard", "standard_only"):
        return None
    if tier in ("flex", "priority"):
        return tier
    raise Untranslatable("service_tier", f'Gemini has no tier "{tier}"; leave it out, or use flex or priority')
