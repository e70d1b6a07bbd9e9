"""Which names of one entry of a price list are one model's, and which are others that only cost the same.

`grok-4`, `grok-4-latest` and `grok-4-0709` are one; `gpt-5` and `gpt-5-codex` are two.
"""

import re
from typing import NamedTuple

from tollway.pricing.catalogue import ListedModel

_VERSION = re.compile(r"[-@](20\d\d-?[01]\d-?[0-3]\d|20\d\d-[01]\d|[01]\d-20\d\d|\d{4}|00\d)$")
_FILLER = re.compile(r"(?:[-@:](?:latest|default)|-v\d+(?::\d+)?|(?<=\d)-0)$")
_PARTS = re.compile(r"[-.]")


class Spellings(NamedTuple):
    """Other names of one model, in lower case."""

    undated: tuple[str, ...]
    """Those that say nothing of a version, of which the model is one."""
    versions: tuple[str, ...]
    """Those of the versions that may be meant: any where its own name says none, else that one."""


def spellings(listed: ListedModel, name: str) -> Spellings:
    """The names of an entry that mean the model `name`, which the entry is the price of."""
    stem, version = _stem(name.lower())
    undated: list[str] = []
    versions: list[str] = []
    for other in dict.fromkeys((listed.id.lower(), *listed.names)):
        same, of = _stem(other)
        if same != stem:
            continue
        if not of:
            undated.append(other)
        elif not version or of == version:
            versions.append(other)
    return Spellings(tuple(undated), tuple(versions))


def _stem(name: str) -> tuple[list[str], str]:
    """What is left of a name without its version, in any order of its words, and the version: "20250805", or nothing."""
    version = ""
    while True:
        found = _VERSION.search(name)
        if found is not None:
            version = found[1].replace("-", "")
        else:
            found = _FILLER.search(name)
        if found is None or not found.start():
            return sorted(_PARTS.split(name)), version
        name = name[: found.start()]
