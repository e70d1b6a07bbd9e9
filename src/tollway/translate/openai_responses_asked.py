"""What a request of OpenAI's Responses asks for, besides its conversation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec

from tollway.translate.conversation import Choice, Output, Reasoning, Request, Text, Tool, Untranslatable
from tollway.translate.fields import Fields, Malformed, distinct
from tollway.translate.hosted import WHY, left
from tollway.translate.openai_responses_input import Items, in_namespace

_EFFORTS: dict[str, Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]] = {
    "none": "none",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_STORED = "it lives with OpenAI; send the whole conversation as input"
_HOSTED = (
    "web_search",
    "file_search",
    "code_interpreter",
    "image_generation",
    "mcp",
    "tool_search",
    "programmatic_tool_calling",
)
"""How the types of the tools begin that OpenAI runs itself, or of which only its models know."""
_OWN = "only OpenAI's models know it; declare a function, or name a model of that provider"
_INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The arguments of a custom tool, which has one free text."""


class Asked:
    """Reads one request, and remembers of it what its answer has to know."""

    def __init__(self) -> None:
        self.custom: set[str] = set()
        """The names of the custom tools, whose calls carry free text."""
        self.namespaces: dict[str, tuple[str, str]] = {}
        """The namespace and the name there of the tools that have one, by the name they are given elsewhere."""
        self._hosted: set[str] = set()
        """Types of tools that are left out."""
        self.encrypted = False
        """The caller wants reasoning items with their encrypted content."""
        self.body: Mapping[str, Any] = {}

    def read(self, body: Mapping[str, Any], *, model: str | None, stream: bool) -> Request:
        self.body = body
        fields, lost = Fields(body), list[str]()
        for name in ("previous_response_id", "conversation", "prompt"):
            fields.refuse(name, _STORED)
        fields.refuse("background", "an answer in the background is kept by OpenAI; leave it out")
        fields.refuse("top_logprobs", "probabilities of tokens are not carried; leave it out")
        for name in ("moderation", "access_programs", "background_options", "image"):
            fields.refuse(name, "this is OpenAI's own; leave it out, or name a model of OpenAI's")
        named = fields.text("model")
        items = Items(lost)
        items.read(fields)
        instructions = fields.text("instructions")
        self._read_include(fields, lost)
        # Harmless for another provider, which keeps no answers; `truncation` only matters to what does not fit.
        lost += fields.lose(
            "store",
            "prompt_cache_retention",
            "prompt_cache_options",
            "max_tool_calls",
            "stream_options",
            "client_metadata",
            "context_management",
        )
        if fields.raw("truncation") not in (None, "disabled"):
            lost.append("truncation")
        tools = self._read_tools(fields, lost)
        output, verbosity = _read_text(fields)
        reasoning = _read_reasoning(fields, lost)
        user = fields.text("user")
        safety = fields.text("safety_identifier")
        tier = fields.text("service_tier")
        streamed = fields.flag("stream")
        request = Request(
            model=model or named or "",
            system=(*((Text(text=instructions),) if instructions else ()), *items.system),
            turns=tuple(items.turns),
            tools=tools,
            choice=left(self._read_choice(fields), tools, self._hosted),
            parallel_calls=fields.flag("parallel_tool_calls"),
            output=output,
            max_tokens=fields.integer("max_output_tokens"),
            temperature=fields.number("temperature"),
            top_p=fields.number("top_p"),
            reasoning=reasoning,
            verbosity=verbosity,
            stream=stream or bool(streamed),
            user=safety if user is None else user,
            metadata=_read_metadata(fields),
            service_tier=None if tier in ("auto", "default") else tier,
            cache_key=fields.text("prompt_cache_key"),
            lost=distinct(lost),
        )
        if not request.model:
            raise Malformed("model is missing; it must be text.")
        fields.done()
        return request

    def _read_include(self, fields: Fields, lost: list[str]) -> None:
        for number, included in enumerate(fields.array("include")):
            match included:
                case "reasoning.encrypted_content":
                    self.encrypted = True
                case "message.output_text.logprobs":
                    raise Untranslatable(f"include[{number}]", "probabilities of tokens are not carried; leave it out")
                case _:
                    # The rest shows more of tools that the provider runs, or of the input.
                    lost.append("include")

    def _read_tools(self, fields: Fields, lost: list[str]) -> tuple[Tool, ...]:
        """The functions, those of namespaces among them. What OpenAI runs itself is left out, and named."""
        tools: list[Tool] = []
        for tool in fields.each("tools"):
            kind = tool.needed("type")
            if kind == "namespace":
                tools += self._read_namespace(tool, lost)
            elif kind.startswith(_HOSTED):
                lost.append(f"tools.{kind}")
                self._hosted.add(kind)
            else:
                tools.append(self._read_tool(tool, lost))
        named = Counter(tool.name for tool in tools)
        for flat, (space, name) in self.namespaces.items():
            if named[flat] > 1:
                raise Untranslatable(
                    "tools", f'"{name}" of "{space}" and another tool would both be "{flat}"; rename one'
                )
        return tuple(tools)

    def _read_namespace(self, fields: Fields, lost: list[str]) -> list[Tool]:
        """Its functions, each by a name with the namespace ahead; what the namespace says of itself stands in their descriptions."""
        space, told = fields.needed("name"), fields.text("description")
        tools: list[Tool] = []
        for inner in fields.each("tools"):
            if (kind := inner.needed("type")).startswith(_HOSTED):
                lost.append(f"tools.{kind}")
                continue
            tool = self._read_tool(inner, lost)
            flat = in_namespace(space, tool.name)
            self.namespaces[flat] = (space, tool.name)
            if tool.name in self.custom:
                self.custom.discard(tool.name)
                self.custom.add(flat)
            description = "\n\n".join(said for said in (told, tool.description) if said)
            tools.append(msgspec.structs.replace(tool, name=flat, description=description or None))
        fields.done()
        return tools

    def _read_tool(self, fields: Fields, lost: list[str]) -> Tool:
        kind = fields.needed("type")
        if kind not in ("function", "custom"):
            raise Untranslatable(fields.place("type"), f'the tool "{kind}" cannot be carried: {_OWN}')
        fields.refuse("async", "calls that are answered later are OpenAI's own; leave it out")
        # Where no search can load it later it is there from the start.
        lost += fields.lose("defer_loading")
        callers = fields.raw("allowed_callers")
        if callers and callers != ["direct"]:
            raise Untranslatable(fields.place("allowed_callers"), "programs of OpenAI's cannot call; leave it out")
        name, description = fields.needed("name"), fields.text("description")
        if kind == "function":
            lost += [f"tools.{one}" for one in fields.lose("output_schema")]
            tool = Tool(
                name=name, description=description, schema=fields.mapping("parameters"), strict=fields.flag("strict")
            )
        else:
            self.custom.add(name)
            grammar = _read_grammar(fields, lost)
            told = "\n\n".join(part for part in (description, grammar) if part)
            tool = Tool(name=name, description=told or None, schema=_INPUT)
        fields.done()
        return tool

    def _read_choice(self, fields: Fields) -> Choice | None:
        value = fields.raw("tool_choice")
        match value:
            case None:
                return None
            case "auto" | "none" | "required":
                return Choice(mode=value)
            case str():
                raise Malformed("tool_choice must be auto, none or required, or an object.")
            case _:
                chosen = Fields(value, "tool_choice")
        kind = chosen.needed("type")
        if kind in ("function", "custom"):
            choice = Choice(mode="tool", name=_named(chosen))
        elif kind == "allowed_tools":
            mode = chosen.text("mode") or "auto"
            if mode not in ("auto", "required"):
                raise Malformed(f"{chosen.place('mode')} must be auto or required.")
            choice = Choice(mode=mode, allowed=tuple(self._allowed(tool) for tool in chosen.each("tools")))
        else:
            raise Untranslatable(chosen.place("type"), f'the tool "{kind}" cannot be carried: {WHY}')
        chosen.done()
        return choice

    def _allowed(self, tool: Fields) -> str:
        kind = tool.needed("type")
        if kind.startswith(_HOSTED):
            self._hosted.add(kind)
            return kind
        if kind not in ("function", "custom"):
            raise Untranslatable(tool.place("type"), f'the tool "{kind}" cannot be carried: {_OWN}')
        name = _named(tool)
        tool.done()
        return name


