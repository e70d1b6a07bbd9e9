from typing import Any

import pytest
from fake_issuer import issuer
from made_tokens import NOW, claims

from tollway.identity.attributes import facts_of
from tollway.identity.claims import (
    MOST_GROUPS,
    audiences,
    found,
    groups_elsewhere,
    groups_in,
    identity_of,
    same_person,
    told_of,
    why_not,
)
from tollway.identity.identity import Identity
from tollway.identity.issuer import Issuer
from tollway.identity.jwt import Token, Unfit
from tollway.identity.roles import Administration, Holders
from tollway.match import Attribute, Match

SECOND = NOW // 1000
COMPANY = issuer()


def judged(by: Issuer = COMPANY, now: int = NOW, kind: str = "jwt", **said: Any) -> Any:
    token = Token(signed=b"", signature=b"", algorithm="RS256", key_id=None, kind=kind, claims=claims(**said))
    return why_not(token, by, now)


def who(by: Issuer = COMPANY, told: dict[str, Any] | None = None, **said: Any) -> Identity:
    answer = identity_of(claims(**said), by, NOW + 1, told)
    assert isinstance(answer, Identity), answer
    return answer


def nobody(by: Issuer = COMPANY, **said: Any) -> str:
    answer = identity_of(claims(**said), by, NOW + 1)
    assert isinstance(answer, Unfit), answer
    return answer.message


def test_a_token_is_good_until_it_ends_or_is_too_old() -> None:
    assert judged(iat=SECOND, exp=SECOND + 60).until == NOW + 60_000
    assert judged(iat=SECOND, exp=SECOND + 999_999).until == NOW + 86_400_000
    assert judged(issuer(max_age_s=600), iat=SECOND, exp=SECOND + 3_600).until == NOW + 600_000


@pytest.mark.parametrize(
    ("leeway", "said", "good"),
    [
        (60, {"exp": SECOND - 59}, True),
        (60, {"exp": SECOND - 60}, False),
        (0, {"exp": SECOND}, False),
        (0, {"exp": SECOND + 1}, True),
        (0, {"nbf": SECOND + 1}, False),
        (0, {"nbf": SECOND}, True),
        (60, {"nbf": SECOND + 60}, True),
        (60, {"iat": SECOND + 61}, False),
        (0, {"iat": SECOND + 1}, False),
    ],
)
def test_the_leeway_is_for_clocks_that_disagree(leeway: int, said: dict[str, Any], good: bool) -> None:
    assert isinstance(judged(issuer(leeway_s=leeway), **said), Unfit) is not good


def test_a_claim_that_the_settings_require_has_to_have_one_of_its_values() -> None:
    strict = issuer(require={"hd": ["example.com", "example.org"], "roles": "ai", "beta": "true"})
    good: dict[str, Any] = {"hd": "example.org", "roles": ["x", "ai"], "beta": True}
    assert not isinstance(judged(strict, **good), Unfit)
    for change in ({"hd": "evil.example"}, {"hd": None}, {"roles": ["x"]}, {"beta": False}, {"roles": {"ai": 1}}):
        answer = judged(strict, **{**good, **change})
        assert isinstance(answer, Unfit) and "as the settings require" in answer.message


def test_only_the_types_of_the_settings_are_taken() -> None:
    assert isinstance(judged(kind="logout+jwt"), Unfit)
    assert not isinstance(judged(issuer(token_types=["Logout+JWT"]), kind="logout+jwt"), Unfit)


def test_what_a_stranger_wrote_is_repeated_short_and_harmless() -> None:
    answer = judged(aud="evil\x1b[2J" + "x" * 500)
    assert isinstance(answer, Unfit) and "\x1b" not in answer.message and "x" * 100 not in answer.message


def test_an_audience_is_a_text_or_a_list_of_texts() -> None:
    assert audiences({"aud": "a"}) == ("a",) and audiences({"aud": ["a", "b"]}) == ("a", "b")
    for odd in ({}, {"aud": None}, {"aud": ["a", 1]}, {"aud": {"a": 1}}):
        assert audiences(odd) == ()


def test_a_claim_is_found_by_its_name_or_by_the_way_to_it() -> None:
    nested = {"realm_access": {"roles": ["a"]}, "a.b": 1, "https://x.example/groups": ["g"]}
    assert found(nested, "realm_access.roles") == ["a"] and found(nested, "a.b") == 1
    assert found(nested, "https://x.example/groups") == ["g"] and found(nested, "https://y.example/x.y") is None
    assert found(nested, "realm_access.roles.x") is None and found(nested, "none.at.all") is None


