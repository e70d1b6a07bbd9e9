"""The items of a conversation in OpenAI's Responses, as turns and back."""

from __future__ import annotations

from typing import Any

import msgspec

from tollway.translate.conversation import (
    Declined,
    Media,
    Part,
    Request,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
)
from tollway.translate.fields import Fields, Malformed, json_text, objects_in, text_in
from tollway.translate.openai_responses_parts import read_content, write_part
from tollway.translate.sealed import unseal
from tollway.translate.spelled import Spelling

_LONGEST_ID = 64
_KEPT = "only OpenAI can look it up; send the items themselves"
_HOSTED = "it belongs to a tool that OpenAI runs, or to a client of its own; leave it out, or name a model of OpenAI's"


def in_namespace(space: str, name: str) -> str:
    """What a tool of a namespace is called where there are none: always the same, as calls of it stand in the conversation."""
    return f"{space}__{name}"


class Items:
    """Takes the items of `input` in, one after the other."""

    def __init__(self, lost: list[str]) -> None:
        self.system: list[Text] = []
        self.turns: list[Turn] = []
        self._open: list[Part] = []
        """What belongs to the last turn, which is made when another begins: a tuple that grew would be copied each time."""
        self._lost = lost
        self._names: dict[str, str] = {}
        self._signatures: dict[str, Any] = {}

    def read(self, fields: Fields) -> None:
        """`input`: a text, or the items."""
        value = fields.raw("input")
        if isinstance(value, str):
            self.turns.append(Turn("user", (Text(text=value),)))
            return
        if not isinstance(value, list):
            raise Malformed("input is missing; it must be text or an array of items.")
        for item in fields.each("input"):
            self._read_item(item)
        self._close()
        if self._signatures:
            self.turns = [self._signed(turn) for turn in self.turns]

    def _read_item(self, item: Fields) -> None:
        kind = item.text("type") or "message"
        # What the provider says of its own item.
        item.raw("status")
        match kind:
            case "message":
                self._read_message(item)
            case "function_call" | "custom_tool_call":
                item.raw("id")
                self._read_call(item, custom=kind == "custom_tool_call")
            case "function_call_output" | "custom_tool_call_output":
                item.raw("id")
                self._read_output(item)
            case "reasoning":
                self._read_reasoning(item)
            case "web_search_call":
                # It has no more than the words that were searched for; what was found is in the answer behind it.
                self._lost.append(kind)
                item.lose("id", "action")
            case "item_reference" | "compaction" | "compaction_summary":
                raise Untranslatable(item.place("type"), f'"{kind}" names what OpenAI keeps; {_KEPT}')
            case _:
                raise Untranslatable(item.place("type"), f'"{kind}" cannot be carried to another API: {_HOSTED}')
        item.done()

    def _read_message(self, item: Fields) -> None:
        role = item.needed("role")
        item.raw("id")
        self._lost += item.lose("phase")
        parts = read_content(item, "content", self._lost)
        match role:
            case "system" | "developer":
                self._close()
                if self.turns:
                    self.turns.append(Turn("system", parts))
                    return
                for part in parts:
                    if not isinstance(part, Text):
                        raise Untranslatable(item.place("content"), f"a message of the {role} can only be text")
                    self.system.append(part)
            case "user":
                self._close()
                self.turns.append(Turn("user", parts))
            case "assistant":
                self._said(*parts)
            case _:
                raise Malformed(f"{item.place('role')} must be user, assistant, system or developer.")

    def _read_call(self, item: Fields, *, custom: bool) -> None:
        space = item.text("namespace")
        item.refuse("async", "calls that are answered later are OpenAI's own; leave it out")
        item.raw("caller")
        name = item.needed("name") if space is None else in_namespace(space, item.needed("name"))
        arguments = json_text({"input": item.needed("input")}) if custom else item.needed("arguments")
        call = ToolCall(id=item.needed("call_id"), name=name, arguments=arguments or "{}")
        self._names[call.id] = name
        self._said(call)

    def _read_output(self, item: Fields) -> None:
        # The call it answers has said whose it is.
        item.raw("namespace")
        item.raw("caller")
        item.raw("name")
        call = item.needed("call_id")
        parts: list[Text | Media] = []
        for part in read_content(item, "output", self._lost):
            if isinstance(part, Declined):
                raise Malformed(f"{item.place('output')} must be text, images or files.")
            parts.append(part)
        result = ToolResult(id=call, name=self._names.get(call), parts=tuple(parts))
        if not (self._open and isinstance(self._open[-1], ToolResult)):
            self._close()
        self._open.append(result)

    def _read_reasoning(self, item: Fields) -> None:
        content = item.text("encrypted_content")
        thought, call = thought_of(item.text("id"), item.array("summary"), item.array("content"), content)
        if call is not None:
            self._signatures[call] = thought.signature
        else:
            self._said(thought)

    def _said(self, *parts: Part) -> None:
        """What the assistant said goes into one turn for as long as nobody else speaks."""
        if self._open and isinstance(self._open[-1], ToolResult):
            self._close()
        self._open += parts

    def _close(self) -> None:
        """Ends the turn that was growing: the assistant's, or one of results."""
        if self._open:
            role = "user" if isinstance(self._open[-1], ToolResult) else "assistant"
            self.turns.append(Turn(role, tuple(self._open)))
            self._open = []

    def _signed(self, turn: Turn) -> Turn:
        parts = tuple(
            msgspec.structs.replace(part, signature=self._signatures[part.id])
            if isinstance(part, ToolCall) and part.id in self._signatures
            else part
            for part in turn.parts
        )
        return Turn(turn.role, parts, turn.name)


