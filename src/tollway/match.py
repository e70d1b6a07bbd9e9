"""The one way a rule selects requests: an attribute, and the patterns of which one must match.

Attributes have a source. What the caller's key or token proves outranks what the caller declares, and a rule may ask
for proven attributes only.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

Source = Literal["token", "key", "gateway", "header"]
"""Who says so. Everything but "header" is proven."""

PLAIN_ATTRIBUTES = ("model", "provider", "gateway", "user", "group", "key", "service")
"""What a rule may select and split by, besides `metadata.<key>`."""

METADATA = "metadata."
HIDDEN_MODEL = "model.hidden"
"""A fact that no rule selects by: the name of the model is its owner's choice, and any model may be behind it."""


class Attribute(msgspec.Struct, frozen=True):
    """The values of one attribute and who vouches for them. Only `group` and `model` have more than one value."""

    values: tuple[str, ...]
    source: Source


Facts = Mapping[str, Attribute]
"""What is known of a request: attribute name → Attribute. A name that is absent is not known."""


class Match(msgspec.Struct, frozen=True):
    """`attribute` has a value that one of `patterns` matches. `*` stands for any characters but "/"."""

    attribute: str
    patterns: tuple[str, ...]
    negated: bool = False

    def holds(self, facts: Facts, *, proven: bool = False) -> bool:
        """Whether it selects a request of these facts. An unknown attribute matches nothing, and no negation."""
        attribute = facts.get(self.attribute)
        if attribute is None or (proven and attribute.source == "header"):
            return False
        for value in attribute.values:
            for pattern in self.patterns:
                if value == pattern or ("*" in pattern and _compiled(pattern).fullmatch(value) is not None):
                    return not self.negated
        return self.negated


def is_attribute(name: str) -> bool:
    """Whether a rule may speak of `name`."""
    return name in PLAIN_ATTRIBUTES or (name.startswith(METADATA) and len(name) > len(METADATA))


def all_hold(matches: Sequence[Match], facts: Facts, *, proven: bool = False) -> bool:
    """Whether every match selects the request; no matches select everything."""
    return all(match.holds(facts, proven=proven) for match in matches)


# Bounded: patterns come from settings, and settings may be reloaded for months.
@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # "*" does not cross "/" (spec of model names); "**" is not special.
    return re.compile("[^/]*".join(re.escape(part) for part in pattern.split("*")))