def test_a_person_is_known_by_what_the_settings_say() -> None:
    assert who().user == "alice@example.com"
    assert who(issuer(claims={"user": "sub"})).user == "u-1"
    assert who(issuer(claims={"user": "employee.id"}), employee={"id": "E-7"}).user == "E-7"
    assert who(issuer(claims={"subject": "oid"}), oid="o-1").metadata == {"cf.user_id": "o-1"}


def test_a_claim_that_people_are_to_be_known_by_has_to_be_there() -> None:
    """Whoever asks for a token may leave out scopes, and would have a second budget by their subject."""
    by_email = issuer(claims={"user": "email"})
    assert who(by_email).user == "alice@example.com"
    for said in ({"email": None}, {"email_verified": False}, {"email_verified": None}):
        assert "verified e-mail address" in nobody(by_email, **said)
    assert '"upn"' in nobody(issuer(claims={"user": "upn"}))


@pytest.mark.parametrize(
    ("said", "required", "assumed"),
    [
        ({"email_verified": True}, True, True),
        ({"email_verified": "true"}, True, True),
        ({"email_verified": None}, False, True),
        ({"email_verified": False}, False, False),
        ({"email_verified": "false"}, False, False),
        ({"email_verified": 1}, False, False),
        ({"email_verified": "yes"}, False, False),
        ({"email": "no address"}, False, False),
        ({"email": 7}, False, False),
        ({"email": ["alice@example.com"]}, False, False),
    ],
)
def test_an_address_counts_only_where_it_is_verified(said: dict[str, Any], required: bool, assumed: bool) -> None:
    for by, counts in ((issuer(), required), (issuer(email_verified="assumed"), assumed)):
        person = who(by, **said).person
        assert person is not None and (person.email is not None) is counts


def test_a_subject_that_is_an_address_is_believed_where_addresses_are() -> None:
    assert "e-mail address" in nobody(sub="ceo@example.com", email=None)
    assert who(issuer(email_verified="assumed"), sub="ceo@example.com", email=None).user == "ceo@example.com"
    assert who(issuer(claims={"user": "sub"}), sub="ceo@example.com", email=None).user == "ceo@example.com"


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ({"sub": "bot", "client_id": "bot"}, "bot"),
        ({"sub": "bot", "azp": "bot"}, "bot"),
        ({"sub": "bot@clients", "azp": "bot", "gty": "client-credentials"}, "bot"),
        ({"sub": "0a-1b", "azp": "bot", "idtyp": "app"}, "bot"),
        ({"sub": "0a-1b", "appid": "bot", "idtyp": "app"}, "bot"),
        ({"sub": "bot", "cid": "bot"}, "bot"),
        ({"sub": "", "common_name": "bot.access"}, "bot.access"),
        ({"sub": "0-1", "client_id": "Bot", "preferred_username": "service-account-bot"}, "Bot"),
    ],
)
def test_a_client_that_asks_for_itself_is_a_service(said: dict[str, Any], service: str) -> None:
    identity = who(email=None, name=None, **said)
    assert (identity.kind, identity.service, identity.user) == ("service", service, None)
    assert identity.person is not None and identity.person.client_id == service


@pytest.mark.parametrize(
    "said",
    [
        {"azp": "web"},
        {"client_id": "web"},
        {"client_id": "web", "email": None, "name": None},
        {"azp": "web", "email": None, "name": None, "groups": None},
        {"azp": "web", "preferred_username": "service-account-web", "email": None},
        {"azp": "web", "gty": "password"},
        {"azp": "web", "idtyp": "user"},
    ],
)
def test_a_person_does_not_become_the_client_they_came_by(said: dict[str, Any]) -> None:
    """Whoever leaves out the scopes that name them is still somebody."""
    identity = who(**said)
    assert (identity.kind, identity.service) == ("user", None) and identity.user is not None
    assert identity.person is not None and identity.person.client_id is None


def test_the_settings_may_name_the_claim_that_makes_a_service() -> None:
    by_repository = issuer(claims={"client_id": "repository"})
    workflow = who(by_repository, sub="repo:org/app:ref:refs/heads/main", repository="org/app", email=None, name=None)
    assert (workflow.kind, workflow.service) == ("service", "org/app")
    assert who(by_repository, repository="org/app").kind == "user"


def test_mapped_claims_become_metadata_that_nobody_can_declare() -> None:
    mapped = issuer(claims={"metadata": {"dept": "department", "level": "hr.level", "vip": "vip"}})
    identity = who(mapped, department="R&D", hr={"level": 7}, vip=True)
    assert identity.metadata == {"dept": "R&D", "level": "7", "vip": "true", "cf.user_id": "u-1"}
    # Conditions see it as it is.
    assert identity.person is not None and identity.person.claims == {"dept": "R&D", "level": 7, "vip": True}
    without = who(mapped)
    facts = facts_of(without, "default", {"dept": "declared", "team": "declared"})
    assert "metadata.dept" not in facts
    assert facts["metadata.team"] == Attribute(("declared",), "header")
    assert facts_of(identity, "default", {"dept": "declared"})["metadata.dept"] == Attribute(("R&D",), "token")
    assert not Match("metadata.team", ("declared",)).holds(facts, proven=True)


