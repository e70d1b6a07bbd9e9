"""Changing `routes:` in a settings file (`entry_edit.py`)."""

from collections.abc import Mapping
from typing import Any

from tollway.document.entry_edit import Section, fields_of
from tollway.document.routes import route_id
from tollway.document.written_routes import RouteDocument

__all__ = ["fields_of", "read_fields", "with_route", "without_route"]

_ROUTES = Section("routes", lambda document: document.routes, route_id, RouteDocument)


def read_fields(fields: Mapping[str, Any]) -> RouteDocument:
    """The route that these fields write. Raises SettingsInvalid naming the field."""
    return _ROUTES.read(fields)


def with_route(text: str, written: RouteDocument) -> str:
    """`text` with this route in the place of the one of its id, or behind the others. Raises SettingsInvalid where it cannot
    be edited safely."""
    try:
        return _ROUTES.with_fields(text, route_id(written), fields_of(written))
    except KeyError:
        return _ROUTES.with_entry(text, written)


def without_route(text: str, wanted_id: str) -> str:
    """`text` without a route and the comments right above it. Raises KeyError, and SettingsInvalid as above."""
    return _ROUTES.without_entry(text, wanted_id)
