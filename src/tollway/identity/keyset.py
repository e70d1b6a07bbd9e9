"""The public keys of an issuer (RFC 7517), and whether one of them made a signature.

Only keys that can check what only the issuer can sign are kept: a shared secret in the set, or a private key, is left
out, and so is one that is too weak or too large to be used.
"""

import base64
import binascii
from collections.abc import Collection
from typing import Any, cast

import msgspec

from tollway.identity.issuer import SAFE_ALGORITHMS
from tollway.identity.jwt import LONGEST_KEY_ID, Token, strict_json

LARGEST_SET = 256 * 1024
MOST_KEYS = 50
MOST_TRIED = 4
"""Keys that are tried for a token that does not name its own."""
_RSA_BITS = range(2_048, 8_193)
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


class PublicKey(msgspec.Struct, frozen=True):
    """One key: its name in the set, what it may check, and its public members alone."""

    key_id: str | None
    algorithms: frozenset[str]
    members: tuple[tuple[str, str], ...]


class KeySet:
    """The usable keys of an issuer."""

    __slots__ = ("_made", "keys")

    def __init__(self, keys: Collection[PublicKey]) -> None:
        self.keys = tuple(keys)
        self._made: dict[PublicKey, Any] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeySet) and self.keys == other.keys

    __hash__ = None  # type: ignore[assignment]

    def candidates(self, key_id: str | None, algorithm: str) -> tuple[PublicKey, ...]:
        """The keys that may have made a signature: those of that name, or a few where the token names none."""
        found = [key for key in self.keys if algorithm in key.algorithms and key_id in (None, key.key_id)]
        return tuple(found[:MOST_TRIED])

    def knows(self, key_id: str | None) -> bool:
        """Whether there is a key of that name, whatever it may be used for."""
        return key_id is None or any(key.key_id == key_id for key in self.keys)

    def signed(self, token: Token, key: PublicKey) -> bool:
        """Whether `key` made the signature of `token`, by the token's algorithm."""
        from joserfc import errors
        from joserfc.jwk import JWKRegistry
        from joserfc.jws import JWSRegistry

        if token.algorithm not in key.algorithms:
            return False
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = JWKRegistry.import_key(dict(key.members))
        # What the header may say was judged before (jwt.py). RFC 9864: EdDSA is the older name of Ed25519 with such a key.
        checks = JWSRegistry.algorithms["Ed25519" if token.algorithm == "EdDSA" else token.algorithm]
        try:
            checks.check_key(made)
            return checks.verify(token.signed, token.signature, made)
        except (errors.JoseError, ValueError):
            return False


def read_keys(body: bytes, allowed: Collection[str]) -> KeySet:
    """The keys in a JWK set that check a signature by one of the `allowed` algorithms. Raises ValueError saying what is
    wrong with the set as a whole; a key that cannot be used is left out."""
    if len(body) > LARGEST_SET:
        raise ValueError(f"the key set is longer than {LARGEST_SET:,} bytes")
    try:
        found = strict_json(body)
    except ValueError as error:
        raise ValueError(f"the key set cannot be read: {error}") from None
    listed = cast(dict[str, Any], found).get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise ValueError('what was answered is no key set: an object with a list "keys"')
    written = cast(list[object], listed)
    if len(written) > MOST_KEYS:
        raise ValueError(f"the key set has {len(written)} keys; {MOST_KEYS} are the most")
    keys = [key for one in written if isinstance(one, dict) and (key := _key(cast(dict[str, Any], one), allowed))]
    if not keys:
        raise ValueError(
            f"none of its {len(written)} keys is a public one for {', '.join(sorted(allowed))}; look at the issuer's algorithms"
        )
    return KeySet(dict.fromkeys(keys))


def _key(jwk: dict[str, Any], allowed: Collection[str]) -> PublicKey | None:
    kind, key_id, own = jwk.get("kty"), jwk.get("kid"), jwk.get("alg")
    names = _PUBLIC.get(kind) if isinstance(kind, str) else None
    # RFC 7518, 6: "d" and "k" are what nobody but the owner may know. Who publishes them has lost the key.
    if names is None or "d" in jwk or "k" in jwk:
        return None
    if key_id is not None and (not isinstance(key_id, str) or len(key_id.encode("utf-8", "replace")) > LONGEST_KEY_ID):
        return None
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    members = tuple((name, jwk.get(name)) for name in names)
    if not all(isinstance(value, str) for _, value in members):
        return None
    fitting = _fitting(cast(str, kind), dict(members))
    if own is not None:
        fitting &= {own} if isinstance(own, str) else set()
    fitting &= set(allowed)
    if not fitting:
        return None
    made = PublicKey(key_id, frozenset(fitting), (("kty", cast(str, kind)), *cast(Any, members)))
    return made if _usable(made) else None


def _fitting(kind: str, members: dict[str, Any]) -> set[str]:
    """The algorithms that a key of that kind is good for."""
    if kind == "EC":
        return {_CURVES[members["crv"]]} if members["crv"] in _CURVES else set()
    if kind == "OKP":
        return {"EdDSA", "Ed25519"} if members["crv"] == "Ed25519" else set()
    try:
        modulus, exponent = _number(members["n"]), _number(members["e"])
    except (ValueError, binascii.Error):
        return set()
    # RFC 7518, 3.3: 2048 bits or more. A huge key or exponent is a way to keep a server busy.
    if modulus.bit_length() not in _RSA_BITS or not modulus & 1 or not exponent & 1 or not 3 <= exponent < 2**32:
        return set()
    return {name for name in SAFE_ALGORITHMS if name.startswith(("RS", "PS"))}


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _usable(key: PublicKey) -> bool:
    """Whether the library makes a key of it: a point that is not on its curve is none."""
    from joserfc import errors
    from joserfc.jwk import JWKRegistry

    try:
        return bool(JWKRegistry.import_key(dict(key.members)).as_dict(private=False))
    except (errors.JoseError, ValueError, TypeError):
        return False
