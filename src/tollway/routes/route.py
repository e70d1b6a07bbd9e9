"""A route: elements by id, each with the ids of those that may follow it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from tollway.routes.conditions import Condition

PREFIX = "dynamic/"
"""Begins the model names by which routes are called."""

MOST_ELEMENTS = 100
MOST_SHARES = 5
"""Outputs of a percentage, besides `else`."""
MOST_TARGETS = 20
WHOLE = 10_000
"""Basis points of a percentage."""

LimitType = Literal["count", "cost"]
Technique = Literal["fixed", "sliding"]
Order = Literal["weighted", "least_latency", "cheapest", "in_order"]


class Start(msgspec.Struct, frozen=True):
    id: str
    next: str


class Conditional(msgspec.Struct, frozen=True):
    id: str
    condition: Condition
    on_true: str
    on_false: str


class Percentage(msgspec.Struct, frozen=True):
    """Some of the requests go one way, some another."""

    id: str
    shares: tuple[tuple[int, str], ...]
    """(basis points, the element that follows); with what `otherwise` takes they are the whole."""
    otherwise: str | None = None
    sticky: str | None = None
    """The name of a field, requests of the same value of which go the same way."""


class Rate(msgspec.Struct, frozen=True):
    """A limit on requests, or on what they cost."""

    id: str
    limit_type: LimitType
    key: str | None
    """The name of a field, each value of which has a counter; `None`: all requests share one."""
    limit: int
    """Requests, or nanodollars."""
    window_s: int
    technique: Technique
    success: str
    fallback: str | None = None
    """`None`: the route ends where the limit is reached."""


class Target(msgspec.Struct, frozen=True):
    provider: str
    model: str
    weight: int = 1


class Model(msgspec.Struct, frozen=True):
    """One model is called."""

    id: str
    provider: str
    model: str
    timeout_ms: int | None = None
    """To the first part of the answer, for each try."""
    retries: int | None = None
    """Tries after the first; `None`: as the gateway has it."""
    exempt: tuple[str, ...] = ()
    """Ids or names of budgets that do not refuse this call: it is what is left when they are spent."""
    success: str | None = None
    fallback: str | None = None


class Pool(msgspec.Struct, frozen=True):
    """One of several models is called, the others where it fails."""

    id: str
    targets: tuple[Target, ...]
    order: Order = "weighted"
    timeout_ms: int | None = None
    retries: int | None = None
    exempt: tuple[str, ...] = ()
    success: str | None = None
    fallback: str | None = None


class End(msgspec.Struct, frozen=True):
    id: str


Element = Start | Conditional | Percentage | Rate | Model | Pool | End


class Route(msgspec.Struct, frozen=True):
    """A graph that was found to be sound (`read.py`): one start, no loop, every output leads to an element that is there."""

    name: str
    gateway: str | None
    """`None` for all gateways."""
    elements: Mapping[str, Element]
    """By id, in the order written."""
    start: str
    enabled: bool = True

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every model that it may call, each once."""
        found: dict[tuple[str, str], Target] = {}
        for element in self.elements.values():
            for target in targets_of(element):
                found.setdefault((target.provider, target.model), target)
        return tuple(found.values())


def targets_of(element: Element) -> tuple[Target, ...]:
    """The models that an element calls."""
    if isinstance(element, Model):
        return (Target(element.provider, element.model),)
    return element.targets if isinstance(element, Pool) else ()
