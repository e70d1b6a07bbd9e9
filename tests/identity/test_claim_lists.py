"""Claims of several values."""

from typing import Any

import pytest
from fake_issuer import issuer
from made_tokens import NOW, claims

from tollway.identity.attributes import facts_of
from tollway.identity.claim_lists import LONGEST, MOST, read_lists
from tollway.identity.claims import identity_of
from tollway.identity.identity import Identity
from tollway.identity.jwt import Unfit
from tollway.policies.condition import compiled, context_of
from tollway.policies.fields import values_of


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (["a", 1, True, 2.5], {"roles": ["a", 1, True, 2.5]}),
        ("a", {"roles": ["a"]}),
        (False, {"roles": [False]}),
        ([], {}),
        (None, {}),
        (["x"] * MOST, {"roles": ["x"] * MOST}),
    ],
)
def test_a_claim_is_a_list_whatever_number_of_values_it_has(said: Any, found: dict[str, Any]) -> None:
    assert read_lists({"roles": said}, {"roles": "app.roles"}) == found


@pytest.mark.parametrize(
    "said",
    [{"a": 1}, ["a", None], ["a", ["b"]], [{"name": "a"}], ["x"] * (MOST + 1), ["a\n"], ["x" * (LONGEST + 1)], "\0"],
)
def test_what_is_no_list_of_values_is_told_by_the_name_of_its_claim(said: Any) -> None:
    answer = read_lists({"roles": said}, {"roles": "app.roles"})
    assert isinstance(answer, str) and '"app.roles"' in answer


def test_conditions_see_a_list_and_budgets_see_nothing_of_it() -> None:
    by = issuer(claims={"lists": {"roles": "realm_access.roles"}, "metadata": {"dept": "dept"}})
    answer = identity_of(claims(realm_access={"roles": ["ml", "web"]}, dept="rd"), by, NOW + 1)
    assert isinstance(answer, Identity)
    assert answer.metadata == {"dept": "rd", "cf.user_id": "u-1"}
    facts = facts_of(answer, "default", {"roles": "ml", "team": "x"})
    assert "metadata.roles" not in facts and "metadata.team" in facts, "what is the token's to say nobody declares"
    values = context_of(values_of(answer, "default", answer.metadata))
    for source, holds in (('"ml" in cf.custom.roles', True), ('cf.custom.roles.exists(r, r == "ops")', False)):
        assert compiled(source, "condition").holds(values) is holds
    odd = identity_of(claims(realm_access={"roles": [{}]}), by, NOW + 1)
    assert isinstance(odd, Unfit) and "claims.lists.roles" in odd.message
