"""Names of keys that rules speak of: whoever may choose the name of a key must not choose the rules for it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tollway.admin.problem import Problem
from tollway.match import Attribute, Match
from tollway.policies.condition import Condition as Cel
from tollway.policies.condition import compiled, context_of
from tollway.policies.expression import is_odd, texts_in
from tollway.policies.fields import OF_POLICIES, Path
from tollway.routes.clauses import All, Clause, Comparison, Either, Not, holds
from tollway.routes.facts import RouteFacts
from tollway.routes.route import Conditional
from tollway.snapshot import Snapshot

_KEY: tuple[Path, ...] = (("key",), ("identity", "key"))
_PARTS = frozenset({*_KEY, ("identity",)})
"""Those, and what has one of them as a field."""
_NOBODYS = "\0"
"""No key can have this name, so what holds for it holds for a key that nothing speaks of."""


def check_own_name(name: str, snapshot: Snapshot) -> None:
    """Raises Problem where the settings speak of keys of that name: which ones is not for everybody to know."""
    if is_spoken_of(name, snapshot):
        raise Problem(
            403,
            "forbidden",
            f'name: the settings have rules for keys that are called "{name}", so only an administrator makes one; take another '
            "name.",
        )


def is_spoken_of(name: str, snapshot: Snapshot) -> bool:
    """Whether a budget, an override, a rate limit, a policy or a route treats a key of that name differently from one of a name
    that nobody has thought of. Texts in CEL are taken one by one, whatever else its condition asks; where it asks of a key's name
    other than by such texts, it may speak of any."""
    if any(_differs(match, name) for match in _matches(snapshot)):
        return True
    if any(_says(policy.condition, name) for policy in snapshot.policies):
        return True
    elements = (element for route in snapshot.routes.values() for element in route.elements.values())
    return any(_asks(element.condition.clause, name) for element in elements if isinstance(element, Conditional))


def _matches(snapshot: Snapshot) -> Iterator[Match]:
    for budget in snapshot.budgets:
        yield from _of_keys(budget.where)
        for action in budget.actions:
            yield from _of_keys(action.where)
        yield from (Match("key", (text,)) for one in budget.overrides for named, text in one.values if named == "key")
    for limit in snapshot.rate_limits:
        yield from _of_keys(limit.where)


def _of_keys(matches: Iterable[Match]) -> Iterator[Match]:
    """One for each pattern, so that one for every key hides no other."""
    return (Match("key", (text,)) for match in matches if match.attribute == "key" for text in match.patterns)


def _differs(match: Match, name: str) -> bool:
    return match.holds(_fact(name)) is not match.holds(_fact(_NOBODYS))


def _fact(name: str) -> Mapping[str, Attribute]:
    return {"key": Attribute((name,), "key")}


def _says(condition: Cel, name: str) -> bool:
    if not any(path in _PARTS for path in condition.used):
        return False
    if is_odd(condition.source, _PARTS):
        return True
    for said in texts_in(condition.source):
        asked = compiled(
            f"key.{said.method}({said.text})" if said.method else f"key == {said.text}", "key", OF_POLICIES
        )
        answers = [asked.holds(context_of({"key": each})) for each in (name, _NOBODYS)]
        if answers[0] != answers[1]:
            return True
    return False


def _asks(clause: Clause, name: str) -> bool:
    match clause:
        case Comparison():
            return clause.path in _KEY and _holds(clause, name) is not _holds(clause, _NOBODYS)
        case All(clauses=clauses) | Either(clauses=clauses):
            return any(_asks(one, name) for one in clauses)
        case Not(clause=inner):
            return _asks(inner, name)
        case Cel():
            return _says(clause, name)


def _holds(test: Comparison, name: str) -> bool:
    values: dict[str, Any] = {"key": name}
    return holds(test, RouteFacts(values=values), [])
