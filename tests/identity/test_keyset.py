import json
from typing import Any

import pytest
from made_tokens import b64, jwk, key_set, private_key, token

from tollway.identity.issuer import SAFE_ALGORITHMS
from tollway.identity.jwt import Token, read_token
from tollway.identity.keyset import LARGEST_SET, MOST_KEYS, KeySet, read_keys

ALL = SAFE_ALGORITHMS


def parsed(text: str) -> Token:
    found = read_token(text)
    assert isinstance(found, Token)
    return found


def signed(keys: KeySet, text: str) -> bool:
    one = parsed(text)
    return any(keys.signed(one, key) for key in keys.candidates(one.key_id, one.algorithm))


@pytest.mark.parametrize("algorithm", ALL)
def test_every_algorithm_that_is_allowed_works(algorithm: str) -> None:
    keys = read_keys(key_set(jwk(algorithm, "k"), jwk("RS256", "other")), ALL)
    text = token(algorithm=algorithm, name="k")
    assert signed(keys, text)
    head, body, signature = text.split(".")
    assert not signed(keys, f"{head}.{body}.{signature[:-8]}AAAAAAAA")
    assert not signed(keys, token(algorithm=algorithm, name="k", key=private_key(algorithm, "stranger")))


def test_a_key_without_an_algorithm_is_good_for_those_of_its_kind() -> None:
    (key,) = read_keys(key_set(jwk(alg=None)), ALL).keys
    assert key.algorithms == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    (key,) = read_keys(key_set(jwk(alg=None)), ["RS256", "ES256"]).keys
    assert key.algorithms == {"RS256"}
    (key,) = read_keys(key_set(jwk("ES384", alg=None)), ALL).keys
    assert key.algorithms == {"ES384"}


def test_only_public_members_are_kept() -> None:
    (key,) = read_keys(key_set(jwk(x5c=["MIIB"], note="x", ext=True)), ALL).keys
    assert {name for name, _ in key.members} == {"kty", "n", "e"}


_SMALL = b64((2**1023 + 1).to_bytes(128, "big"))
_HUGE = b64((2**16_383 + 1).to_bytes(2048, "big"))


@pytest.mark.parametrize(
    "bad",
    [
        {"kty": "oct", "k": b64(b"k" * 32), "alg": "HS256"},
        {"kty": "oct", "k": b64(b"k" * 32)},
        jwk(kty="rsa"),
        jwk(kty=None),
        jwk(d=b64(b"private")),
        jwk(use="enc"),
        jwk(key_ops=["sign"]),
        jwk(key_ops="verify"),
        jwk(alg="HS256"),
        jwk(alg="none"),
        jwk(alg="ES256"),
        jwk(alg="RSA-OAEP"),
        jwk(alg=1),
        jwk(kid=1),
        jwk(kid="k" * 257),
        jwk(n=None),
        jwk(n=1),
        jwk(n="!!"),
        jwk(n=_SMALL),
        jwk(n=_HUGE),
        jwk(e=b64(b"\x01")),
        jwk(e=b64(b"\x02")),
        jwk(e=b64(b"\xff" * 64)),
        jwk("ES256", crv="secp256k1", alg=None),
        jwk("ES256", crv="P-384"),
        jwk("ES256", y=b64(b"\x01" * 32)),
        jwk("EdDSA", crv="X25519"),
        jwk("EdDSA", crv="Ed448", alg=None),
        jwk("EdDSA", x=b64(b"short")),
    ],
    # Keys differ from run to run, and names of tests may not.
    ids=map(str, range(29)),
)
def test_a_key_that_cannot_be_used_is_left_out(bad: dict[str, Any]) -> None:
    keys = read_keys(key_set(bad, jwk("RS256", "good")), ALL)
    assert [key.key_id for key in keys.keys] == ["good"]
    with pytest.raises(ValueError, match="none of its 1 keys"):
        read_keys(key_set(bad), ALL)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "cannot be read"),
        (b"<html>", "cannot be read"),
        (b'{"keys":[],"keys":[]}', "twice"),
        (b"[]", "no key set"),
        (b'{"keys":{}}', "no key set"),
        (b'{"keys":[]}', "none of its 0 keys"),
        (b'{"keys":[1,null,"x"]}', "none of its 3 keys"),
        (json.dumps({"keys": [{}] * (MOST_KEYS + 1)}).encode(), "51 keys; 50 are the most"),
        (b'{"keys":[]}' + b" " * LARGEST_SET, "longer than 262,144 bytes"),
    ],
)
def test_what_is_no_key_set_is_refused_as_a_whole(body: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_keys(body, ALL)


def test_a_token_that_names_a_key_is_tried_with_no_other() -> None:
    keys = read_keys(key_set(jwk("RS256", "a"), jwk("RS256", "b")), ALL)
    assert [key.key_id for key in keys.candidates("a", "RS256")] == ["a"]
    assert keys.candidates("c", "RS256") == () and keys.candidates("a", "ES256") == ()
    assert keys.knows("b") and not keys.knows("c") and keys.knows(None)
    assert not signed(keys, token(name="b", key=private_key("RS256", "a")))


def test_a_token_that_names_none_is_tried_with_a_few() -> None:
    keys = read_keys(key_set(*(jwk("ES256", f"k{number}") for number in range(9))), ALL)
    assert len(keys.candidates(None, "ES256")) == 4
    assert signed(keys, token(algorithm="ES256", name="k3", header={"kid": None}))


def test_equal_sets_are_equal() -> None:
    first, second = read_keys(key_set(jwk()), ALL), read_keys(key_set(jwk(), jwk()), ALL)
    assert first == second and first != read_keys(key_set(jwk("ES256")), ALL)
