"""Changing one entry of a list in a settings file, such as `budgets:`, leaving every other character of it as it is.

The text is edited field by field where its parse says that a field stands, so comments stay. What comes out is read
again: where it means anything but the one change, nothing is written and what to write by hand is told.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

import msgspec
import yaml

from tollway.document.text import parse
from tollway.document.written import AlertDocument, BudgetDocument, Document, PolicyDocument, read_document
from tollway.document.written_exports import ExportDocument
from tollway.document.written_gateway import GatewayDocument
from tollway.document.written_rates import RateLimitDocument
from tollway.document.written_routes import RouteDocument
from tollway.errors import SettingsInvalid

AnyEntry = (
    AlertDocument
    | BudgetDocument
    | ExportDocument
    | GatewayDocument
    | PolicyDocument
    | RateLimitDocument
    | RouteDocument
)
Entry = TypeVar(
    "Entry",
    AlertDocument,
    BudgetDocument,
    ExportDocument,
    GatewayDocument,
    PolicyDocument,
    RateLimitDocument,
    RouteDocument,
)


class _Unclear(Exception):
    """An entry stands where no edit is known to be right."""


class _Pair(NamedTuple):
    key: yaml.ScalarNode
    value: yaml.Node


class Section(Generic[Entry]):
    """One list of a settings document, whose entries have ids."""

    def __init__(
        self, name: str, of: Callable[[Document], list[Entry]], id_of: Callable[[Entry], str], kind: type[Entry]
    ) -> None:
        self.name = name
        """As it is written: "budgets"."""
        self.of = of
        self.id_of = id_of
        self.fields = frozenset(field.name for field in msgspec.structs.fields(kind))

    def read(self, fields: Mapping[str, Any]) -> Entry:
        """The entry that these fields write. Raises SettingsInvalid naming the field."""
        return self.of(read_document({self.name: [dict(fields)]}))[0]

    def merged(self, written: Entry, patch: Mapping[str, Any], noun: str) -> dict[str, Any]:
        """What is written of an entry with the fields of `patch` in place of its own: null takes a field out, and `where` is
        merged by attribute. An entry whose id is made of its name keeps that id when the name changes. Raises
        SettingsInvalid, naming the entry as "a budget"."""
        for name in patch:
            if name not in self.fields:
                raise SettingsInvalid(f'{noun} has no field "{name}"; there are {", ".join(sorted(self.fields))}.')
        fields = fields_of(written)
        for name, value in patch.items():
            if name == "where" and isinstance(value, Mapping):
                there: dict[str, Any] = {**fields.get("where", {}), **cast("Mapping[str, Any]", value)}
                value = {attribute: patterns for attribute, patterns in there.items() if patterns is not None} or None
            fields[name] = value
        fields = {name: value for name, value in fields.items() if value is not None}
        if (
            not isinstance(written, AlertDocument | GatewayDocument)
            and written.id is None
            and "id" not in fields
            and fields.get("name") != written.name
        ):
            fields["id"] = self.id_of(written)
        return fields

    def place_of(self, document: Document, wanted: str) -> int:
        """Which of the entries as they are written has that id. Raises KeyError."""
        for index, written in enumerate(self.of(document)):
            if self.id_of(written) == wanted:
                return index
        raise KeyError(wanted)

    def with_entry(self, text: str, written: Entry) -> str:
        """`text` with one more entry, behind the others. Raises SettingsInvalid where it cannot be edited safely."""
        before = parse(text)
        wanted = [*self.of(before), written]
        return self._checked(text, before, wanted, lambda root: _appended(text, root, self.name, written), written)

    def with_fields(self, text: str, wanted_id: str, fields: Mapping[str, Any]) -> str:
        """`text` with an entry that says `fields` and nothing else. Raises KeyError, and SettingsInvalid as above."""
        before = parse(text)
        index = self.place_of(before, wanted_id)
        entries = self.of(before)
        old, new = entries[index], self.read(fields)
        if new == old:
            return text
        wanted = [*entries[:index], new, *entries[index + 1 :]]
        was = fields_of(old)
        # What is given and says what was written already leaves even its spelling as it is.
        differing = {name: fields.get(name) for name in {*was, *fields} if was.get(name) != fields.get(name)}
        ordered = sorted(differing, key=lambda name: (name not in was, name))

        def edit(_: yaml.MappingNode) -> str:
            after = text
            for name in ordered:
                # Read anew each time: every edit moves what stands behind it.
                after = _set(after, _entries(_root(after), self.name)[index], name, differing[name])
            return after

        return self._checked(text, before, wanted, edit, new)

    def without_entry(self, text: str, wanted_id: str) -> str:
        """`text` without an entry and the comments right above it. Raises KeyError, and SettingsInvalid as above."""
        before = parse(text)
        index = self.place_of(before, wanted_id)
        entries = self.of(before)
        wanted = [*entries[:index], *entries[index + 1 :]]
        return self._checked(text, before, wanted, lambda root: _cut(text, root, self.name, index), None)

    def _checked(
        self,
        text: str,
        before: Document,
        wanted: Sequence[Entry],
        edit: Callable[[yaml.MappingNode], str],
        written: Entry | None,
    ) -> str:
        """What `edit` makes of the text, once it is sure to mean `before` with the entries `wanted`."""
        changed: Any = {self.name: list(wanted)}
        expected = msgspec.structs.replace(before, **changed)
        try:
            after = edit(_root(text))
            if parse(after) == expected:
                return after
        except (SettingsInvalid, yaml.YAMLError, _Unclear):
            pass
        by_hand = (
            "take it out yourself" if written is None else f"write it yourself, under {self.name}: - {_line(written)}"
        )
        raise SettingsInvalid(f"the settings are written in a way that cannot be edited safely; {by_hand}.")


def fields_of(written: AnyEntry) -> dict[str, Any]:
    """What is written of an entry, without what is left at its default."""
    return msgspec.to_builtins(written)


def _root(text: str) -> yaml.MappingNode:
    # libyaml takes a third of the time; but it does not count a byte order mark, and places are counted in this text.
    loader: Any = yaml.SafeLoader if text.startswith("\ufeff") else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    node: yaml.Node | None = yaml.compose(text, Loader=loader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise _Unclear
    return node


def _list(root: yaml.MappingNode, section: str) -> _Pair | None:
    return next((pair for pair in _pairs(root) if pair.key.value == section), None)


def _pairs(node: yaml.MappingNode) -> list[_Pair]:
    found = [_Pair(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
    if len(found) != len(node.value):
        raise _Unclear
    return found


def _entries(root: yaml.MappingNode, section: str) -> list[yaml.MappingNode]:
    found = _list(root, section)
    if found is None or not isinstance(found.value, yaml.SequenceNode):
        raise _Unclear
    entries = [node for node in found.value.value if isinstance(node, yaml.MappingNode)]
    if len(entries) != len(found.value.value):
        raise _Unclear
    return entries


def _end(text: str, node: yaml.Node) -> int:
    """Behind the last character of a node: a block's own mark lies behind what follows it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(text, node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(text, node.value[-1])
    return len(text[: node.end_mark.index].rstrip()) if node.end_mark.index > node.start_mark.index else _at(node)


