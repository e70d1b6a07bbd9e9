"""What each role may: nothing that is not granted, and never more than the role above it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.roles import GRANTS, ROLES, SCOPES, Administration, Holders, Principal, Role, roles_with

HELD = Administration(
    holders={
        "owner": Holders(users=frozenset({"ada@example.com"})),
        "admin": Holders(groups=frozenset({"platform"})),
        "finance": Holders(groups=frozenset({"finance", "board"})),
    }
)


def test_every_role_may_what_the_role_below_it_may() -> None:
    for above, below in pairwise(ROLES):
        assert GRANTS[below] < GRANTS[above]


def test_finance_and_developers_change_nothing_but_their_own() -> None:
    for role in ("finance", "developer"):
        assert {scope for scope in GRANTS[role] if not scope.endswith(":read")} == {"own:keys", "views:write"}


def test_a_role_may_be_everybodys_who_is_known_by_name() -> None:
    open_to_all = Administration(holders={"developer": Holders(groups=frozenset({"*"}))})
    assert open_to_all.roles_of("bob@example.com", ()) == {"developer"} and not open_to_all.roles_of(None, ("x",))


def test_only_an_owner_makes_administrators_changes_the_master_key_and_writes_all_settings() -> None:
    whole = {"document:read", "document:write"}
    assert GRANTS["owner"] - GRANTS["admin"] == {"administration:write", "master-key:write", *whole}
    assert roles_with("administration:write") == ["owner"]
    assert roles_with("spend:read") == ["finance", "admin", "owner"]


def test_roles_come_from_names_and_groups_that_are_proven() -> None:
    assert HELD.roles_of("Ada@Example.com", ()) == {"owner"}
    assert HELD.roles_of("Ad\u0430@example.com", ()) == frozenset()
    assert HELD.roles_of("bob@example.com", ("platform", "board", "x")) == {"admin", "finance"}
    assert HELD.roles_of(None, ("platforms",)) == HELD.roles_of("platform", ()) == frozenset()
    assert Administration().roles_of("ada@example.com", ("platform",)) == frozenset()


@given(st.sets(st.sampled_from(ROLES)), st.sampled_from(sorted(SCOPES)))
def test_somebody_may_what_one_of_the_roles_may(roles: set[Role], scope: str) -> None:
    principal = Principal(name="x", roles=frozenset(roles))
    assert principal.may(scope) == any(scope in GRANTS[role] for role in roles)


@pytest.mark.parametrize("scope", ["", "*", "budgets", "budgets:", "budgets:delete", "own"])
def test_what_is_no_scope_is_granted_to_nobody(scope: str) -> None:
    assert not Principal(name="x", roles=frozenset(ROLES)).may(scope)
