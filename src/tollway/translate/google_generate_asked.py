"""What a request of Google's generateContent asks for, besides its contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tollway.translate.conversation import Choice, Output, Reasoning, Request, Text, Tool, Untranslatable
from tollway.translate.fields import Fields, Malformed, distinct
from tollway.translate.google_generate_contents import Contents, given_ids
from tollway.translate.google_schema import json_schema
from tollway.translate.google_spelling import camelled
from tollway.translate.hosted import left

_HOSTED = (
    "googleSearch",
    "googleSearchRetrieval",
    "enterpriseWebSearch",
    "parallelAiSearch",
    "exaAiSearch",
    "googleMaps",
    "urlContext",
    "codeExecution",
    "fileSearch",
    "retrieval",
    "mcpServers",
)
"""The tools that Google runs itself."""
_NOT_CARRIED = "this tool is Google's own; declare a function, or name a model of Google's"
_LEVELS: dict[str, Literal["minimal", "low", "medium", "high", "xhigh"]] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}
_PLAIN = ("unspecified", "standard", "default", "auto", "service_tier_unspecified")


def read(body: Mapping[str, Any], *, model: str | None, stream: bool) -> Request:
    """One request. Its model and whether it streams stand in the path. Raises Untranslatable, and Malformed."""
    spelled = camelled(body)
    fields, lost = Fields(spelled), list[str]()
    fields.refuse("cachedContent", "it lives with Google; send the whole conversation as contents")
    named = fields.text("model")
    # Harmless: how strict Google's filters are, how its bills are labelled, whether it keeps what was said.
    lost += fields.lose("safetySettings", "labels", "store")
    system = _read_system(fields)
    contents = Contents(lost, given_ids(spelled.get("contents")))
    if not fields.has("contents"):
        raise Malformed("contents is missing; it must be an array.")
    for content in fields.each("contents"):
        contents.read(content)
    tools = tuple(tool for group in fields.each("tools") for tool in _read_tools(group, lost))
    choice = _read_choice(fields, lost)
    tier = (fields.text("serviceTier") or "").lower()
    config = fields.nested("generationConfig") or Fields({}, "generationConfig")
    fields.done()
    output = _read_output(config)
    reasoning = _read_thinking(config)
    _refuse_kinds(config, lost)
    top_k = config.number("topK")
    request = Request(
        model=model or (named or "").removeprefix("models/"),
        system=system,
        turns=tuple(contents.turns),
        tools=tools,
        choice=left(choice, tools, {name for name in _HOSTED if f"tools.{name}" in lost}),
        output=output,
        max_tokens=config.integer("maxOutputTokens"),
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=None if top_k is None else int(top_k),
        stop=tuple(_texts(config, "stopSequences")),
        seed=config.integer("seed"),
        frequency_penalty=config.number("frequencyPenalty"),
        presence_penalty=config.number("presencePenalty"),
        reasoning=reasoning,
        stream=stream,
        service_tier=tier if tier and tier not in _PLAIN else None,
        lost=distinct(lost),
    )
    config.done()
    if not request.model:
        raise Malformed("The path names no model.")
    return request


def _read_system(fields: Fields) -> tuple[Text, ...]:
    if isinstance(fields.raw("systemInstruction"), str):
        return (Text(text=fields.text("systemInstruction") or ""),)
    system = fields.nested("systemInstruction")
    if system is None:
        return ()
    system.raw("role")
    texts: list[Text] = []
    for part in system.each("parts"):
        texts.append(Text(text=part.needed("text")))
        part.done()
    system.done()
    return tuple(texts)


def _read_tools(group: Fields, lost: list[str]) -> list[Tool]:
    tools: list[Tool] = []
    for declared in group.each("functionDeclarations"):
        lost += [f"tools.{one}" for one in declared.lose("response", "responseJsonSchema")]
        behavior = declared.text("behavior")
        if behavior not in (None, "UNSPECIFIED", "BLOCKING"):
            raise Untranslatable(
                declared.place("behavior"), "calls that block nothing are of Google's live API; leave it out"
            )
        schema = declared.mapping("parametersJsonSchema")
        parameters = declared.raw("parameters")
        if schema is None and parameters is not None:
            schema = json_schema(parameters, declared.place("parameters"))
        tools.append(Tool(name=declared.needed("name"), description=declared.text("description"), schema=schema))
        declared.done()
    for name in _HOSTED:
        if group.raw(name) is not None:
            # Offered, which asks for nothing; it is often an empty object.
            lost.append(f"tools.{name}")
    try:
        group.done()
    except Untranslatable as found:
        raise Untranslatable(found.field, _NOT_CARRIED) from None
    return tools


def _read_choice(fields: Fields, lost: list[str]) -> Choice | None:
    config = fields.nested("toolConfig")
    if config is None:
        return None
    calling = config.nested("functionCallingConfig")
    lost += config.lose("retrievalConfig", "includeServerSideToolInvocations")
    config.done()
    if calling is None:
        return None
    calling.refuse("streamFunctionCallArguments", "calls are told whole elsewhere; leave it out")
    mode = (calling.text("mode") or "AUTO").upper()
    allowed = tuple(_texts(calling, "allowedFunctionNames"))
    calling.done()
    match mode:
        case "AUTO" | "MODE_UNSPECIFIED":
            return Choice(allowed=allowed)
        case "VALIDATED":
            if not allowed:
                lost.append("toolConfig.mode")
            return Choice(allowed=allowed)
        case "NONE":
            return Choice(mode="none")
        case "ANY":
            if len(allowed) == 1:
                return Choice(mode="tool", name=allowed[0])
            return Choice(mode="required", allowed=allowed)
        case _:
            raise Malformed(f"{calling.place('mode')} must be AUTO, ANY, NONE or VALIDATED.")


def _read_output(config: Fields) -> Output | None:
    media_type = config.text("responseMimeType")
    given, schema = config.mapping("responseJsonSchema"), config.raw("responseSchema")
    if given is None and schema is not None:
        given = json_schema(schema, config.place("responseSchema"))
    match media_type:
        case None | "" | "text/plain":
            return None if given is None else Output(kind="schema", schema=given)
        case "application/json":
            return Output(kind="json") if given is None else Output(kind="schema", schema=given)
        case _:
            raise Untranslatable(
                config.place("responseMimeType"),
                f'"{media_type}" cannot be carried; use application/json with a schema',
            )


def _read_thinking(config: Fields) -> Reasoning | None:
    thinking = config.nested("thinkingConfig")
    if thinking is None:
        return None
    shown, tokens, level = (
        thinking.flag("includeThoughts"),
        thinking.integer("thinkingBudget"),
        (thinking.text("thinkingLevel") or "THINKING_LEVEL_UNSPECIFIED").upper(),
    )
    thinking.done()
    if level not in _LEVELS and level != "THINKING_LEVEL_UNSPECIFIED":
        raise Malformed(f"{thinking.place('thinkingLevel')} must be one of {', '.join(_LEVELS)}.")
    if shown is None and tokens is None and level not in _LEVELS:
        return None
    # Google takes one of the two; a budget is the more exact.
    return Reasoning(tokens=tokens, effort=_LEVELS.get(level) if tokens is None else None, shown=shown)


def _refuse_kinds(config: Fields, lost: list[str]) -> None:
    if (config.integer("candidateCount") or 1) > 1:
        raise Untranslatable(config.place("candidateCount"), "only one answer can be carried; ask again for another")
    modalities = [str(one).upper() for one in config.array("responseModalities")]
    if any(one not in ("TEXT", "MODALITY_UNSPECIFIED") for one in modalities):
        raise Untranslatable(config.place("responseModalities"), "only text can be carried; name a model of Google's")
    for name in ("responseLogprobs", "logprobs"):
        config.refuse(name, "probabilities of tokens are not carried; leave it out")
    for name in ("speechConfig", "imageConfig", "routingConfig", "modelSelectionConfig", "modelConfig"):
        config.refuse(name, "this is Google's own; leave it out, or name a model of Google's")
    lost += config.lose("mediaResolution", "audioTimestamp", "enableEnhancedCivicAnswers")


def _texts(fields: Fields, name: str) -> list[str]:
    found = fields.array(name)
    for number, value in enumerate(found):
        if not isinstance(value, str):
            raise Malformed(f"{fields.place(name)}[{number}] must be text.")
    return found
