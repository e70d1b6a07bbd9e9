"""What may be asked of a key, and how what may not is told."""

from typing import Any

import msgspec
import pytest
from pydantic import ValidationError
from tests.exchange import world

from tollway.admin.key_asked import (
    KeyAsked,
    KeyChange,
    RotationAsked,
    ServiceTokenAsked,
    changed,
    key_of,
    service_token_of,
)
from tollway.admin.problem import Problem
from tollway.identity.authority import IssuedKey

NOW = world.NOW
SNAPSHOT = world.snapshot(gateways=[{"slug": "prod"}])


def asked(**fields: Any) -> IssuedKey:
    return key_of(KeyAsked.model_validate({"name": "ci"} | fields), SNAPSHOT, now=NOW, by="ann")


def told(**fields: Any) -> str:
    with pytest.raises(Problem) as problem:
        asked(**fields)
    assert (problem.value.status, problem.value.code) == (400, "body_invalid")
    return problem.value.detail


def test_a_key_has_what_was_asked_for_and_the_defaults_of_the_rest() -> None:
    plain = asked()
    assert (plain.kind, plain.user, plain.owner, plain.models, plain.priority) == ("key", None, None, (), "standard")
    full = asked(
        user="a@x", owner="b@x", team="ml", project="p", groups=["g", "g"], metadata={"n": 2.5, "b": True, "s": "t"},
        gateways=["prod"], models=["openai/*"], addresses=["10.0.0.0/8", "192.0.2.1"], priority="batch", custom_cost=True,
        enabled=False, expires_in="2h", note="why",
    )  # fmt: skip
    assert (full.owner, full.groups, full.gateways, full.models) == ("b@x", ("g",), ("prod",), ("openai/*",))
    assert full.metadata == {"n": "2.5", "b": "true", "s": "t", "team": "ml", "project": "p"}
    assert full.addresses == ("10.0.0.0/8", "192.0.2.1/32") and full.expires_at == NOW + 7_200_000
    assert (full.priority, full.custom_cost, full.enabled, full.note) == ("batch", True, False, "why")


@pytest.mark.parametrize("grace", [True, False, "1", 1.5, -1, None])
def test_a_grace_is_a_whole_number_of_seconds(grace: Any) -> None:
    with pytest.raises(ValidationError):
        RotationAsked.model_validate({"grace_s": grace})


def test_the_owner_of_a_persons_key_is_that_person() -> None:
    assert asked(user="a@x").owner == "a@x"


def test_a_service_token_is_the_service_of_its_name() -> None:
    made = service_token_of(ServiceTokenAsked(name="agent", team="ml"), SNAPSHOT, now=NOW, by="ann")  # type: ignore[call-arg]
    assert (made.kind, made.service, made.metadata) == ("service_token", "agent", {"team": "ml"})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"user": "a", "service": "b"}, "user:"),
        ({"name": "a/b"}, "name:"),
        ({"name": " a"}, "name:"),
        ({"name": "a\nb"}, "name:"),
        ({"owner": "a\tb"}, "owner:"),
        ({"groups": [""]}, "groups:"),
        ({"models": ["x" * 257]}, "models:"),
        ({"gateways": ["nope"]}, "default, prod"),
        ({"addresses": ["office"]}, "10.0.0.0/8"),
        ({"metadata": {"cf.user": "x"}}, "metadata:"),
        ({"metadata": {"": "x"}}, "metadata:"),
        ({"metadata": {"a": "x" * 1025}}, "metadata.a:"),
        ({"metadata": {"team": "a"}, "team": "b"}, "team:"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "revoke it"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "within"),
        ({"expires_in": "soon"}, "90d"),
        ({"expires_in": "0d"}, "90d"),
        ({"expires_in": "999999w"}, "within"),
        ({"expires_in": "1d", "expires_at": "2027-01-01T00:00:00Z"}, "either"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(fields: dict[str, Any], said: str) -> None:
    assert said in told(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"nope": 1},
        {"name": ""},
        {"name": "x" * 129},
        {"priority": "vip"},
        {"expires_at": "2027-01-01"},
        {"enabled": None},
    ],
)
def test_what_has_the_wrong_shape_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KeyAsked.model_validate({"name": "ci"} | fields)


def test_a_change_leaves_what_it_does_not_name() -> None:
    before = asked(user="a@x", team="ml", metadata={"x": "1"}, models=["a/*"], expires_in="1d")
    assert changed(before, KeyChange.model_validate({}), SNAPSHOT, NOW) == before
    after = changed(before, KeyChange.model_validate({"team": None, "expires_at": None, "models": []}), SNAPSHOT, NOW)
    assert (after.metadata, after.expires_at, after.models, after.user) == ({"x": "1"}, None, (), "a@x")
    again = changed(after, KeyChange.model_validate({"metadata": {"y": "2"}}), SNAPSHOT, NOW)
    assert again.metadata == {"y": "2"}


@pytest.mark.parametrize("field", ["name", "user", "service", "id"])
def test_what_a_key_is_cannot_be_changed(field: str) -> None:
    with pytest.raises(ValidationError):
        KeyChange.model_validate({field: "other"})


def test_a_grace_is_a_day_unless_it_is_said_and_never_above_thirty() -> None:
    assert RotationAsked.model_validate({}).grace_s == 86_400
    for wrong in (-1, 30 * 86_400 + 1):
        with pytest.raises(ValidationError):
            RotationAsked(grace_s=wrong)


def test_whose_a_key_is_is_said_as_tokens_say_it() -> None:
    made = asked(user="Alice@Example.com")
    assert (made.user, made.owner) == ("alice@example.com", "alice@example.com")
    assert asked(user="00uAbC", owner="Boss@Example.com").owner == "boss@example.com"
    assert asked(user="00uAbC").user == "00uAbC", "subjects may differ in case alone"
    assert asked(service="CI", owner="The Team").owner == "The Team"


@pytest.mark.parametrize("name", ["login:bob@example.com", "Login:x"])
def test_no_key_and_no_service_token_is_called_like_a_login(name: str) -> None:
    assert "login:" in told(name=name)
    with pytest.raises(Problem, match="login:"):
        service_token_of(ServiceTokenAsked(name=name), SNAPSHOT, now=NOW, by="ann")


def test_what_an_identity_provider_proved_of_a_keys_owner_stands_in_no_changes_way() -> None:
    own = msgspec.structs.replace(asked(user="u"), own=True, metadata={"cf.user_id": "a1", "department": "rd"})
    team = changed(own, KeyChange(team="ml"), SNAPSHOT, NOW)
    assert team.metadata == {"cf.user_id": "a1", "department": "rd", "team": "ml"}
    again = changed(own, KeyChange(metadata={"cf.user_id": "a1", "x": "y"}), SNAPSHOT, NOW)
    assert again.metadata == {"cf.user_id": "a1", "x": "y"}
    for said in ({"cf.user_id": "another"}, {"cf.else": "a1"}):
        with pytest.raises(Problem, match="metadata"):
            changed(own, KeyChange(metadata=said), SNAPSHOT, NOW)
