import secrets
from typing import Any

import msgspec
import pytest
import world
from fake_issuer import trusted
from made_tokens import claims
from made_tokens import token as made_token

from tollway.exchange.authenticate import authenticate, carries_token
from tollway.exchange.refusal import Refusal
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.identity.keys import Key, digest, make_key
from tollway.request import Credential
from tollway.snapshot import Snapshot

OTHER = "another-key-of-bob"


def key(name: str, secret: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "secret": secret, "user": f"{name}@example.com", **fields}


def asked(*secrets: str, snapshot: Any = None, **fields: Any) -> Identity | Refusal:
    credentials = tuple(Credential(b"authorization", secret) for secret in secrets)
    return authenticate(world.request(credentials=credentials, **fields), snapshot or world.snapshot())


def refused(*secrets: str, **fields: Any) -> Refusal:
    answer = asked(*secrets, **fields)
    assert isinstance(answer, Refusal)
    return answer


def test_a_known_key_opens_the_gateway() -> None:
    identity = asked(world.KEY)
    assert isinstance(identity, Identity)
    assert (identity.kind, identity.user, identity.key, identity.groups) == (
        "user",
        "alice@example.com",
        "alice",
        ("eng",),
    )


def test_no_key_is_told_from_a_wrong_one() -> None:
    assert refused().code == "credential_missing"
    unknown = refused("not-a-key")
    assert unknown.code == "credential_unknown" and "not-a-key" not in unknown.message


def test_the_first_key_that_opens_counts() -> None:
    snapshot = world.snapshot(keys=[key("alice", world.KEY), key("bob", OTHER, enabled=False)])
    for sent in ((OTHER, world.KEY), (world.KEY, OTHER), ("not-a-key", world.KEY)):
        identity = asked(*sent, snapshot=snapshot)
        assert isinstance(identity, Identity) and identity.user == "alice@example.com"


def test_why_a_known_key_does_not_open_is_said_though_an_unknown_one_follows() -> None:
    snapshot = world.snapshot(keys=[key("bob", OTHER, enabled=False)])
    answer = refused(OTHER, "not-a-key", snapshot=snapshot)
    assert (answer.code, answer.rule) == ("credential_unknown", "bob") and "switched off" in answer.message


@pytest.mark.parametrize(("at", "code"), [(-1, ""), (0, "credential_expired"), (1, "credential_expired")])
def test_a_key_ends_at_its_instant(at: int, code: str) -> None:
    snapshot = world.snapshot(keys=[key("bob", OTHER, expires_at="2026-07-01T00:00:00Z")])
    answer = asked(OTHER, snapshot=snapshot, received_at=1_782_864_000_000 + at)
    assert (answer.code if isinstance(answer, Refusal) else "") == code


def test_a_key_of_some_gateways_opens_no_other() -> None:
    snapshot = world.snapshot(gateways=[{"slug": "prod"}], keys=[key("bob", OTHER, gateways=["prod"])])
    assert isinstance(asked(OTHER, snapshot=snapshot, gateway="prod"), Identity)
    answer = refused(OTHER, snapshot=snapshot)
    assert answer.code == "credential_unknown" and '"default"' in answer.message


def issued_world(**fields: Any) -> tuple[str, Any]:
    """A secret that was issued, and the settings it opens."""
    secret = make_key(secrets.token_bytes)
    snapshot = world.snapshot()
    snapshot.issued.put(Key(name="ci", digest=digest(secret, snapshot.pepper), service="ci", **fields))
    return secret, snapshot


def test_an_issued_key_opens_until_it_is_dropped() -> None:
    secret, snapshot = issued_world(models=("openai/*",))
    identity = asked(secret, snapshot=snapshot)
    assert isinstance(identity, Identity)
    assert (identity.kind, identity.service, identity.key, identity.models) == ("service", "ci", "ci", ("openai/*",))
    snapshot.issued.drop(digest(secret, snapshot.pepper))
    assert refused(secret, snapshot=snapshot).code == "credential_unknown"


def test_the_checksum_is_looked_at_before_anything_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, snapshot = issued_world()
    looked_up: list[str] = []
    monkeypatch.setattr(Snapshot, "key", lambda _, secret: looked_up.append(secret))
    asked(secret[:-1] + ("0" if secret[-1] != "0" else "1"), snapshot=snapshot)
    asked(secret[:-1], snapshot=snapshot)
    assert looked_up == []
    asked(secret, snapshot=snapshot)
    assert looked_up == [secret]


@pytest.mark.parametrize(
    ("client", "opens"), [(None, True), ("abc.tollway", True), ("abd.tollway", False), ("", False)]
)
def test_a_client_id_has_to_be_the_one_of_the_secret(client: str | None, opens: bool) -> None:
    secret, snapshot = issued_world(client_id="abc.tollway")
    credentials = (Credential(b"cf-access-client-secret", secret, client),)
    answer = authenticate(world.request(credentials=credentials), snapshot)
    assert isinstance(answer, Identity) == opens


def test_a_key_of_the_settings_is_no_service_token() -> None:
    credentials = (Credential(b"tollway-client-secret", world.KEY, ""),)
    assert isinstance(authenticate(world.request(credentials=credentials), world.snapshot()), Refusal)


