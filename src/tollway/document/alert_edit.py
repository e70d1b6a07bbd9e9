"""Changing one entry of `alerts:` in a settings file (`entry_edit.py`). The name of a rule is its id."""

from collections.abc import Mapping
from typing import Any

from tollway.document.entry_edit import Section, fields_of
from tollway.document.written import AlertDocument

__all__ = ["fields_of", "read_fields", "with_alert", "without_alert"]

_ALERTS = Section("alerts", lambda document: document.alerts, lambda written: written.name, AlertDocument)


def read_fields(fields: Mapping[str, Any]) -> AlertDocument:
    """The rule that these fields write. Raises SettingsInvalid naming the field."""
    return _ALERTS.read(fields)


def with_alert(text: str, written: AlertDocument) -> str:
    """`text` with this rule in the place of the one of its name, or behind the others. Raises SettingsInvalid where it cannot
    be edited safely."""
    try:
        return _ALERTS.with_fields(text, written.name, fields_of(written))
    except KeyError:
        return _ALERTS.with_entry(text, written)


def without_alert(text: str, name: str) -> str:
    """`text` without a rule and the comments right above it. Raises KeyError, and SettingsInvalid as above."""
    return _ALERTS.without_entry(text, name)
