"""Changing one entry of `prices:` in a settings file, leaving every other character of it as it is.

The text is edited where its parse says the entry stands, and what comes out is read again: where it means anything but
the one change, nothing is written and the line to write by hand is told.
"""

import json
import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from typing import Any, NamedTuple, cast

import msgspec
import yaml

from tollway.document.price_entries import is_same, named
from tollway.document.text import parse
from tollway.document.written import Document
from tollway.errors import SettingsInvalid
from tollway.pricing.overrides import PriceOverride
from tollway.pricing.slugs import canonical

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""What YAML takes for text without quotes."""

_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""What YAML takes for something else."""


class _Place(NamedTuple):
    """Where one entry stands, as offsets."""

    line: int
    """The beginning of the line its dash is on, or of the comment lines right above that."""
    start: int
    end: int
    """Behind its last character: a comment there is not its own."""
    after: int
    """The beginning of the line after it."""


def with_price(text: str, price: PriceOverride) -> str:
    """`text` with `price` among its prices: in the place of the entry for the same name and time, else before the first
    that would hold instead of it, and behind narrower ones. Raises SettingsInvalid where the text cannot be edited safely.
    """
    before = parse(text)
    same = next((i for i, old in enumerate(before.prices) if is_same(old, price)), None)
    first = next((i for i, old in enumerate(before.prices) if _covers(old, price)), len(before.prices))
    # One that stands behind another which holds for the same name would change nothing where it is.
    place = same if same is not None and same <= first else None
    wanted = list(before.prices)
    if place is not None:
        wanted[place] = price
    else:
        wanted.insert(first, price)
        if same is not None:
            del wanted[same + 1]
    written = entry_text(price)

    def edit(root: yaml.MappingNode) -> str:
        if place is not None:
            at = _places(text, root)[place]
            return text[: at.start] + written + text[at.end :]
        shorter = _cut(text, root, [same]) if same is not None else text
        return _inserted(shorter, first, written)

    return _checked(text, before, wanted, edit, f"write it yourself, under prices: - {written}")


def without_price(text: str, provider: str, model: str) -> tuple[str, int]:
    """`text` without the entries for exactly that name, and how many there were. Raises SettingsInvalid as above."""
    before = parse(text)
    gone = [i for i, old in enumerate(before.prices) if named(old) == (canonical(provider), model.lower())]
    if not gone:
        return text, 0
    return _without(text, before, gone), len(gone)


def without_entry(text: str, index: int) -> str:
    """`text` without the entry that stands there, and the comments right above it. Raises SettingsInvalid as above."""
    return _without(text, parse(text), [index])


def entry_text(price: PriceOverride) -> str:
    """The entry as one line of YAML: `{provider: openai, model: "gpt-4o*", discount: "15%"}`."""
    fields: dict[str, Any] = msgspec.to_builtins(price)
    return "{" + ", ".join(f"{name}: {_value(value, name)}" for name, value in fields.items()) + "}"


def _value(value: Any, name: str) -> str:
    if name == "provider" and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # JSON is YAML; strings are quoted, so that no amount is read as a number.
    return json.dumps(value, ensure_ascii=False)


def _covers(old: PriceOverride, new: PriceOverride) -> bool:
    """Whether `old`, standing first, would hold for whatever `new` is meant for."""
    (provider, model), (own, name) = named(old), named(new)
    return provider == own and re.match(translate(model), name) is not None


def _without(text: str, before: Document, gone: Sequence[int]) -> str:
    wanted = [old for i, old in enumerate(before.prices) if i not in gone]
    return _checked(text, before, wanted, lambda root: _cut(text, root, gone), "take it out yourself")


def _checked(
    text: str, before: Document, wanted: Sequence[PriceOverride], edit: Callable[[yaml.MappingNode], str], else_: str
) -> str:
    """What `edit` makes of the text, once it is sure to mean `before` with the prices `wanted`."""
    root = _composed(text)
    expected = msgspec.structs.replace(before, prices=list(wanted))
    if isinstance(root, yaml.MappingNode) and not root.flow_style:
        try:
            after = edit(root)
            if parse(after) == expected:
                return after
        except (SettingsInvalid, yaml.YAMLError, _Unclear):
            pass
    raise SettingsInvalid(f"the settings are written in a way that cannot be edited safely; {else_}.")


def _composed(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=yaml.SafeLoader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class _Unclear(Exception):
    """An entry stands where no edit is known to be right."""


def _prices(root: yaml.MappingNode) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((key, value) for key, value in root.value if key.value == "prices"), None)


def _places(text: str, root: yaml.MappingNode) -> list[_Place]:
    """Where each entry of a block of prices stands."""
    found = _prices(root)
    if found is None:
        return []
    sequence = found[1]
    if not isinstance(sequence, yaml.SequenceNode) or sequence.flow_style:
        raise _Unclear
    places: list[_Place] = []
    for node in sequence.value:
        start, end = node.start_mark.index, _end(node)
        line = text.rfind("\n", 0, start) + 1
        if text[line:start].strip() != "-":
            raise _Unclear
        while line and text[(above := text.rfind("\n", 0, line - 1) + 1) : line].strip().startswith("#"):
            line = above
        newline = text.find("\n", end)
        places.append(_Place(line, start, end, newline + 1 if newline >= 0 else len(text)))
    return places


def _end(node: yaml.Node) -> int:
    """Behind the last character of a node: a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def _inserted(text: str, index: int, written: str) -> str:
    """`text` with an entry before the one that is now at `index`, or behind the last."""
    newline = "\r\n" if "\r\n" in text else "\n"
    root = _composed(text)
    assert isinstance(root, yaml.MappingNode)
    found = _prices(root)
    if found is None:
        ended = text if text.endswith("\n") else text + newline
        return f"{ended}prices:{newline}  - {written}{newline}"
    key, value = found
    if isinstance(value, yaml.SequenceNode) and value.value and not value.flow_style:
        places = _places(text, root)
        indent = " " * value.start_mark.column
        at = places[index].line if index < len(places) else places[-1].after
        head = text[:at]
        if head and not head.endswith("\n"):
            head += newline
        return f"{head}{indent}- {written}{newline}{text[at:]}"
    # [] or [{...}, {...}]: the entries become a block, as they are written.
    nodes = cast("list[yaml.Node]", value.value)
    items = [text[node.start_mark.index : node.end_mark.index] for node in nodes]
    items.insert(index, written)
    block = "".join(f"{newline}  - {item}" for item in items)
    colon = text.index(":", key.end_mark.index) + 1
    return text[:colon] + block + text[value.end_mark.index :]


def _cut(text: str, root: yaml.MappingNode, gone: Sequence[int]) -> str:
    """`text` without these entries and the comments right above them; without `prices:` where none is left."""
    places = _places(text, root)
    found = _prices(root)
    assert found is not None
    if len(gone) == len(places):
        start = text.rfind("\n", 0, found[0].start_mark.index) + 1
        return text[:start] + text[places[-1].after :]
    for index in sorted(gone, reverse=True):
        text = text[: places[index].line] + text[places[index].after :]
    return text