def _at(node: yaml.Node) -> int:
    return int(node.start_mark.index)


def _line_of(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    end = len(text) if found < 0 else found
    return end - 1 if end and text[end - 1] == "\r" else end


def _set(text: str, entry: yaml.MappingNode, name: str, value: Any) -> str:
    """`text` with one field of an entry written anew, added, or (`None`) taken out."""
    pairs = _pairs(entry)
    place = next((number for number, pair in enumerate(pairs) if pair.key.value == name), None)
    if place is None:
        return text if value is None else _added(text, entry, pairs, f"{name}: {_json(value)}")
    pair = pairs[place]
    if value is None:
        return _taken_out(text, entry, pairs, place)
    start, end = _at(pair.value), _end(text, pair.value)
    if "\n" in text[pair.key.end_mark.index : start] or text[start : start + 1] in ("|", ">") or start >= end:
        start = text.index(":", pair.key.end_mark.index) + 1
        return f"{text[:start]} {_json(value)}{text[max(start, end) :]}"
    return text[:start] + _json(value) + text[end:]


def _added(text: str, entry: yaml.MappingNode, pairs: Sequence[_Pair], written: str) -> str:
    if not pairs:
        raise _Unclear
    end = _end(text, pairs[-1].value)
    if entry.flow_style:
        return f"{text[:end]}, {written}{text[end:]}"
    end = _line_end(text, end)
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{text[:end]}{newline}{' ' * pairs[0].key.start_mark.column}{written}{text[end:]}"


def _taken_out(text: str, entry: yaml.MappingNode, pairs: Sequence[_Pair], place: int) -> str:
    pair = pairs[place]
    if entry.flow_style or place == 0:
        if place + 1 < len(pairs):
            return text[: _at(pair.key)] + text[_at(pairs[place + 1].key) :]
        if place == 0:
            raise _Unclear
        return text[: _end(text, pairs[place - 1].value)] + text[_end(text, pair.value) :]
    after = text.find("\n", _end(text, pair.value))
    return text[: _line_of(text, _at(pair.key))] + (text[after + 1 :] if after >= 0 else "")


def _appended(text: str, root: yaml.MappingNode, section: str, written: AnyEntry) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    found = _list(root, section)
    if found is None:
        ended = text if text.endswith("\n") or not text else text + newline
        return f"{ended}{section}:{newline}{_block(written, '  ', newline)}"
    value = found.value
    if isinstance(value, yaml.SequenceNode) and value.value and not value.flow_style:
        after = text.find("\n", _end(text, value))
        head = text[: after + 1] if after >= 0 else text + newline
        return (
            f"{head}{_block(written, ' ' * value.start_mark.column, newline)}{text[after + 1 :] if after >= 0 else ''}"
        )
    # [], nothing at all, or [{...}, {...}]: the entries become a block, as they are written.
    nodes = cast("list[yaml.Node]", value.value) if isinstance(value, yaml.SequenceNode) else []
    items = [text[_at(node) : node.end_mark.index] for node in nodes]
    colon = text.index(":", found.key.end_mark.index) + 1
    block = "".join(f"  - {item}{newline}" for item in items) + _block(written, "  ", newline)
    behind = text[max(colon, value.end_mark.index) :]
    return f"{text[:colon]}{newline}{block.rstrip()}{behind if behind.strip(' ') else newline}"


def _cut(text: str, root: yaml.MappingNode, section: str, index: int) -> str:
    found = _list(root, section)
    entries = _entries(root, section)
    if found is None or not isinstance(found.value, yaml.SequenceNode) or found.value.flow_style:
        raise _Unclear
    entry = entries[index]
    start = _line_of(text, _at(entry))
    if text[start : _at(entry)].strip() != "-":
        raise _Unclear
    after = text.find("\n", _end(text, entry))
    if len(entries) == 1:
        start = _line_of(text, _at(found.key))
    while start and text[(above := _line_of(text, start - 1)) : start].strip().startswith("#"):
        start = above
    return text[:start] + (text[after + 1 :] if after >= 0 else "")


def _block(written: AnyEntry, indent: str, newline: str) -> str:
    lines = [f"{name}: {_json(value)}" for name, value in fields_of(written).items()]
    return "".join(f"{indent}{'- ' if number == 0 else '  '}{line}{newline}" for number, line in enumerate(lines))


def _line(written: AnyEntry) -> str:
    return "{" + ", ".join(f"{name}: {_json(value)}" for name, value in fields_of(written).items()) + "}"


def _json(value: Any) -> str:
    # JSON is YAML; strings are quoted, so that no amount is read as a number.
    return json.dumps(value, ensure_ascii=False)
