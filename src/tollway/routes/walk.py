"""Walking a route: which models a request tries, one after the other, and why it ends where none of them answers.

A generator without effects: it yields what to try and what to weigh, and is sent how it went.
"""

import hashlib
import json
from collections.abc import Callable, Generator, Iterator
from typing import Literal
from urllib.parse import quote

import msgspec

from tollway.routes.facts import RouteFacts
from tollway.routes.route import (
    WHOLE,
    Conditional,
    End,
    LimitType,
    Model,
    Order,
    Percentage,
    Pool,
    Rate,
    Route,
    Start,
    Target,
    Technique,
    targets_of,
)

NO_VALUE = "(none)"
"""What stands for the value of a field that a request does not have."""
ALL = "(all)"
"""What stands for the value where a limit has no key."""
LONGEST_VALUE = 200
"""Characters of a value in the name of a counter; of a longer one the hash is used."""


class Try(msgspec.Struct, frozen=True):
    """Call one of these; sent back: whether it answered."""

    element_id: str
    targets: tuple[Target, ...]
    order: Order
    timeout_ms: int | None
    retries: int | None
    exempt: tuple[str, ...]


class Weigh(msgspec.Struct, frozen=True):
    """Count this request on a limit; sent back: whether it is under it."""

    element_id: str
    limit_type: LimitType
    key_value: str
    limit: int
    """Requests, or nanodollars."""
    window_s: int
    technique: Technique
    counter: str
    """What the counter is called: `route:{gateway}:{route}:{element}:{key value}`, the gateway `*` of a route of all of them."""


class Trail(msgspec.Struct):
    """What is remembered of a walk, for logs and people."""

    elements: list[str] = []
    """Ids, in the order they were come to."""
    notes: list[str] = []
    """What happened at them, in words."""
    ended: Literal["under way", "answered", "limited", "unanswered"] = "under way"
    """limited: a limit was what ended it, so that it may be asked again later."""


def walk(
    route: Route, facts: RouteFacts, draw: Callable[[str], float], trail: Trail | None = None
) -> Generator[Try | Weigh, bool, str]:
    """The tries of a request, in their order. `draw`: a number in [0, 1) for a percentage, by its element's id.

    Returns why it ended without an answer, as a sentence; nothing where it was answered.
    """
    trail = trail if trail is not None else Trail()
    limited: str | None = None
    following: str | None = route.start
    tried = 0
    where = ""
    while following is not None:
        element = route.elements[following]
        where = element.id
        trail.elements.append(where)
        match element:
            case Start(next=following):
                pass
            case Conditional():
                holds = element.condition.holds(facts, trail.notes)
                following = element.on_true if holds else element.on_false
                trail.notes.append(f'"{where}": the condition {"holds" if holds else "does not hold"}.')
            case Percentage():
                point = _point(route, element, facts, draw)
                following = _share(element, point)
                trail.notes.append(f'"{where}": {point / 100:g} of 100 goes to "{following}".')
            case Rate():
                weighed = weigh(route, element, facts)
                if (yield weighed):
                    following = element.success
                else:
                    following = element.fallback
                    limited = f'the limit "{where}" is reached for {element.key or "all"} = "{weighed.key_value}"'
                    trail.notes.append(f'"{where}": {limited}.')
            case Model() | Pool():
                order = element.order if isinstance(element, Pool) else "in_order"
                tried += 1
                if (yield Try(where, targets_of(element), order, element.timeout_ms, element.retries, element.exempt)):
                    trail.ended = "answered"
                    return ""
                limited = None
                following = element.fallback
                trail.notes.append(f'"{where}": no answer.')
            case End():
                following = None
    trail.ended = "limited" if limited is not None else "unanswered"
    why = limited or ("none of its models answered" if tried else "no model is on the way that this request took")
    return f'Route "{route.name}" ended at element "{where}" without an answer: {why}.'


def may_try(route: Route, following: str | None) -> bool:
    """Whether a model may be called from that element on."""
    if following is None:
        return False
    match route.elements[following]:
        case Model() | Pool():
            return True
        case Start(next=other):
            return may_try(route, other)
        case Conditional(on_true=yes, on_false=no):
            return may_try(route, yes) or may_try(route, no)
        case Percentage(shares=shares, otherwise=otherwise):
            return may_try(route, otherwise) or any(may_try(route, other) for _, other in shares)
        case Rate(success=under, fallback=over):
            return may_try(route, under) or may_try(route, over)
        case End():
            return False


def draw_of(request_id: str) -> Callable[[str], float]:
    """Draws that are spread evenly over requests, and the same for the same request and element."""

    def draw(element: str) -> float:
        drawn = hashlib.sha256(f"{request_id}\0{element}".encode(errors="surrogatepass")).digest()
        return int.from_bytes(drawn[:6]) / 2**48

    return draw


def weigh(route: Route, element: Rate, facts: RouteFacts) -> Weigh:
    """What a limit counts of a request."""
    value = ALL if element.key is None else facts.text(element.key)
    named = NO_VALUE if value is None else value
    if len(named) > LONGEST_VALUE:
        named = f"sha256:{hashlib.sha256(named.encode(errors='surrogatepass')).hexdigest()}"
    # The element's id is written so that no colon of it can be taken for one of ours.
    counter = f"route:{route.gateway or '*'}:{route.name}:{quote(element.id, safe='')}:{named}"
    return Weigh(element.id, element.limit_type, named, element.limit, element.window_s, element.technique, counter)


def counters_of(route: Route) -> Iterator[str]:
    """What the names of a route's counters begin with."""
    for element in route.elements.values():
        if isinstance(element, Rate):
            yield f"route:{route.gateway or '*'}:{route.name}:{quote(element.id, safe='')}:"


def _point(route: Route, element: Percentage, facts: RouteFacts, draw: Callable[[str], float]) -> int:
    """Where a request falls, in basis points. The same value of a sticky key always falls on the same."""
    value = facts.text(element.sticky) if element.sticky is not None else None
    if value is None:
        return min(WHOLE - 1, max(0, int(draw(element.id) * WHOLE)))
    said = json.dumps([route.name, element.id, value]).encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:8]) * WHOLE >> 64


def _share(element: Percentage, point: int) -> str | None:
    for share, following in element.shares:
        if point < share:
            return following
        point -= share
    return element.otherwise
