"""The settings document as YAML text."""

from collections.abc import Hashable
from io import StringIO
from typing import Any

import yaml

from tollway.document.written import Document, read_document
from tollway.errors import SettingsInvalid


class _StrictLoader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """PyYAML takes a repeated key silently and keeps the last; here it is an error."""


def _mapping(loader: Any, node: Any) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a plain name", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f'the key "{key}" is written twice', key_node.start_mark
            )
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)  # type: ignore[no-untyped-call]


def why_not_edited(text: str, name: str) -> str | None:
    """Why no part of the settings can be changed by itself (`entry_edit.py`), and the way out; `None` where they can. Told by their
    first sign, so that asking costs nothing. `name`: what to call them at the beginning of a sentence."""
    for line in StringIO(text.removeprefix("\ufeff")):
        # YAML 1.2.2, 9.1.2: a document may begin behind directives and a mark.
        said = line.strip().removeprefix("---").lstrip()
        if said and not said.startswith(("#", "%")):
            if not said.startswith("{"):
                return None
            return (
                f"{name} is written in braces, as JSON is. It is read all the same, but the API, the dashboard and the command line "
                "cannot change a budget, policy, route, price, limit, alert, export or gateway in it. Write its first level without "
                "braces (`budgets:` in a line of its own, each entry below it behind a dash), or change the file itself and reload."
            )
    return None


def parse(text: str, name: str = "the settings") -> Document:
    """The document of a YAML text from `name`. Raises SettingsInvalid with the line, or naming the field."""
    try:
        written = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, ValueError) as error:
        # ValueError: a date that no calendar has, a number that is too long to read.
        said = str(error).replace('"<unicode string>"', name)
        raise SettingsInvalid(f"Settings are not YAML: {said}") from None
    return read_document(written)
