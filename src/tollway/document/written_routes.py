"""What people write of dynamic routes."""

from typing import Any, cast

import msgspec

from tollway.document.strict import Written


class RouteDocument(Written, frozen=True):
    """A route, called as the model `dynamic/{name}`: its elements, or the targets that are short for them."""

    name: str
    id: str | None = None
    """What the API calls it; made of gateway and name where it is not written."""
    gateway: str | None = None
    """The slug of the only gateway it is for; all of them where it is not written."""
    elements: list[Any] = []
    """In either of Cloudflare's dialects."""
    targets: list[Any] = []
    """`{model: openai/gpt-4o, weight: 3}` each: short for a start, a pool of these, and an end."""
    order: str | None = None
    timeout: int | None = None
    """Milliseconds."""
    retries: int | None = None
    exempt: list[str] = []
    """With targets: what a pool has of that name."""
    enabled: bool = True
    comment: str | None = None

    def __post_init__(self) -> None:
        # YAML reads the key of `outputs: {true: ...}` as a boolean, and JSON has no such keys.
        msgspec.structs.force_setattr(self, "elements", _named(self.elements))


def _named(value: object) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[object, object]", value)
        return {_name(key): _named(inner) for key, inner in fields.items()}
    return [_named(inner) for inner in cast("list[object]", value)] if isinstance(value, list) else value


def _name(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