@pytest.mark.parametrize("odd", [["x"], [], {"name": "x"}, {}])
def test_a_mapped_claim_that_is_no_single_value_is_refused(odd: Any) -> None:
    """Left out, it would take its bearer out of the budgets that go by it."""
    said = nobody(issuer(claims={"metadata": {"dept": "department"}}), department=odd)
    assert '"department"' in said and "claims.metadata.dept" in said


def test_groups_are_a_list_of_texts_or_one_text_each_once() -> None:
    assert who(groups=["b", "a", "b", ""]).groups == ("b", "a")
    assert who(groups="one").groups == ("one",) and who(groups="eng interns").groups == ("eng interns",)
    assert who(groups=[]).groups == who(groups="").groups == ()
    assert groups_in({}, COMPANY) is None and groups_in({"groups": None}, COMPANY) is None
    assert who(issuer(claims={"groups": "realm_access.roles"}), realm_access={"roles": ["r"]}).groups == ("r",)
    assert len(who(groups=[f"g{n}" for n in range(MOST_GROUPS)]).groups) == MOST_GROUPS


@pytest.mark.parametrize(
    "odd",
    [
        {"interns": {}}, {}, [["interns"]], [{"name": "interns"}], [{"id": "interns", "name": "eng"}], ["eng", 1], ["eng", None], 7, 0,
        True, False, [f"g{n}" for n in range(MOST_GROUPS)] + ["interns"],
    ],
)  # fmt: skip
def test_groups_that_cannot_be_read_open_nothing(odd: Any) -> None:
    """Somebody in no group would be out of every rule for one."""
    said = nobody(groups=odd)
    assert 'its claim "groups"' in said and "have the issuer put" in said


def test_groups_whose_way_ends_at_something_else_open_nothing() -> None:
    by_role = issuer(claims={"groups": "realm.access.roles"})
    for odd in (["interns"], "interns", {"access": ["interns"]}, {"access": {"roles": {"interns": 1}}}):
        assert "realm.access.roles" in nobody(by_role, realm=odd)
    for absent in (None, {}, {"access": {}}, {"access": None}):
        assert who(by_role, realm=absent).groups == ()


def test_cloudflares_groups_are_objects_with_a_name() -> None:
    access = issuer(kind="cloudflare_access", issuer="https://acme.cloudflareaccess.com")
    assert groups_in({"groups": [{"name": "n"}, {"id": "i"}, {"email": "e@x"}, "t"]}, access) == ("n", "i", "e@x", "t")
    for odd in ({}, {"name": 7}, {"name": ["n"]}, ["n"]):
        assert isinstance(groups_in({"groups": ["a", odd]}, access), Unfit)


def test_groups_that_are_not_told_are_none_unless_they_are_required() -> None:
    assert who(groups=None).groups == ()
    strict = issuer(claims={"groups_required": True})
    assert who(strict, groups=[]).groups == () and who(strict, groups=["a"]).groups == ("a",)
    assert '"groups"' in nobody(strict, groups=None) and "empty list" in nobody(strict, groups=None)
    assert '"groups"' in nobody(strict, groups=None, sub="bot", client_id="bot", email=None)


def test_a_service_with_more_groups_than_its_token_holds_is_refused() -> None:
    bot = {"sub": "bot", "client_id": "bot", "email": None}
    assert "more groups" in nobody(groups=None, hasgroups=True, **bot)
    assert "more groups" in nobody(groups=None, _claim_names={"groups": "src1"}, **bot)


@pytest.mark.parametrize("email", ["\u212aate@example.com", "bo\u017fs@example.com", "stra\u00dfe@example.com"])
def test_an_address_that_looks_like_another_is_nobodys_but_its_own(email: str) -> None:
    assert who(email=email).user == email
    roles = Administration(
        holders={"owner": Holders(users=frozenset({"kate@example.com", "boss@example.com", "strasse@example.com"}))}
    )
    assert roles.roles_of(who(email=email).user, ()) == frozenset()
    assert who(email="Kate@EXAMPLE.com").user == "kate@example.com"


@pytest.mark.parametrize(
    "email",
    [
        " kate@example.com",
        "kate@example.com ",
        "kate@example.com,b@c.d",
        "a@b@c",
        "kate@",
        "@c",
        "k\u202eate@x.y",
        "kate@x.y\u200b",
    ],
)
def test_a_verified_address_that_is_not_one_persons_is_refused(email: str) -> None:
    assert 'its claim "email" is no address' in nobody(email=email)
    assert 'its claim "email" is no address' in nobody(
        issuer(email_verified="assumed"), email=email, email_verified=None
    )


