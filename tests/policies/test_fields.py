"""What conditions may speak of, and that nothing a caller declares stands among what is proven."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.identity import ANONYMOUS, Identity
from tollway.identity.person import Person
from tollway.policies.fields import FIELDS, field_of, is_map, nearest, value_at, values_of

PERSON = Person(
    issuer="https://idp.example.com",
    subject="00u1",
    email="ann@example.com",
    name="Ann",
    country="DE",
    claims={"grade": 7, "org": {"team": "ml"}},
)
ANN = Identity(kind="user", user="ann", groups=("eng",), metadata={"team": "ml"}, source="token", person=PERSON)


def test_a_token_gives_every_field_of_a_person() -> None:
    values = values_of(ANN, "default", {"team": "ml", "env": "test"})
    known = {
        "cf.user.id": "00u1",
        "cf.user.email": "ann@example.com",
        "cf.user.groups": ["eng"],
        "cf.country": "DE",
        "cf.custom.grade": 7,
        "cf.custom.org.team": "ml",
        "cf.custom.team": "ml",
        "metadata.env": "test",
        "metadata.team": "ml",
        "verified.metadata.team": "ml",
        "user": "ann",
        "email": "ann@example.com",
        "groups": ["eng"],
        "identity.name": "Ann",
        "identity.subject": "00u1",
        "identity.issuer": "https://idp.example.com",
        "identity.country": "DE",
        "gateway": "default",
    }
    assert {name: value_at(values, tuple(name.split("."))) for name in known} == known
    absent = ("cf.service", "service", "key", "verified.metadata.env", "identity.client_id", "model", "cf.custom.nope")
    assert [value_at(values, tuple(name.split("."))) for name in absent] == [None] * len(absent)


def test_a_keys_user_is_its_id_and_its_address_where_it_is_one() -> None:
    key = Identity(kind="user", user="bob@example.com", key="bobs laptop", metadata={"team": "ml"})
    values = values_of(key, "default", {})
    assert value_at(values, ("cf", "user", "id")) == "bob@example.com"
    assert value_at(values, ("cf", "user", "email")) == "bob@example.com"
    assert value_at(values, ("key",)) == "bobs laptop"
    assert value_at(values, ("cf", "custom", "team")) == "ml"
    plain = values_of(Identity(kind="user", user="bob", key="k"), "default", {})
    assert value_at(plain, ("cf", "user", "email")) is None


def test_a_tokens_unverified_address_is_no_address() -> None:
    person = Person(issuer="i", subject="s")
    token = Identity(kind="user", user="mallory@example.com", source="token", person=person)
    assert value_at(values_of(token, "default", {}), ("cf", "user", "email")) is None


def test_a_service_has_a_name_and_no_user() -> None:
    person = Person(issuer="i", subject="client-1", client_id="client-1")
    service = Identity(kind="service", service="nightly-ci", source="token", person=person)
    values = values_of(service, "default", {})
    assert value_at(values, ("cf", "service")) == value_at(values, ("service",)) == "nightly-ci"
    assert value_at(values, ("identity", "client_id")) == "client-1"
    assert [value_at(values, ("cf", "user", part)) for part in ("id", "email", "groups")] == [None, None, None]


def test_nobody_in_particular_has_nothing_but_a_gateway() -> None:
    values = values_of(ANONYMOUS, "default", {})
    assert [field.name for field in FIELDS if value_at(values, tuple(field.name.split("."))) is not None] == ["gateway"]


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=20), max_size=5))
def test_whatever_is_declared_changes_nothing_outside_metadata(declared: dict[str, str]) -> None:
    with_it, without = (values_of(ANN, "default", metadata) for metadata in (declared, {}))
    with_it.pop("metadata")
    without.pop("metadata")
    assert with_it == without


@pytest.mark.parametrize("name", [field.name.replace("<name>", "anything") for field in FIELDS])
def test_every_row_of_the_table_can_be_named(name: str) -> None:
    path = tuple(name.split("."))
    assert field_of(path) is not None
    assert all(is_map(path[:depth]) for depth in range(1, len(path)))


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("cf.user.emial", "cf.user.email"),
        ("cf.groups", "groups"),
        ("user.email", "cf.user.email"),
        ("meta.team", "metadata.team"),
        ("identity.mail", "identity.email"),
        ("zzzz", None),
    ],
)
def test_a_wrong_name_is_told_the_nearest(wrong: str, meant: str | None) -> None:
    path = tuple(wrong.split("."))
    assert field_of(path) is None
    assert nearest(path) == meant