def thought_of(
    item: str | None, summary: list[Any], content: list[Any], encrypted: str | None
) -> tuple[Thought, str | None]:
    """A reasoning item as a thought, and the id of the call that its signature belongs to, if it is one's."""
    texts = [text_in(part.get("text")) for part in (*objects_in(content), *objects_in(summary))]
    text = "\n\n".join(one for one in texts if one)
    sealed = unseal(encrypted, "openai.responses") if encrypted else None
    signature = sealed.signature if sealed else None
    thought = Thought(text=text, signature=signature, redacted=not text and signature is not None, id=item)
    return thought, sealed.call if sealed else None


def write_input(request: Request, names: Spelling, lost: list[str]) -> list[dict[str, Any]]:
    """The items of the turns. Raises Untranslatable."""
    items: list[dict[str, Any]] = []
    for number, turn in enumerate(request.turns):
        if turn.name is not None:
            lost.append("name")
        for part_number, part in enumerate(turn.parts):
            where = f"turns[{number}].parts[{part_number}]"
            match part:
                case ToolCall():
                    items.append(_call(part, names, lost))
                case ToolResult():
                    items.append(_output(part, where, lost))
                case Thought():
                    _append_thought(items, part, lost)
                case Text() | Media() | Declined():
                    _append_said(items, turn, part, where, lost, begins=part_number == 0)
    return items


def _call(call: ToolCall, names: Spelling, lost: list[str]) -> dict[str, Any]:
    if call.signature is not None:
        lost.append("thought_signature")
    if call.cached is not None:
        lost.append("cache_control")
    return {
        "type": "function_call",
        "call_id": _short(call.id),
        "name": names.out(call.name),
        "arguments": call.arguments or "{}",
    }


def _short(call: str) -> str:
    """The id of a call, which OpenAI takes up to a length; a longer one is always shortened to the same."""
    return call if len(call) <= _LONGEST_ID else Spelling(_LONGEST_ID).out(call)


def _output(result: ToolResult, where: str, lost: list[str]) -> dict[str, Any]:
    if result.cached is not None:
        lost.append("cache_control")
    if result.failed:
        lost.append("is_error")
    parts = [write_part(part, where, lost) for part in result.parts]
    plain = not parts or (len(parts) == 1 and parts[0]["type"] == "input_text")
    return {
        "type": "function_call_output",
        "call_id": _short(result.id),
        "output": (parts[0]["text"] if parts else "") if plain else parts,
    }


def _append_thought(items: list[dict[str, Any]], thought: Thought, lost: list[str]) -> None:
    # Without its encrypted content an item would only refer to what OpenAI has stored, and nothing is stored here.
    if thought.signature is None or thought.signature[0] != "openai.responses":
        lost.append("thinking")
        return
    item: dict[str, Any] = {"type": "reasoning"}
    if thought.id is not None:
        item["id"] = thought.id
    item["summary"] = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    item["encrypted_content"] = thought.signature[1]
    items.append(item)


def _append_said(
    items: list[dict[str, Any]], turn: Turn, part: Text | Media | Declined, where: str, lost: list[str], *, begins: bool
) -> None:
    """Adds to the message that is being said, or begins one."""
    if turn.role == "assistant":
        if isinstance(part, Media):
            raise Untranslatable(where, "OpenAI takes no files in what the assistant said; send them as the user's")
        if isinstance(part, Text):
            if part.cached is not None:
                lost.append("cache_control")
            if part.citations:
                lost.append("citations")
            written: dict[str, Any] = {"type": "output_text", "text": part.text, "annotations": []}
        else:
            written = {"type": "refusal", "refusal": part.text}
    elif isinstance(part, Declined):
        written = {"type": "input_text", "text": part.text}
    else:
        written = write_part(part, where, lost)
    if not begins and items and items[-1].get("role") == turn.role:
        items[-1]["content"].append(written)
    else:
        items.append({"type": "message", "role": turn.role, "content": [written]})
