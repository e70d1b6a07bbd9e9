"""The routes of a document: checked against the providers, budgets and gateways that are there."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tollway.budgets.budget import Budget
from tollway.document.names import SLUG, check_slug
from tollway.document.providers import provider_aliases
from tollway.document.written_routes import RouteDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import Gateway, Provider
from tollway.routes.problem import Known, Problem, Problems
from tollway.routes.read import elements_of_targets, read_route
from tollway.routes.route import PREFIX, Route

MOST_ROUTES = 1_000
MOST_TOLD = 10
LONGEST_COMMENT = 1_000
_OF_TARGETS = ("order", "timeout", "retries", "exempt")


def route_id(written: RouteDocument) -> str:
    """The id of a route as it is written: its own, or one made of its gateway and name."""
    return written.id or (written.name if written.gateway is None else f"{written.gateway}.{written.name}")


def known_to_routes(providers: Mapping[str, Provider], budgets: Sequence[Budget]) -> Known:
    """What routes may name: providers by every name they have, budgets by id or name."""
    named = {*(budget.id for budget in budgets), *(budget.name for budget in budgets)}
    return Known(providers={*providers, *provider_aliases(providers)}, budgets=named)


def elements_of(written: RouteDocument) -> object:
    """Its elements, also where they are written as targets. Raises SettingsInvalid where it has both, or none."""
    where = f'route "{written.name}"'
    of_pool = [name for name in _OF_TARGETS if getattr(written, name) not in (None, [])]
    if written.targets and written.elements:
        raise SettingsInvalid(f"{where}: it has elements and targets; write one of the two.")
    if not written.targets:
        if of_pool:
            raise SettingsInvalid(
                f'{where}, {of_pool[0]}: it belongs to "targets"; write it into the elements instead.'
            )
        if not written.elements:
            raise SettingsInvalid(
                f'{where}: it goes nowhere; add "targets", such as [{{model: openai/gpt-4o}}], or "elements".'
            )
        return written.elements
    given: dict[str, Any] = {name: getattr(written, name) for name in of_pool if name != "order"}
    return elements_of_targets(written.targets, written.order, **given)


def examined(written: RouteDocument, known: Known) -> Route | Problems:
    """The route, or everything that is wrong with it."""
    try:
        check_name(written)
        elements = elements_of(written)
    except SettingsInvalid as error:
        return Problems((Problem(None, "", str(error)),))
    return read_route(elements, name=written.name, gateway=written.gateway, enabled=written.enabled, known=known)


def check_name(written: RouteDocument) -> None:
    """Raises SettingsInvalid for a name that no model could be called by, and for a comment that is none."""
    if SLUG.fullmatch(written.name) is None:
        plain = written.name.removeprefix(PREFIX)
        meant = f'; write "{plain}", and call it as {PREFIX}{plain}' if SLUG.fullmatch(plain) else ""
        raise SettingsInvalid(
            f"routes: {written.name[:80]!r} is no name of a route (1 to 64 letters, digits, dots, hyphens, underscores){meant}."
        )
    where = f'route "{written.name}"'
    if written.id is not None:
        check_slug(written.id, f"{where}, id")
    if written.comment is not None and not 0 < len(written.comment) <= LONGEST_COMMENT:
        raise SettingsInvalid(f"{where}, comment: write 1 to {LONGEST_COMMENT:,} characters, or leave it out.")


def read_routes(
    written: Sequence[RouteDocument],
    gateways: Collection[str] | Mapping[str, Gateway],
    providers: Mapping[str, Provider],
    budgets: Sequence[Budget],
) -> dict[tuple[str, str], Route]:
    """The routes by gateway and name; one of its own is used before one for all gateways. Raises SettingsInvalid naming the
    route, the element, the value and the way out."""
    if len(written) > MOST_ROUTES:
        raise SettingsInvalid(f"routes: there are {len(written):,}; write {MOST_ROUTES:,} at most.")
    known = known_to_routes(providers, budgets)
    own: dict[tuple[str, str], Route] = {}
    of_all: dict[tuple[str, str], Route] = {}
    ids: dict[str, str] = {}
    seen: set[tuple[str | None, str]] = set()
    for one in written:
        check_name(one)
        where = f'route "{one.name}"'
        if one.gateway is not None and one.gateway not in gateways:
            raise SettingsInvalid(f'{where}: no gateway "{one.gateway}"; there are {", ".join(sorted(gateways))}.')
        if (one.gateway, one.name) in seen:
            of = f' on gateway "{one.gateway}"' if one.gateway is not None else ""
            raise SettingsInvalid(f"{where}: two routes have this name{of}; names are unique.")
        seen.add((one.gateway, one.name))
        identifier = route_id(one)
        if identifier in ids:
            raise SettingsInvalid(
                f'{where}: the id "{identifier}" is that of route "{ids[identifier]}" too; give one of them another "id".'
            )
        ids[identifier] = one.name
        found = examined(one, known)
        if isinstance(found, Problems):
            raise SettingsInvalid(told(one.name, found))
        if one.gateway is not None:
            own[one.gateway, one.name] = found
        else:
            of_all |= {(slug, one.name): found for slug in gateways}
    return of_all | own


def told(name: str, found: Problems) -> str:
    """What is wrong with a route, as much of it as a message takes."""
    where = f'route "{name}"'
    first = "; ".join(problem.text.rstrip(".") for problem in found.problems[:MOST_TOLD])
    rest = len(found.problems) - MOST_TOLD
    # What is wrong with the route as a whole names it already.
    said = first if first.startswith((where, "routes:")) else f"{where}, {first}"
    return f"{said}{f'; and {rest} more' if rest > 0 else ''}."