@pytest.mark.parametrize(
    ("peer", "code"), [("10.1.1.1", ""), ("9.1.1.1", "address_not_allowed"), ("", "address_not_allowed")]
)
def test_a_key_of_some_networks_opens_from_nowhere_else(peer: str, code: str) -> None:
    secret, snapshot = issued_world(addresses=("10.0.0.0/8",))
    answer = asked(secret, snapshot=snapshot, peer=peer)
    assert (answer.code if isinstance(answer, Refusal) else "") == code


def test_who_claims_to_be_somebody_is_not_taken_for_nobody_on_an_open_gateway() -> None:
    snapshot = world.snapshot(gateways=[{"slug": "default", "authentication": "none"}])
    assert refused(make_key(secrets.token_bytes), snapshot=snapshot).code == "credential_unknown"
    assert refused("tw_0123456789ab_cut", snapshot=snapshot).code == "credential_unknown"
    credentials = (Credential(b"authorization", "some-secret", "some-client"),)
    assert isinstance(authenticate(world.request(credentials=credentials), snapshot), Refusal)


def test_a_gateway_that_is_not_there_is_no_way_in() -> None:
    assert refused(world.KEY, gateway="nope").code == "gateway_unknown"


def test_an_open_gateway_takes_anyone_in_and_still_knows_a_good_key() -> None:
    snapshot = world.snapshot(gateways=[{"slug": "default", "authentication": "none"}])
    assert asked(snapshot=snapshot) is ANONYMOUS
    assert asked("sk-a-providers-own-key", snapshot=snapshot) is ANONYMOUS
    identity = asked("sk-a-providers-own-key", world.KEY, snapshot=snapshot)
    assert isinstance(identity, Identity) and identity.user == "alice@example.com"


TOKEN = made_token()
PERSON = Identity(kind="user", user="alice@example.com", source="token")
EXPIRED = Refusal(code="credential_expired", message="The token has expired.", rule="company")


def with_issuers(authentication: str = "required", **fields: Any) -> Any:
    snapshot = world.snapshot(gateways=[{"slug": "default", "authentication": authentication}, {"slug": "prod"}])
    return msgspec.structs.replace(snapshot, issuers=trusted(fields))


def by_token(tokens: dict[str, Identity | Refusal], *secrets: str, snapshot: Any = None, **fields: Any) -> Any:
    credentials = tuple(Credential(b"authorization", secret) for secret in secrets or (TOKEN,))
    request = world.request(credentials=credentials, **fields)
    return authenticate(request, with_issuers() if snapshot is None else snapshot, tokens)


def test_what_a_token_proves_is_who_is_asking() -> None:
    assert by_token({TOKEN: PERSON}) is PERSON
    assert by_token({TOKEN: EXPIRED}) is EXPIRED


@pytest.mark.parametrize("authentication", ["required", "none"])
def test_a_token_that_was_not_checked_opens_nothing_not_even_an_open_gateway(authentication: str) -> None:
    for tokens in ({}, {"another": PERSON}, {TOKEN[:-1]: PERSON}):
        answer = by_token(tokens, snapshot=with_issuers(authentication))
        assert isinstance(answer, Refusal) and answer.status == 503
    assert by_token({TOKEN: EXPIRED}, snapshot=with_issuers(authentication)) is EXPIRED


def test_a_token_of_nobody_known_is_refused_and_an_open_gateway_takes_its_bearer_for_nobody() -> None:
    stranger = made_token(claims(iss="https://elsewhere.example"))
    answer = by_token({}, stranger)
    assert isinstance(answer, Refusal) and answer.code == "credential_unknown" and '"company"' in answer.message
    assert by_token({}, stranger, snapshot=with_issuers("none")) is ANONYMOUS
    assert by_token({}, snapshot=world.snapshot()).code == "credential_unknown"


def test_a_good_key_or_token_opens_whatever_else_was_sent() -> None:
    assert by_token({TOKEN: EXPIRED}, TOKEN, world.KEY).user == "alice@example.com"
    assert by_token({TOKEN: PERSON}, "nobody's", TOKEN) is PERSON
    assert by_token({TOKEN: EXPIRED}, TOKEN, "nobody's") is EXPIRED


def test_a_token_opens_the_gateways_of_its_issuer_only() -> None:
    limited = msgspec.structs.replace(PERSON, gateways=("prod",))
    assert by_token({TOKEN: limited}, gateway="prod") is limited
    answer = by_token({TOKEN: limited})
    assert (
        isinstance(answer, Refusal) and answer.code == "credential_unknown" and '"default", only prod' in answer.message
    )


def test_whether_a_token_has_to_be_asked_about_is_told_from_its_shape() -> None:
    snapshot = with_issuers()
    for secret, carries in ((TOKEN, True), (world.KEY, False), ("sk-provider", False)):
        request = world.request(credentials=(Credential(b"authorization", secret),))
        assert carries_token(request, snapshot) is carries
        assert not carries_token(request, world.snapshot())


@pytest.mark.parametrize("prefix", ["tw_", "twa_", "twr_", "twd_", "twc_", "twadmin_"])
def test_an_open_gateway_takes_nobody_in_as_nobody_who_shows_a_token_of_ours_that_has_ended(prefix: str) -> None:
    snapshot = world.snapshot(gateways=[{"slug": "default", "authentication": "none"}])
    assert asked("sk-a-providers-own-key", snapshot=snapshot) == ANONYMOUS
    assert refused(prefix + "0" * 49, snapshot=snapshot).code == "credential_unknown"
    assert refused("sk-a-providers-own-key", prefix + "0" * 49, snapshot=snapshot).code == "credential_unknown"
