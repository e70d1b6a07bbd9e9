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

WRITTEN_MODEL = "model.written"
"""A fact beside "model", where it differs: the names of the model itself, without those of its price."""


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
        # "All but this model" leaves out no other that only costs the same.
        attribute = itself(facts) if self.negated and self.attribute == "model" else facts.get(self.attribute)
        if attribute is None or (proven and attribute.source == "header"):
            return False
        for value in attribute.values:
            for pattern in self.patterns:
                if globbed(pattern, value):
                    return not self.negated
        return self.negated


def globbed(pattern: str, value: str) -> bool:
    """Whether `pattern`, in which "*" stands for any characters but "/", is about `value`."""
    return value == pattern or ("*" in pattern and _compiled(pattern).fullmatch(value) is not None)


def itself(facts: Facts) -> Attribute | None:
    """The names that a model is permitted by: what was written, the model behind a deployment, and what a dated version is a
    version of."""
    return facts.get(WRITTEN_MODEL) or facts.get("model")


def only_itself(facts: Facts) -> Facts:
    """The same facts with the model by no other names than those it is permitted by."""
    written = facts.get(WRITTEN_MODEL)
    return facts if written is None else {**facts, "model": written}


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