def test_whether_groups_have_to_be_asked_for() -> None:
    assert groups_elsewhere(claims(), COMPANY) is None
    asked = groups_elsewhere(claims(), issuer(groups_from="userinfo"))
    assert asked is not None and not asked.overage
    for said in ({"hasgroups": True}, {"_claim_names": {"groups": "src1"}}):
        asked = groups_elsewhere(claims(**said), COMPANY)
        assert asked is not None and asked.overage
    for said in ({"hasgroups": "true"}, {"_claim_names": {"other": "src1"}}, {"_claim_names": ["groups"]}):
        assert groups_elsewhere(claims(**said), COMPANY) is None


def test_what_was_told_fills_in_what_the_token_leaves_out_and_no_more() -> None:
    said = {
        "sub": "u-1",
        "groups": ["g"],
        "email": "other@example.com",
        "email_verified": True,
        "name": "Other",
        "picture": "x",
    }
    told = told_of(said, COMPANY)
    assert set(told) == {"groups", "email", "email_verified", "name"}
    alice = who(told=told)
    assert (alice.user, alice.groups) == ("alice@example.com", ("g",))
    assert alice.person is not None and alice.person.name == "Alice"
    assert who(told=told, email=None, email_verified=None).user == "other@example.com"
    # Of the token's own address nobody says that it is verified: what was told is about another one.
    assert who(told=told, email="mine@example.com", email_verified=None).user == "u-1"
    assert who(told={"email": "x@example.com", "groups": []}, email=None, email_verified=True).user == "u-1"
    assert isinstance(identity_of(claims(groups=["of the token"]), COMPANY, NOW + 1, {}), Unfit)
    assert isinstance(identity_of(claims(groups=["of the token"]), COMPANY, NOW + 1, {"groups": {"a": 1}}), Unfit)


def test_what_was_told_has_to_be_about_the_same_person() -> None:
    assert same_person({"sub": "u-1"}, {"sub": "u-1"}, COMPANY)
    for said in ({"sub": "u-2"}, {}, {"user_uuid": "u-1"}):
        assert not same_person({"sub": "u-1"}, said, COMPANY)
    assert not same_person({"sub": ""}, {"sub": ""}, COMPANY)
    access = issuer(kind="cloudflare_access", issuer="https://acme.cloudflareaccess.com")
    assert same_person({"sub": "u-1"}, {"user_uuid": "u-1"}, access)
    assert not same_person({"sub": "u-1"}, {"sub": "u-1"}, access)


def test_a_country_is_two_letters() -> None:
    for value, shown in (("us", "US"), ("DE", "DE"), ("USA", None), ("1x", None), (7, None), ("ÄÖ", None)):
        person = who(country=value).person
        assert person is not None and person.country == shown


def test_the_settings_of_the_issuer_come_with_the_identity() -> None:
    identity = who(issuer(gateways=["prod"], priority="batch"))
    assert (identity.gateways, identity.priority, identity.source, identity.custom_cost) == (
        ("prod",), "batch", "token", False,
    )  # fmt: skip
    assert identity.person is not None and identity.person.expires_at == NOW + 1


@pytest.mark.parametrize("kind", ["oidc", "cloudflare_access"])
@pytest.mark.parametrize(
    "said",
    [
        {"email": "alice@example.com"},
        {"preferred_username": "alice"},
        {"name": "Alice"},
        {"email": "a@b", "email_verified": False},
    ],
)
def test_a_token_that_names_a_person_and_has_no_subject_is_nobodys(kind: Any, said: dict[str, Any]) -> None:
    team = "https://acme.cloudflareaccess.com"
    by = issuer(kind=kind, issuer=team) if kind == "cloudflare_access" else COMPANY
    for subject in (None, ""):
        bare: dict[str, Any] = {"sub": subject, "azp": "web", "email": None, "name": None}
        assert 'its claim "sub" is empty' in nobody(by, **{**bare, **said})
        assert who(by, **bare).service == "web"


def test_the_entry_of_the_settings_that_vouched_is_kept() -> None:
    person = who(issuer(name="robots")).person
    assert person is not None and person.issuer_name == "robots"


def test_a_name_that_the_settings_take_from_another_claim_is_lowered_where_it_is_an_address() -> None:
    by = issuer(claims={"user": "upn"})
    assert who(by, upn="Alice@Corp.Example").user == "alice@corp.example"
    assert who(by, upn="CORP-Alice").user == "CORP-Alice"
