"""What a route may ask: of a caller, of headers in any case, and of nothing that is a secret."""

import pytest
from tests.routes.routed import facts

from tollway.identity.identity import Identity
from tollway.identity.keys import make_key
from tollway.identity.person import Person
from tollway.routes.facts import ABSENT, PLAIN, RouteFacts, hidden, read_path, wrong

HEADERS = [(b"x-tenant", b"acme"), (b"X-Many", b"a"), (b"x-many", b"b"), (b"authorization", b"Bearer secret")]


def of(identity: Identity, body: bytes = b'{"max_tokens": 5}') -> RouteFacts:
    return RouteFacts.of(identity, "prod", {"plan": "free"}, "dynamic/a", body=body, headers=HEADERS)


def test_a_person_with_a_token_has_every_field() -> None:
    person = Person(subject="sub-1", issuer="https://idp", email="ada@example.com", name="Ada", country="DE")
    asked = of(Identity(kind="user", user="ada", groups=("eng",), key="k", person=person))
    found = {name: asked.value(tuple(name.split("."))) for name in PLAIN}
    assert found == {
        "user.id": "ada",
        "user.email": "ada@example.com",
        "user.groups": ["eng"],
        "user.name": "Ada",
        "key": "k",
        "service": ABSENT,
        "gateway": "prod",
        "model": "dynamic/a",
        "country": "DE",
        "cf.user.id": "sub-1",
        "cf.user.email": "ada@example.com",
        "cf.user.groups": ["eng"],
        "cf.country": "DE",
    }
    assert asked.text("metadata.plan") == "free" and asked.text("body.max_tokens") == "5"


def test_nobody_in_particular_has_no_fields_of_a_person() -> None:
    asked = of(Identity(kind="anonymous"))
    assert all(
        asked.value(tuple(name.split("."))) is ABSENT for name in PLAIN if "user" in name or name in ("key", "country")
    )
    assert of(Identity(kind="service", service="ci")).text("service") == "ci"


def test_headers_are_found_in_any_case_and_credentials_not_at_all() -> None:
    asked = of(Identity(kind="anonymous"))
    assert asked.text("headers.X-TENANT") == "acme" and asked.text("headers.x-many") == "a, b"
    assert asked.value(("headers", "authorization")) is ABSENT
    assert asked.value(("headers",)) == {"x-tenant": "acme", "x-many": "a, b"}
    assert "secret" not in repr(asked.value(("headers",)))


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("body.a", "x"),
        ("body.n", "3"),
        ("body.f", "0.5"),
        ("body.t", "true"),
        ("body.empty", None),
        ("body.null", None),
        ("body.list", None),
        ("body.list.0", "y"),
        ("body.list.1", None),
        ("body.none.deeper", None),
        ("nothing.such", None),
    ],
)
def test_a_key_is_a_single_value_or_none(key: str, found: str | None) -> None:
    body = {"a": "x", "n": 3, "f": 0.5, "t": True, "empty": "", "null": None, "list": ["y"]}
    assert facts(body=body).text(key) == found


def test_text_that_is_none_can_still_name_a_counter() -> None:
    assert facts(body={"user": "\ud800"}).text("body.user") == "\\ud800"


@pytest.mark.parametrize(
    "name",
    [
        "tollway-client-id", "tollway-client-secret", "cf-aig-client-id", "cf-aig-client-secret", "tollway-csrf", "Authorization",
        "CF-Access-Client-Secret",
    ],
)  # fmt: skip
def test_no_route_may_ask_for_a_header_that_holds_a_credential(name: str) -> None:
    found = read_path(f"headers.{name}")
    assert isinstance(found, str) and "holds a credential" in found
    assert RouteFacts(headers=[(name.encode(), b"x")]).value(("headers", name)) is ABSENT


@pytest.mark.parametrize("text", ["{}", "Bearer {}", "%7B{}", "twa_short"])
def test_a_header_with_a_key_in_it_is_no_field_whatever_it_is_called(text: str) -> None:
    key = make_key(lambda count: b"\x5a" * count)
    asked = RouteFacts(headers=[(b"x-own", text.format(key).encode()), (b"x-kept", b"two")])
    assert asked.value(("headers",)) == {"x-kept": "two"}


def test_what_a_caller_is_identified_by_is_hidden_in_whatever_header_it_stands() -> None:
    headers = [(b"X-Id-Token", b"e.y.z"), (b"x-copy", b"Bearer company-key-0123456789"), (b"x-short", b"abc")]
    found = hidden(headers, frozenset({b"x-id-token"}), ["company-key-0123456789", "abc"])
    assert found == [(b"x-short", b"abc")], "what is as short as that is no secret, and may stand in anything"


def test_a_body_is_read_when_it_is_asked_for() -> None:
    assert facts(body=b"{not json").value(("key",)) is ABSENT
    assert facts(body=b"{not json").value(("body", "x")) is ABSENT
    assert RouteFacts(body=b'{"x": 1}').body == {"x": 1}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "is no name of a field"),
        ("a" * 300, "is no name of a field"),
        ("body", ""),
        ("user", '"user" has fields and no value; name one of them, such as user.id.'),
        ("metadata.", "has an empty part"),
        ("body..x", "has an empty part"),
        ("gatewy", 'did you mean "gateway"?'),
        ("userid", 'did you mean "user.id"?'),
        ("plan", 'did you mean "metadata.plan"?'),
        ("zzz.qqq.www", "there are user.id, user.email"),
        ("headers.cookie", "holds a credential"),
        ("headers.CF-Access-Jwt-Assertion", "holds a credential"),
    ],
)
def test_a_name_that_nothing_has_is_told_with_the_nearest(name: str, says: str) -> None:
    found = read_path(name)
    assert (says in found) if isinstance(found, str) else not says


def test_names_of_metadata_may_have_dots() -> None:
    assert read_path("metadata.a.b") == ("metadata", "a.b") and read_path("body.a.b") == ("body", "a", "b")
    assert wrong(("metadata", "a.b")) is None and wrong(("metadata", "a", "b")) is not None