def _read_grammar(fields: Fields, lost: list[str]) -> str | None:
    """What the input of a custom tool has to look like, in words: no other API holds a model to a grammar."""
    form = fields.nested("format")
    if form is None:
        return None
    kind = form.needed("type")
    if kind == "text":
        form.done()
        return None
    if kind != "grammar":
        raise Untranslatable(form.place("type"), f'the format "{kind}" cannot be carried; use text')
    lost.append("tools.format")
    syntax, definition = form.text("syntax") or "lark", form.needed("definition")
    form.done()
    return f"The input must match this {syntax} grammar:\n{definition}"


def _named(tool: Fields) -> str:
    """The name, elsewhere, of a tool that is chosen."""
    space, name = tool.text("namespace"), tool.needed("name")
    return name if space is None else in_namespace(space, name)


def _read_text(fields: Fields) -> tuple[Output | None, str | None]:
    text = fields.nested("text")
    if text is None:
        return None, None
    verbosity, form = text.text("verbosity"), text.nested("format")
    text.done()
    if form is None:
        return None, verbosity
    match form.needed("type"):
        case "text":
            output = None
        case "json_object":
            output = Output(kind="json")
        case "json_schema":
            output = Output(
                kind="schema",
                schema=form.mapping("schema"),
                name=form.text("name"),
                description=form.text("description"),
                strict=form.flag("strict"),
            )
        case kind:
            raise Untranslatable(form.place("type"), f'the format "{kind}" cannot be carried; use json_schema')
    form.done()
    return output, verbosity


def _read_reasoning(fields: Fields, lost: list[str]) -> Reasoning | None:
    said = fields.nested("reasoning")
    if said is None:
        return None
    effort, mode, context = said.text("effort"), said.text("mode"), said.text("context")
    if effort is not None and effort not in _EFFORTS:
        raise Malformed(f"{said.place('effort')} must be one of {', '.join(_EFFORTS)}.")
    if mode not in (None, "standard"):
        raise Untranslatable(said.place("mode"), f'the mode "{mode}" is OpenAI\'s own; leave it out')
    if context not in (None, "auto"):
        lost.append("reasoning.context")
    summary = said.text("summary") or said.text("generate_summary")
    said.raw("generate_summary")
    if summary not in (None, "auto"):
        lost.append("reasoning.summary")
    said.done()
    if effort is None and summary is None:
        return None
    return Reasoning(effort=_EFFORTS[effort] if effort else None, shown=True if summary else None)


def _read_metadata(fields: Fields) -> dict[str, str] | None:
    metadata = fields.mapping("metadata")
    for name, value in (metadata or {}).items():
        if not isinstance(value, str):
            raise Malformed(f"metadata.{name} must be text.")
    return cast("dict[str, str] | None", metadata) or None
