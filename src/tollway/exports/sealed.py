"""Sealing the columns of an exported log for the holder of a private key, in the form that Cloudflare's Logpush has.

Each log has a fresh key of 256 bits. It encrypts every column with AES-GCM under an IV of its own, and is itself encrypted
with RSA-OAEP (SHA-256, MGF1 with SHA-256, no label). A column becomes `{"key", "iv", "data"}`, each in Base64; `data` ends with
the tag of 16 bytes, as Web Crypto has it. `cryptography` is loaded where a job has a key, not before.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import OAEP
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

FEWEST_BITS = 2_048
MOST_BITS = 8_192
LONGEST_PEM = 4_096
"""Characters of a public key; one of 8,192 bits has 1,442."""
KEY_BYTES = 32
# NIST SP 800-38D, 8.2: an IV of 96 bits is taken as it is.
IV_BYTES = 12


class SealedColumn(TypedDict):
    """One column: the log's key, sealed; the IV; the encrypted text and its tag. All in Base64."""

    key: str
    iv: str
    data: str


class NotOpened(Exception):
    """A column that is no sealed one, was made for another key, or was changed since."""


def read_public_key(pem: str) -> "RSAPublicKey":
    """The key of a PEM text. Raises ValueError saying what it is instead, and never what is in it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if "PRIVATE KEY" in pem:
        raise ValueError("it is a private key, which only the reader of the export may have; give the public one")
    if len(pem) > LONGEST_PEM:
        raise ValueError(f"it has {len(pem):,} characters; the PEM of a public key has {LONGEST_PEM:,} at most")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError('it is no public key in PEM, which begins with "-----BEGIN PUBLIC KEY-----"') from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("it is no RSA key, and logs are sealed with RSA-OAEP")
    if not FEWEST_BITS <= key.key_size <= MOST_BITS:
        raise ValueError(f"it has {key.key_size:,} bits; {FEWEST_BITS:,} to {MOST_BITS:,} are taken, 4,096 is good")
    return key


def seal(
    columns: Mapping[str, str | None], public_key: "RSAPublicKey", random: Callable[[int], bytes]
) -> dict[str, SealedColumn | None]:
    """The columns of one log, sealed under a key that nothing else is; a column that is not there (`None`) stays so.

    `random` gives so many bytes that nobody can guess.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if all(text is None for text in columns.values()):
        return dict.fromkeys(columns)
    secret = random(KEY_BYTES)
    assert len(secret) == KEY_BYTES
    wrapped = base64.b64encode(public_key.encrypt(secret, _oaep())).decode()
    cipher = AESGCM(secret)
    found: dict[str, SealedColumn | None] = {}
    for name, text in columns.items():
        if text is None:
            found[name] = None
            continue
        iv = random(IV_BYTES)
        assert len(iv) == IV_BYTES
        data = cipher.encrypt(iv, text.encode(), None)
        found[name] = SealedColumn(key=wrapped, iv=base64.b64encode(iv).decode(), data=base64.b64encode(data).decode())
    return found


def unseal(column: Mapping[str, object], private_key: "RSAPrivateKey") -> str:
    """The text of a column. Raises NotOpened."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        wrapped, iv, data = (base64.b64decode(str(column[name]), validate=True) for name in ("key", "iv", "data"))
    except (KeyError, binascii.Error):
        raise NotOpened('A sealed column has "key", "iv" and "data", each in Base64.') from None
    try:
        secret = private_key.decrypt(wrapped, _oaep())
        return AESGCM(secret).decrypt(iv, data, None).decode()
    except ValueError:
        raise NotOpened("The column was sealed for another key, or was changed.") from None
    except InvalidTag:
        raise NotOpened("The column was changed since it was sealed.") from None


def _oaep() -> "OAEP":
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
    from cryptography.hazmat.primitives.hashes import SHA256

    return OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None)
