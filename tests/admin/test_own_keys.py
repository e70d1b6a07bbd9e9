"""A key of one's own proves what one is, no more and no less (`test_tenants.py` asks the API)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.admin.key_asked import KeyAsked, KeyChange
from tollway.admin.own_keys import (
    as_its_owner,
    check_own_change,
    check_own_end,
    check_own_record,
    is_own,
    own_asked,
    renewed,
)
from tollway.admin.problem import Problem
from tollway.identity.authority import IssuedKey
from tollway.identity.identity import Identity
from tollway.identity.keys import PRIORITIES, Key, Priority
from tollway.identity.person import Person
from tollway.identity.roles import Principal

IDENTITY = Identity(
    kind="user", user="alice", groups=("eng", "leads"), metadata={"department": "rd"}, gateways=("sandbox", "lab"),
    proven_only=frozenset({"department", "site"}), source="token",
    person=Person(issuer="https://idp", subject="a1", claims={"department": "rd"}, expires_at=9),
)  # fmt: skip
ALICE = Principal(name="alice", user="alice", groups=IDENTITY.groups, roles=frozenset({"developer"}), identity=IDENTITY)


def asking(**fields: Any) -> Principal:
    return msgspec.structs.replace(ALICE, identity=msgspec.structs.replace(IDENTITY, **fields))


def test_what_is_left_out_is_what_its_owner_is() -> None:
    asked = own_asked(KeyAsked(name="ide", models=["openai/*"]), "alice", ALICE)
    assert (asked.user, asked.models, asked.priority) == ("alice", ["openai/*"], "standard")
    assert not {"metadata", "groups"} & asked.model_fields_set
    same = own_asked(KeyAsked(name="ide", groups=["leads", "eng"], user="alice"), "alice", ALICE)
    assert same.user == "alice"


def test_an_administrator_asks_for_whatever_there_is() -> None:
    asked = KeyAsked(name="ci", service="ci", groups=["x"], metadata={"team": "ml"}, priority="production")
    assert own_asked(asked, None, ALICE) is asked
    check_own_change(KeyChange(custom_cost=True), None, ALICE)


@given(st.lists(st.sampled_from(["eng", "leads", "platform", "ENG", ""])))
def test_a_key_is_in_the_groups_that_its_owner_is_in_and_in_no_others(groups: list[str]) -> None:
    try:
        own_asked(KeyAsked(name="ide", groups=groups), "alice", ALICE)
    except Problem as problem:
        assert problem.status == 403 and set(groups) != set(ALICE.groups)
    else:
        assert set(groups) == set(ALICE.groups)


@pytest.mark.parametrize("groups", [[], ["eng"], ["eng", "leads"]])
def test_no_change_of_groups_is_its_owners(groups: list[str]) -> None:
    with pytest.raises(Problem, match="groups"):
        check_own_change(KeyChange(groups=groups), "alice", ALICE)


@pytest.mark.parametrize("user", ["bob", "Alice", "alice "])
def test_nobody_asks_for_anothers_key(user: str) -> None:
    with pytest.raises(Problem, match="for yourself"):
        own_asked(KeyAsked(name="ide", user=user), "alice", ALICE)


BARE = IssuedKey(id="1", kind="key", name="ide", user="alice", created_at=0, created_by="alice")
OWN = as_its_owner(BARE, ALICE)


def test_a_key_proves_all_that_its_owners_identity_does() -> None:
    assert (OWN.groups, OWN.metadata, OWN.gateways) == (IDENTITY.groups, IDENTITY.metadata, IDENTITY.gateways)
    assert (OWN.proven_only, OWN.custom_cost, OWN.own) == (IDENTITY.proven_only, False, True)
    assert OWN.person is not None and OWN.person.claims == {"department": "rd"} and OWN.person.expires_at is None


@pytest.mark.parametrize(
    ("mine", "asked", "gets"),
    [
        ("batch", None, "batch"), ("production", None, "production"), ("standard", None, "standard"),
        ("production", "batch", "batch"), ("batch", "batch", "batch"), ("batch", "standard", None),
        ("standard", "production", None),
    ],
)  # fmt: skip
def test_a_key_is_not_more_urgent_than_its_owner(mine: Priority, asked: Priority | None, gets: Priority | None) -> None:
    asker = asking(priority=mine)
    wanted = KeyAsked(name="ide") if asked is None else KeyAsked(name="ide", priority=asked)
    if gets is None:
        with pytest.raises(Problem, match="priority"):
            own_asked(wanted, "alice", asker)
    else:
        assert own_asked(wanted, "alice", asker).priority == gets
    late = as_its_owner(msgspec.structs.replace(OWN, priority="production"), asker)
    assert PRIORITIES[late.priority] <= PRIORITIES[mine]


def test_a_key_opens_gateways_that_its_owner_may_use_and_all_of_them_unless_it_says_less() -> None:
    fewer = own_asked(KeyAsked(name="ide", gateways=["lab"]), "alice", ALICE)
    assert fewer.gateways == ["lab"]
    assert as_its_owner(msgspec.structs.replace(BARE, gateways=("lab",)), ALICE).gateways == ("lab",)
    for gateways in (["default"], ["lab", "default"]):
        with pytest.raises(Problem, match='"default" is not yours'):
            own_asked(KeyAsked(name="ide", gateways=gateways), "alice", ALICE)
        with pytest.raises(Problem, match='"default" is not yours'):
            check_own_change(KeyChange(gateways=gateways), "alice", ALICE)
    assert as_its_owner(msgspec.structs.replace(OWN, gateways=()), ALICE).gateways == ("sandbox", "lab")
    with pytest.raises(Problem, match="not use any more"):
        as_its_owner(msgspec.structs.replace(OWN, gateways=("lab",)), asking(gateways=("prod",)))


def test_a_new_secret_proves_who_its_owner_is_by_now() -> None:
    after = renewed(OWN, asking(groups=("interns",), metadata={}, gateways=("lab",)))
    assert (after.groups, after.metadata, after.gateways, after.id) == (("interns",), {}, ("lab",), OWN.id)


def test_whoever_is_not_known_whole_has_no_key_made() -> None:
    half = msgspec.structs.replace(ALICE, identity=None)
    with pytest.raises(Problem, match="sign out"):
        own_asked(KeyAsked(name="ide"), "alice", half)
    check_own_change(KeyChange(enabled=False), "alice", half)


@pytest.mark.parametrize(
    "change",
    [
        {"models": []}, {"gateways": []}, {"addresses": []}, {"expires_at": None}, {"expires_in": "1d"},
        {"enabled": True}, {"priority": "batch"}, {"note": "x", "models": ["a"]},
    ],
)  # fmt: skip
def test_what_an_administrator_set_is_not_undone_by_its_owner(change: dict[str, Any]) -> None:
    record, asked = BARE, KeyChange(**change)
    with pytest.raises(Problem, match="is the one to do that"):
        check_own_record(record, asked, "alice")
    check_own_record(record, asked, None)
    check_own_record(record, KeyChange(enabled=False, note="lost"), "alice")
    check_own_record(OWN, asked, "alice")


def test_what_an_administrator_made_is_neither_rotated_nor_taken_out_by_its_owner() -> None:
    with pytest.raises(Problem, match="is the one to do that"):
        renewed(BARE, ALICE)
    with pytest.raises(Problem, match="Revoke it"):
        check_own_end(BARE, "alice")
    check_own_end(OWN, "alice")
    check_own_end(BARE, None)


def test_only_a_key_of_ones_name_is_ones_own() -> None:
    key = Key(name="k", digest=b"", user="alice")
    assert is_own(key, "alice") and is_own(key, None) and is_own(None, None)
    assert (
        not is_own(key, "bob")
        and not is_own(None, "bob")
        and not is_own(Key(name="k", digest=b"", service="ci"), "bob")
    )
