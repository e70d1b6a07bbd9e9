"""What may become of an issued key."""

from typing import Any

import msgspec
import pytest

from tollway.identity.authority import (
    LONGEST_GRACE_MS,
    MOST_SECRETS,
    TOLD_MS,
    IssuedKey,
    as_known,
    digests_of,
    keys_of,
    lean,
    revoked,
    rotated,
    state_of,
)
from tollway.identity.person import Person

NOW = 1_790_000_000_000


def record(**fields: Any) -> IssuedKey:
    given: dict[str, Any] = {"id": "abcdefghij01", "kind": "key", "name": "ci", "created_at": NOW, "created_by": "ann"}
    return rotated(IssuedKey(**(given | fields)), b"first", now=NOW, grace_ms=0, by="ann")


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "active"),
        ({"enabled": False}, "disabled"),
        ({"expires_at": NOW + 1}, "active"),
        ({"expires_at": NOW, "enabled": False}, "expired"),
        ({"revoked_at": NOW, "expires_at": NOW}, "revoked"),
    ],
)
def test_the_state_is_the_most_final_thing_that_is_true(fields: dict[str, Any], state: str) -> None:
    assert state_of(msgspec.structs.replace(record(), **fields), NOW) == state


def test_a_key_carries_everything_that_was_set_for_it() -> None:
    fields: dict[str, Any] = {
        "user": "ann@example.com", "groups": ("eng",), "metadata": {"team": "ml"}, "gateways": ("prod",),
        "models": ("openai/*",), "addresses": ("10.0.0.0/8",), "priority": "production", "custom_cost": True,
        "enabled": False, "expires_at": NOW + 5,
    }  # fmt: skip
    (key,) = keys_of(record(**fields), NOW)
    assert {name: getattr(key, name) for name in fields} == fields
    assert (key.name, key.id, key.digest, key.client_id) == ("ci", "abcdefghij01", b"first", "")


def test_only_a_service_token_has_a_client_id() -> None:
    (key,) = keys_of(record(kind="service_token", service="ci"), NOW)
    assert (key.client_id, key.service) == ("abcdefghij01.tollway", "ci")


def test_a_rotation_leaves_the_old_secret_its_grace_and_the_new_one_the_keys_life() -> None:
    both = keys_of(rotated(record(expires_at=NOW + 90), b"second", now=NOW + 10, grace_ms=50, by="bob"), NOW + 10)
    assert [(key.digest, key.expires_at) for key in both] == [(b"second", NOW + 90), (b"first", NOW + 60)]


def test_the_grace_does_not_outlast_the_key() -> None:
    both = keys_of(rotated(record(expires_at=NOW + 20), b"second", now=NOW + 10, grace_ms=50, by="bob"), NOW + 10)
    assert {key.expires_at for key in both} == {NOW + 20}


def test_a_rotation_without_grace_leaves_nothing_of_the_old_secret() -> None:
    after = rotated(record(), b"second", now=NOW + 1, grace_ms=0, by="bob")
    assert digests_of(after) == (b"second",) and after.previous_ends_at == NOW + 1
    assert [secret.made_by for secret in after.secrets] == ["bob", "ann"]


def test_a_second_rotation_shortens_what_the_first_one_left_and_never_lengthens_it() -> None:
    first = rotated(record(), b"second", now=NOW, grace_ms=100, by="a")
    longer = rotated(first, b"third", now=NOW + 10, grace_ms=LONGEST_GRACE_MS, by="a")
    assert [secret.ends_at for secret in longer.secrets] == [None, NOW + 10 + LONGEST_GRACE_MS, NOW + 100]
    at_once = rotated(longer, b"fourth", now=NOW + 20, grace_ms=0, by="a")
    assert digests_of(at_once) == (b"fourth",)


def test_what_ended_long_ago_is_not_loaded_and_what_ended_just_now_is_told() -> None:
    expired = record(expires_at=NOW + 5)
    assert keys_of(expired, NOW + 5 + TOLD_MS - 1) and not keys_of(expired, NOW + 5 + TOLD_MS)


def test_a_revoked_key_keeps_its_history_and_none_of_its_digests() -> None:
    after = revoked(rotated(record(), b"second", now=NOW + 1, grace_ms=500, by="bob"), now=NOW + 2, by="eve")
    assert (after.revoked_at, after.revoked_by, digests_of(after), keys_of(after, NOW)) == (NOW + 2, "eve", (), ())
    assert [secret.ends_at for secret in after.secrets] == [NOW + 2, NOW + 2]
    assert revoked(after, now=NOW + 9, by="ann") is after


def test_only_what_has_ended_is_forgotten_of_many_rotations() -> None:
    found = record()
    for n in range(MOST_SECRETS + 20):
        found = rotated(found, b"%d" % n, now=NOW + n, grace_ms=0, by="a")
    assert len(found.secrets) == MOST_SECRETS and found.secrets[0].digest == b"%d" % (MOST_SECRETS + 19)
    for n in range(MOST_SECRETS + 20):
        found = rotated(found, b"again %d" % n, now=NOW + 100 + n, grace_ms=LONGEST_GRACE_MS, by="a")
    # All of them open, the last of the others too, so none may be forgotten.
    assert len(digests_of(found)) == MOST_SECRETS + 21


def test_what_has_ended_cannot_be_rotated() -> None:
    with pytest.raises(AssertionError):
        rotated(revoked(record(), now=NOW, by="a"), b"x", now=NOW, grace_ms=0, by="a")


def test_a_record_reads_back_from_json() -> None:
    person = Person(issuer="https://idp", subject="a", claims={"department": ["rd"]})
    proves: dict[str, Any] = {"person": person, "proven_only": frozenset({"department"}), "own": True}
    of_somebody = record(metadata={"team": "ml"}, models=("a/*",), **proves)
    kept = rotated(of_somebody, b"\x00\xff", now=NOW, grace_ms=9, by="a")
    (key, _) = keys_of(kept, NOW)
    assert (key.person, key.proven_only) == (person, {"department"})
    assert msgspec.json.decode(msgspec.json.encode(kept), type=IssuedKey) == kept


def test_what_many_keys_say_alike_is_in_memory_once() -> None:
    shared: dict[Any, Any] = {}
    one, other = (
        msgspec.json.decode(
            msgspec.json.encode(record(user="a" * 40, owner="a" * 40, groups=("eng",), metadata={"team": "ml"})),
            type=IssuedKey,
        )
        for _ in range(2)
    )
    first, second = lean(one, shared), lean(other, shared)
    assert first == one and second == other
    assert first.groups is second.groups and first.metadata is second.metadata and first.owner is first.user
    bare = record()
    assert lean(bare, shared) == lean(bare, {}) == bare


def test_a_record_that_was_kept_before_addresses_were_lowered_names_whom_tokens_name() -> None:
    old = IssuedKey(id="1", kind="key", name="k", user="Alice@X.com", owner="B@X.com", created_at=0, created_by="ann")
    new = as_known(old)
    assert (new.user, new.owner) == ("alice@x.com", "b@x.com")
    assert as_known(new) is new
    nobodys = IssuedKey(id="1", kind="key", name="K@X.com", service="CI@x", created_at=0, created_by="ann")
    assert as_known(nobodys) is nobodys
