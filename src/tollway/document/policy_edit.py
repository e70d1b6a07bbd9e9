"""Changing `policies:` in a settings file (`entry_edit.py`): one policy, or all of them back to what they were."""

from collections.abc import Mapping, Sequence
from typing import Any

from tollway.document.entry_edit import Section, fields_of
from tollway.document.policies import policy_id
from tollway.document.text import parse
from tollway.document.written import PolicyDocument
from tollway.errors import SettingsInvalid

__all__ = ["fields_of", "merged", "read_fields", "with_policies", "with_policy", "without_policy"]

_POLICIES = Section("policies", lambda document: document.policies, policy_id, PolicyDocument)


def read_fields(fields: Mapping[str, Any]) -> PolicyDocument:
    """The policy that these fields write. Raises SettingsInvalid naming the field."""
    return _POLICIES.read(fields)


def merged(written: PolicyDocument, patch: Mapping[str, Any]) -> PolicyDocument:
    """The policy with the fields of `patch` in place of its own; null takes one out. A policy whose id is made of its name
    keeps that id when the name changes. Raises SettingsInvalid."""
    for name in patch:
        if name not in _POLICIES.fields:
            raise SettingsInvalid(f'a policy has no field "{name}"; there are {", ".join(sorted(_POLICIES.fields))}.')
    fields = {name: value for name, value in {**fields_of(written), **patch}.items() if value is not None}
    if "id" not in fields and fields.get("name") != written.name:
        fields["id"] = policy_id(written)
    return read_fields(fields)


def with_policy(text: str, written: PolicyDocument) -> str:
    """`text` with this policy in the place of the one of its id, or behind the others. Raises SettingsInvalid where it cannot
    be edited safely."""
    try:
        return _POLICIES.with_fields(text, policy_id(written), fields_of(written))
    except KeyError:
        return _POLICIES.with_entry(text, written)


def without_policy(text: str, wanted_id: str) -> str:
    """`text` without a policy and the comments right above it. Raises KeyError, and SettingsInvalid as above."""
    return _POLICIES.without_entry(text, wanted_id)


def with_policies(text: str, wanted: Sequence[PolicyDocument]) -> str:
    """`text` with exactly these policies. Those that are there already stay where and as they are written; the order of
    policies decides nothing. Raises SettingsInvalid as above."""
    ids = {policy_id(written) for written in wanted}
    for written in parse(text).policies:
        if policy_id(written) not in ids:
            text = without_policy(text, policy_id(written))
    for written in wanted:
        text = with_policy(text, written)
    return text
