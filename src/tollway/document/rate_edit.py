"""Changing one entry of `rate_limits:` in a settings file (`entry_edit.py`)."""

from collections.abc import Mapping
from typing import Any

from tollway.document.entry_edit import Section, fields_of
from tollway.document.rates import limit_id
from tollway.document.text import parse
from tollway.document.written import Document
from tollway.document.written_rates import RateLimitDocument

__all__ = ["fields_of", "place_of", "read_fields", "with_fields", "with_limit", "without_limit"]

_LIMITS = Section("rate_limits", lambda document: document.rate_limits, limit_id, RateLimitDocument)


def read_fields(fields: Mapping[str, Any]) -> RateLimitDocument:
    """The limit that these fields write. Raises SettingsInvalid naming the field."""
    return _LIMITS.read(fields)


def place_of(document: Document, wanted: str) -> int:
    """Which of the limits as they are written has that id. Raises KeyError."""
    return _LIMITS.place_of(document, wanted)


def with_limit(text: str, written: RateLimitDocument) -> str:
    """`text` with one more limit, behind the others. Raises SettingsInvalid where it cannot be edited safely."""
    return _LIMITS.with_entry(text, written)


def with_fields(text: str, wanted_id: str, patch: Mapping[str, Any]) -> str:
    """`text` with the fields of `patch` in the place of a limit's own: null takes one out, `where` is merged by attribute.
    Raises KeyError, and SettingsInvalid as above."""
    document = parse(text)
    old = document.rate_limits[place_of(document, wanted_id)]
    return _LIMITS.with_fields(text, wanted_id, _LIMITS.merged(old, patch, "a rate limit"))


def without_limit(text: str, wanted_id: str) -> str:
    """`text` without a limit and the comments right above it. Raises KeyError, and SettingsInvalid as above."""
    return _LIMITS.without_entry(text, wanted_id)
