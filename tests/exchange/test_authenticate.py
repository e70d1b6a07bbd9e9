from typing import Any

import pytest
import world

from tollway.exchange.authenticate import authenticate
from tollway.exchange.refusal import Refusal
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.request import Credential

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
    for secrets in ((OTHER, world.KEY), (world.KEY, OTHER), ("not-a-key", world.KEY)):
        identity = asked(*secrets, snapshot=snapshot)
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


def test_a_gateway_that_is_not_there_is_no_way_in() -> None:
    assert refused(world.KEY, gateway="nope").code == "gateway_unknown"


def test_an_open_gateway_takes_anyone_in_and_still_knows_a_good_key() -> None:
    snapshot = world.snapshot(gateways=[{"slug": "default", "authentication": "none"}])
    assert asked(snapshot=snapshot) is ANONYMOUS
    assert asked("sk-a-providers-own-key", snapshot=snapshot) is ANONYMOUS
    identity = asked("sk-a-providers-own-key", world.KEY, snapshot=snapshot)
    assert isinstance(identity, Identity) and identity.user == "alice@example.com"
