"""What is wrong with a route, and where."""

from collections.abc import Collection

import msgspec


class Problem(msgspec.Struct, frozen=True):
    element: str | None
    """The id of the element, or its place (`elements[3]`) where it has none; `None`: of the route as a whole."""
    field: str
    """Within the element: `properties.limit`, `outputs.true`; empty where it is the element itself."""
    message: str

    @property
    def text(self) -> str:
        """All of it in one line."""
        at = f'element "{self.element}"' if self.element is not None else ""
        place = ", ".join(part for part in (at, self.field) if part)
        return f"{place}: {self.message}" if place else self.message


class Problems(msgspec.Struct, frozen=True):
    """Everything that is wrong with a route."""

    problems: tuple[Problem, ...]

    @property
    def text(self) -> str:
        return " ".join(problem.text for problem in self.problems)


class Known(msgspec.Struct, frozen=True):
    """What a route may name; `None`: anything."""

    providers: Collection[str] | None = None
    """By every name they have."""
    budgets: Collection[str] | None = None
    """Ids and names."""


ANYTHING = Known()
