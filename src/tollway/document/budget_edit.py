"""Changing one entry of `budgets:` in a settings file (`entry_edit.py`), and what a change of some fields makes of it."""

from collections.abc import Mapping
from typing import Any

from tollway.document.changes import budget_id
from tollway.document.entry_edit import Section, fields_of
from tollway.document.text import parse
from tollway.document.written import BudgetDocument, Document

__all__ = ["fields_of", "merged", "place_of", "read_fields", "with_budget", "with_fields", "without_budget"]

_BUDGETS = Section("budgets", lambda document: document.budgets, budget_id, BudgetDocument)


def read_fields(fields: Mapping[str, Any]) -> BudgetDocument:
    """The budget that these fields write. Raises SettingsInvalid naming the field."""
    return _BUDGETS.read(fields)


def merged(written: BudgetDocument, patch: Mapping[str, Any]) -> BudgetDocument:
    """The budget with the fields of `patch` in place of its own: null takes a field out, and `where` is merged by
    attribute. A budget whose id is made of its name keeps that id when the name changes. Raises SettingsInvalid."""
    return read_fields(_BUDGETS.merged(written, patch, "a budget"))


def place_of(document: Document, wanted: str) -> int:
    """Which of the budgets as they are written has that id. Raises KeyError."""
    return _BUDGETS.place_of(document, wanted)


def with_budget(text: str, written: BudgetDocument) -> str:
    """`text` with one more budget, behind the others. Raises SettingsInvalid where it cannot be edited safely."""
    return _BUDGETS.with_entry(text, written)


def with_fields(text: str, wanted_id: str, patch: Mapping[str, Any]) -> str:
    """`text` with a budget changed as `merged` says. Raises KeyError, and SettingsInvalid as above."""
    document = parse(text)
    old = document.budgets[place_of(document, wanted_id)]
    return _BUDGETS.with_fields(text, wanted_id, _BUDGETS.merged(old, patch, "a budget"))


def without_budget(text: str, wanted_id: str) -> str:
    """`text` without a budget and the comments right above it. Raises KeyError, and SettingsInvalid as above."""
    return _BUDGETS.without_entry(text, wanted_id)
