"""Editing `policies:` in a settings file: one change, and every other character as it was."""

import pytest

from tollway.document.policy_edit import merged, read_fields, with_policies, with_policy, without_policy
from tollway.document.text import parse
from tollway.errors import SettingsInvalid

TEXT = """\
# Ours.
providers: {openai: {api_key: none}}
policies:
  # Everybody, for now.
  - name: everyone
    action: {type: no-limit}   # ask Ann
  - {name: no o3, resource: {model: o3}, action: {type: block}}
keys: []
"""


def test_a_policy_is_added_behind_the_others() -> None:
    after = with_policy(TEXT, read_fields({"name": "new", "action": {"type": "block"}}))
    assert [one.name for one in parse(after).policies] == ["everyone", "no o3", "new"]
    assert after.replace('  - name: "new"\n    action: {"type": "block"}\n', "") == TEXT


def test_a_policy_of_the_same_id_is_changed_where_it_stands() -> None:
    after = with_policy(
        TEXT, read_fields({"name": "everyone", "action": {"type": "no-limit"}, "condition": 'user == "a"'})
    )
    assert parse(after).policies[0].condition == 'user == "a"'
    assert "# Everybody, for now." in after and "# ask Ann" in after
    assert with_policy(after, parse(after).policies[0]) == after


def test_a_policy_is_taken_out_with_its_comment() -> None:
    after = without_policy(TEXT, "everyone")
    assert "Everybody" not in after and [one.name for one in parse(after).policies] == ["no o3"]
    assert parse(without_policy(after, "no-o3")).policies == []
    with pytest.raises(KeyError):
        without_policy(TEXT, "nope")


def test_all_of_them_become_what_they_were() -> None:
    wanted = parse(TEXT).policies
    changed = with_policy(without_policy(TEXT, "no-o3"), read_fields({"name": "x", "action": {"type": "block"}}))
    assert sorted(one.name for one in parse(with_policies(changed, wanted)).policies) == ["everyone", "no o3"]
    assert parse(with_policies(TEXT, [])).policies == []
    assert with_policies(TEXT, wanted) == TEXT
    fresh = with_policies("providers: {}\n", wanted)
    assert parse(fresh).policies == wanted


def test_fields_are_merged_and_an_id_made_of_a_name_stays() -> None:
    before = parse(TEXT).policies[1]
    renamed = merged(before, {"name": "None of that"})
    assert (renamed.name, renamed.id, renamed.resource) == ("None of that", "no-o3", {"model": "o3"})
    assert merged(renamed, {"resource": None}).resource == "*"
    with pytest.raises(SettingsInvalid, match='a policy has no field "nope"'):
        merged(before, {"nope": 1})
    with pytest.raises(SettingsInvalid, match="action"):
        merged(before, {"action": None})


def test_what_cannot_be_edited_safely_is_told_with_what_to_write() -> None:
    with pytest.raises(SettingsInvalid, match="write it yourself, under policies"):
        with_policy("{policies: [], keys: []}", read_fields({"name": "a", "action": {"type": "block"}}))
