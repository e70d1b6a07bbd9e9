"""The guide to policies: its example means what it says, and what it quotes is what is said."""

import re
from pathlib import Path

import pytest
import world
import yaml

from tollway.document import compile_document, read_document
from tollway.errors import SettingsInvalid
from tollway.policies.condition import compiled
from tollway.policies.fields import FIELDS
from tollway.policies.policy import kind_of

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "guides" / "policies.md").read_text(encoding="utf-8")


def test_the_example_is_one_that_the_gateway_starts_with() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    document = read_document(yaml.safe_load(block))
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    assert [kind_of(policy) for policy in snapshot.policies] == ["limit", "limit", "block", "limit"]
    employees, seniors = snapshot.policies[:2]
    assert employees.actor == seniors.actor
    assert len(snapshot.buckets) == 2


def test_the_error_it_quotes_is_the_one_that_is_told() -> None:
    with pytest.raises(SettingsInvalid) as raised:
        compiled('"engineering" in cf.user.group', 'policy "employees", condition')
    assert str(raised.value) in GUIDE


def test_every_condition_that_it_names_is_one() -> None:
    for condition in re.findall(r"`((?:cf|metadata|verified)\.[a-z.]+(?:\.endsWith\(| ==)[^`]*)`", GUIDE):
        assert compiled(condition, "the guide").source == condition


def test_the_reference_has_every_field() -> None:
    page = (DOCS / "reference" / "policy-fields.md").read_text(encoding="utf-8")
    assert [field.name for field in FIELDS if f"| `{field.name}` |" not in page] == []
