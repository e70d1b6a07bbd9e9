"""Keys, key sets and tokens, made by hand, so that a test may make a wrong one."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

NOW = 1_782_864_000_000
"""2026-07-01T00:00:00Z, Unix milliseconds."""
ISSUER = "https://login.example.com"
AUDIENCE = "tollway"
_SIZES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES = {"ES256": (ec.SECP256R1(), "P-256"), "ES384": (ec.SECP384R1(), "P-384"), "ES512": (ec.SECP521R1(), "P-521")}
_made: dict[Any, Any] = {}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(written: Any) -> str:
    """A part of a token: JSON of an object, or bytes and text as they are."""
    if isinstance(written, str):
        written = written.encode()
    return b64(written if isinstance(written, bytes) else json.dumps(written).encode())


def private_key(algorithm: str = "RS256", name: str = "a", bits: int = 2048) -> Any:
    """The same key for the same arguments: making one takes long."""
    place = (algorithm, name, bits)
    if place not in _made:
        if algorithm in _CURVES:
            _made[place] = ec.generate_private_key(_CURVES[algorithm][0])
        elif algorithm in ("EdDSA", "Ed25519"):
            _made[place] = ed25519.Ed25519PrivateKey.generate()
        else:
            _made[place] = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return _made[place]


def jwk(algorithm: str = "RS256", name: str = "a", bits: int = 2048, **members: Any) -> dict[str, Any]:
    """The public key, as a key set has it; a member that is given as `None` is left out."""
    public = private_key(algorithm, name, bits).public_key()
    if algorithm in _CURVES:
        numbers, size = public.public_numbers(), (public.curve.key_size + 7) // 8
        found = {
            "kty": "EC", "crv": _CURVES[algorithm][1],
            "x": b64(numbers.x.to_bytes(size, "big")), "y": b64(numbers.y.to_bytes(size, "big")),
        }  # fmt: skip
    elif algorithm in ("EdDSA", "Ed25519"):
        found = {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw())}
    else:
        numbers = public.public_numbers()
        found = {
            "kty": "RSA",
            "n": b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")), "e": b64(b"\x01\x00\x01"),
        }  # fmt: skip
    found |= {"kid": name, "use": "sig", "alg": algorithm, **members}
    return {name: value for name, value in found.items() if value is not None}


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys or (jwk(),)}).encode()


def sign(algorithm: str, key: Any, signed: bytes) -> bytes:
    """The signature, as RFC 7518 has it."""
    size = _SIZES.get(algorithm[2:], hashes.SHA256())
    if algorithm.startswith("RS"):
        return key.sign(signed, padding.PKCS1v15(), size)
    if algorithm.startswith("PS"):
        return key.sign(signed, padding.PSS(padding.MGF1(size), size.digest_size), size)
    if algorithm in _CURVES:
        r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(size)))
        width = (key.curve.key_size + 7) // 8
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    return key.sign(signed)


def claims(**others: Any) -> dict[str, Any]:
    """What a good token says; one that is given as `None` is left out."""
    found = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "u-1", "iat": NOW // 1000 - 10, "exp": NOW // 1000 + 3_600,
        "email": "alice@example.com", "email_verified": True, "name": "Alice", "groups": ["eng"],
    } | others  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def token(
    payload: Any = None,
    *,
    algorithm: str = "RS256",
    key: Any = None,
    header: dict[str, Any] | None = None,
    name: str = "a",
) -> str:
    """A token. `payload`: its claims, or the bytes that stand for them; `header`: what its header has besides."""
    head = {"alg": algorithm, "kid": name, "typ": "JWT", **(header or {})}
    head = {field: value for field, value in head.items() if value is not None}
    signed = f"{part(head)}.{part(claims() if payload is None else payload)}"
    return signed + "." + b64(sign(algorithm, key or private_key(algorithm, name), signed.encode()))
