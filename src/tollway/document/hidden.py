"""The text of the settings as somebody may read it: secrets that are written in it are hidden, and come back where they stood.

A secret comes back only where nothing beside it says that it goes elsewhere: who changes a provider's address has to know its key.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from tollway.document.changes import HIDDEN, SECRETS, is_reference
from tollway.errors import SettingsInvalid

_NAMES = ("slug", "name", "id")
_GOES_TO = ("base_url", "api", "account", "resource", "region", "project", "url")
"""Fields beside a secret that say where it is sent."""


class _Secret(NamedTuple):
    """One that is written in the text."""

    path: tuple[str, ...]
    start: int
    end: int
    value: str
    beside: tuple[tuple[str, str], ...]
    """What stands beside it and says where it goes."""


def hidden(text: str) -> str:
    """The same text with `HIDDEN` in the place of every secret that is no reference. Raises SettingsInvalid."""
    return _with(text, [(each, HIDDEN) for each in _secrets(text)])


def revealed(text: str, before: str) -> str:
    """`text`, which was read as `hidden(before)` and changed, with its secrets in it again. Raises SettingsInvalid naming one that
    is not known at its place any more."""
    kept = {each.path: each for each in _secrets(before)}
    found: list[tuple[_Secret, str]] = []
    for each in _secrets(text):
        if each.value != HIDDEN:
            continue
        old = kept.get(each.path)
        where = ".".join(each.path)
        if old is None:
            raise SettingsInvalid(
                f"{where}: the secret that stood elsewhere is not copied; write it, or a reference to it."
            )
        if old.beside != each.beside:
            raise SettingsInvalid(
                f"{where}: what it is sent to has changed, so write the secret anew, or a reference to it."
            )
        found.append((each, old.value))
    return _with(text, found)


def _with(text: str, values: list[tuple[_Secret, str]]) -> str:
    # One that an alias repeats stands in the text once.
    once = {each.start: (each, value) for each, value in values}
    for start in sorted(once, reverse=True):
        each, value = once[start]
        text = text[:start] + json.dumps(value, ensure_ascii=False) + text[each.end :]
    return text


def _secrets(text: str) -> list[_Secret]:
    try:
        # The marks of libyaml do not count a byte order mark; these do.
        root: Any = yaml.compose(text, Loader=yaml.SafeLoader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"Settings are not YAML: {error}") from None
    return list(_of(text, root, (), ()))


def _of(text: str, node: Any, path: tuple[str, ...], around: tuple[tuple[str, str], ...]) -> Iterator[_Secret]:
    """`around`: what the mappings that it stands in say of where it goes."""
    if isinstance(node, yaml.MappingNode):
        pairs = [(str(key.value), value) for key, value in node.value]
        around = (*around, *((name, str(value.value)) for name, value in pairs if name in _GOES_TO))
        for name, value in pairs:
            if not isinstance(value, yaml.ScalarNode) or not _is_secret(name, path) or is_reference(value.value):
                yield from _of(text, value, (*path, name), around)
                continue
            start = int(value.start_mark.index)
            where = ".".join((*path, name))
            if text[start] in "&!":
                raise SettingsInvalid(
                    f"{where}: a secret with an anchor or a tag cannot be hidden; edit the file itself."
                )
            end = start + len(text[start : value.end_mark.index].rstrip())
            yield _Secret((*path, name), start, end, value.value, tuple(pair for pair in around if pair[0] != name))
    elif isinstance(node, yaml.SequenceNode):
        for number, entry in enumerate(node.value):
            yield from _of(text, entry, (*path, _name_of(entry) or str(number)), around)


def _is_secret(name: str, path: tuple[str, ...]) -> bool:
    return name in SECRETS or path[-1:] == ("api_keys",) or (name == "url" and path[-1:] == ("http",))


def _name_of(node: Any) -> str | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    said = {str(key.value): str(value.value) for key, value in node.value if isinstance(value, yaml.ScalarNode)}
    return next((said[name] for name in _NAMES if name in said), None)
