"""Reading a request of Anthropic's messages."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal, cast

from tollway.translate.anthropic_messages_thoughts import read_signature, with_proofs
from tollway.translate.conversation import (
    Cached,
    Choice,
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
)
from tollway.translate.fields import Fields, Malformed, distinct, json_text
from tollway.translate.hosted import left

_REFUSED = {
    "container": "code that the provider runs costs money and exists in this API alone; call a model of this API",
    "inference_geo": "where the answer is made cannot be promised by another provider; call a model of this API",
    "user_profile_id": "it is known to this provider alone; leave it out, or call a model of this API",
    "workspace_id": "it is known to this provider alone; leave it out, or call a model of this API",
}


_HOSTED = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "advisor_", "mcp_toolset")
"""How the types of the tools begin that Anthropic runs itself."""


def read_request(body: Mapping[str, Any]) -> Request:
    """A whole request. Raises Untranslatable, and Malformed for what Anthropic would not take either."""
    return _Reader(body).read()


class _Reader:
    """One request being read; what is lost on the way is gathered."""

    __slots__ = ("_fields", "_hosted", "_lost")

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._fields = Fields(body)
        self._lost: list[str] = []
        self._hosted: set[str] = set()
        """Names of tools that are left out."""

    def read(self) -> Request:
        fields = self._fields
        for name, why in _REFUSED.items():
            fields.refuse(name, why)
        if fields.text("speed") not in (None, "standard"):
            raise Untranslatable("speed", "a faster answer at another price exists in this API alone; leave it out")
        # Servers are only reached, and contexts only edited, where Anthropic answers.
        self._lost += fields.lose("diagnostics", "cache_control", "context_management", "mcp_servers")
        metadata = fields.nested("metadata")
        user = metadata.text("user_id") if metadata else None
        if metadata:
            metadata.done()
        tools = tuple(found for tool in fields.each("tools") if (found := self._tool(tool)) is not None)
        choice, parallel = self._choice(fields.nested("tool_choice"))
        output, effort = self._output_config()
        tier = fields.text("service_tier")
        request = Request(
            model=fields.text("model") or "",
            system=tuple(self._texts(fields, "system")),
            turns=tuple(self._turns()),
            tools=tools,
            choice=left(choice, tools, self._hosted),
            parallel_calls=parallel,
            output=output,
            max_tokens=fields.integer("max_tokens"),
            temperature=fields.number("temperature"),
            top_p=fields.number("top_p"),
            top_k=fields.integer("top_k"),
            stop=self._stop(),
            reasoning=self._reasoning(effort),
            stream=bool(fields.flag("stream")),
            user=user,
            service_tier="default" if tier == "standard_only" else tier,
            # What was read above has added to it; so it stands last.
            lost=distinct(self._lost),
        )
        fields.done()
        return request

    def _turns(self) -> list[Turn]:
        turns: list[Turn] = []
        for message in self._fields.each("messages"):
            match role := message.needed("role"):
                case "system":
                    turns.append(Turn("system", tuple(self._texts(message, "content"))))
                case "user" | "assistant":
                    turns.append(Turn(role, tuple(with_proofs(self._parts(message, "content")))))
                case _:
                    raise Untranslatable(message.place("role"), f'"{role}" is not known; write user or assistant')
            message.done()
        return turns

    def _texts(self, fields: Fields, name: str) -> list[Text]:
        parts = self._parts(fields, name)
        if any(not isinstance(part, Text) for part in parts):
            raise Untranslatable(fields.place(name), "the system can say text alone; move the rest into a user message")
        return cast("list[Text]", parts)

    def _parts(self, fields: Fields, name: str) -> list[Part]:
        content = fields.raw(name)
        if content is None:
            return []
        if isinstance(content, str):
            return [Text(text=content)] if content else []
        if not isinstance(content, list):
            raise Malformed(f"{fields.place(name)} must be text or an array of blocks.")
        found: list[Part] = []
        for number, value in enumerate(cast("list[Any]", content)):
            block = Fields(value, f"{fields.place(name)}[{number}]")
            found += self._block(block)
            block.done()
        return found

    def _block(self, block: Fields) -> list[Part]:
        cached = _cached(block.nested("cache_control"))
        match kind := block.needed("type"):
            case "text":
                # An agent sends an answer back as it came.
                self._lost += block.lose("citations")
                return [Text(text=block.needed("text"), cached=cached)]
            case "image":
                self._lost += block.lose("transformations")
                return [_media("image", Fields(block.raw("source"), block.place("source")), None, cached)]
            case "document":
                return self._document(block, cached)
            case "search_result":
                self._citations(block)
                title, source = block.needed("title"), block.needed("source")
                said = "\n".join(text.text for text in self._texts(block, "content"))
                return [
                    Text(
                        text=f'<search_result title="{title}" source="{source}">\n{said}\n</search_result>',
                        cached=cached,
                    )
                ]
            case "thinking":
                return [Thought(text=block.text("thinking") or "", signature=read_signature(block.text("signature")))]
            case "redacted_thinking":
                return [Thought(signature=read_signature(block.needed("data")), redacted=True)]
            case "tool_use":
                _direct(block)
                return [
                    ToolCall(
                        id=block.needed("id"),
                        name=block.needed("name"),
                        arguments=json_text(block.mapping("input") or {}),
                        cached=cached,
                    )
                ]
            case "tool_result":
                return [
                    ToolResult(
                        id=block.needed("tool_use_id"),
                        parts=cast("tuple[Text | Media, ...]", tuple(self._parts(block, "content"))),
                        failed=bool(block.flag("is_error")),
                        cached=cached,
                    )
                ]
            case _:
                raise Untranslatable(
                    block.place("type"),
                    f'a block of type "{kind}" cannot be carried to another API; leave it out, or call a model of this one',
                )

    def _document(self, block: Fields, cached: Cached | None) -> list[Part]:
        self._citations(block)
        title, context = block.text("title"), block.text("context")
        source = Fields(block.raw("source"), block.place("source"))
        said: list[Part] = [Text(text=context)] if context else []
        if source.raw("type") == "content":
            content = self._parts(source, "content")
            source.done()
            return [*said, *([Text(text=title)] if title else []), *content]
        return [*said, _media("document", source, title, cached)]

    def _citations(self, block: Fields) -> None:
        asked = block.nested("citations")
        if asked is not None:
            if asked.flag("enabled"):
                self._lost.append("citations")
            asked.done()

    def _tool(self, tool: Fields) -> Tool | None:
        """A tool; `None` for one that is left out."""
        kind = tool.text("type")
        if kind is not None and kind.startswith(_HOSTED):
            self._lost.append(f"tools.{kind}")
            self._hosted.add(tool.text("name") or kind)
            return None
        if kind not in (None, "custom"):
            raise Untranslatable(
                tool.place("type"),
                f'"{kind}" is described by this provider alone; describe a tool of your own, or call a model of this API',
            )
        if any(caller != "direct" for caller in tool.array("allowed_callers")):
            raise Untranslatable(
                tool.place("allowed_callers"), "tools are called by code in this API alone; leave it out"
            )
        # Where no search can load it later it is there from the start.
        self._lost += tool.lose("input_examples", "eager_input_streaming", "defer_loading")
        found = Tool(
            name=tool.needed("name"),
            description=tool.text("description"),
            schema=tool.mapping("input_schema"),
            strict=tool.flag("strict"),
            cached=_cached(tool.nested("cache_control")),
        )
        tool.done()
        return found

    def _choice(self, chosen: Fields | None) -> tuple[Choice | None, bool | None]:
        if chosen is None:
            return None, None
        alone = chosen.flag("disable_parallel_tool_use")
        match kind := chosen.needed("type"):
            case "auto" | "none":
                choice = Choice(mode=kind)
            case "any":
                choice = Choice(mode="required")
            case "tool":
                choice = Choice(mode="tool", name=chosen.needed("name"))
            case _:
                raise Untranslatable(chosen.place("type"), f'"{kind}" is not known; write auto, any, tool or none')
        chosen.done()
        return choice, None if alone is None else not alone

    def _output_config(self) -> tuple[Output | None, str | None]:
        """`output_config`, or the older `output_format`."""
        config = self._fields.nested("output_config")
        form = self._fields.nested("output_format")
        effort: str | None = None
        if config is not None:
            effort = config.text("effort")
            form = config.nested("format") or form
            config.done()
        if form is None:
            return None, effort
        if form.needed("type") != "json_schema":
            raise Untranslatable(form.place("type"), "write json_schema")
        output = Output(kind="schema", schema=form.mapping("schema"), strict=True)
        form.done()
        return output, effort

    def _reasoning(self, effort: str | None) -> Reasoning | None:
        thinking = self._fields.nested("thinking")
        if effort not in (None, "low", "medium", "high", "xhigh", "max"):
            raise Malformed("output_config.effort must be low, medium, high, xhigh or max.")
        level = effort
        if thinking is None:
            return None if level is None else Reasoning(effort=level)
        shown = {None: None, "summarized": True, "omitted": False}.get(thinking.text("display"))
        match kind := thinking.needed("type"):
            case "disabled":
                reasoning = Reasoning(tokens=0)
            case "enabled":
                reasoning = Reasoning(tokens=thinking.integer("budget_tokens") or -1, shown=shown)
            case "adaptive":
                reasoning = Reasoning(adaptive=True, effort=level, shown=shown)
            case "between_tools":
                self._lost.append("thinking.type")
                reasoning = Reasoning(adaptive=True, effort=level)
            case _:
                raise Untranslatable(
                    thinking.place("type"), f'"{kind}" is not known; write enabled, adaptive or disabled'
                )
        if level is not None and not reasoning.adaptive:
            self._lost.append("effort")
        thinking.done()
        return reasoning

    def _stop(self) -> tuple[str, ...]:
        words = self._fields.array("stop_sequences")
        if not all(isinstance(word, str) for word in words):
            raise Malformed("stop_sequences must be an array of texts.")
        return tuple(words)


def _direct(block: Fields) -> None:
    caller = block.nested("caller")
    if caller is not None and caller.raw("type") != "direct":
        raise Untranslatable(block.place("caller"), "tools are called by code in this API alone; leave it out")
    block.raw("toolset_name")


def _cached(control: Fields | None) -> Cached | None:
    if control is None:
        return None
    control.text("type")
    ttl = control.text("ttl")
    control.done()
    return Cached("1h" if ttl == "1h" else "5m")


def _media(kind: Literal["image", "document"], source: Fields, name: str | None, cached: Cached | None) -> Media:
    match form := source.needed("type"):
        case "base64":
            found = Media(
                kind=kind, media_type=source.needed("media_type"), data=source.needed("data"), name=name, cached=cached
            )
        case "url":
            media_type = "application/pdf" if kind == "document" else ""
            found = Media(kind=kind, media_type=media_type, url=source.needed("url"), name=name, cached=cached)
        case "text":
            data = base64.b64encode(source.needed("data").encode(errors="surrogatepass")).decode()
            found = Media(
                kind=kind, media_type=source.text("media_type") or "text/plain", data=data, name=name, cached=cached
            )
        case "file":
            raise Untranslatable(source.place("file_id"), "a stored file is known to its keeper alone; send its bytes")
        case _:
            raise Untranslatable(source.place("type"), f'"{form}" cannot be carried; write base64, url or text')
    source.done()
    return found
