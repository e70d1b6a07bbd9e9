"""Envelope encryption of what must be kept and never be read again by people: the keys of providers.

Every secret has a data key of its own (AES-256-GCM, NIST SP 800-38D); the data key is wrapped under a master key, which is
not kept beside it. What a sealed secret is for goes into both as associated data, so that one cannot be put in the place
of another. Rotating the master wraps the data keys anew and leaves the secrets as they are.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from tollway.errors import SettingsInvalid, TollwayError

KEY_BYTES = 32
NONCE_BYTES = 12
LEAST_DIFFERENT = 16
"""Different bytes that a master key of 32 must have; by chance it has 27 to 32."""

RandomBytes = Callable[[int], bytes]
_URL_SAFE = str.maketrans("-_", "+/")


class SealBroken(TollwayError):
    """A sealed secret that cannot be opened: which, and what is wrong. Never what is in it."""


class Master(Protocol):
    """A key that data keys are wrapped under. May be at a key service, so its methods may wait."""

    @property
    def id(self) -> str:
        """Names it in what it has wrapped; tells nothing of it."""
        ...

    def wrap(self, data_key: bytes, about: bytes, random_bytes: RandomBytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        """Raises SealBroken."""
        ...


class LocalMaster:
    """A master key that is here."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = f"local:{hashlib.sha256(b'tollway master key' + key).hexdigest()[:16]}"

    def __repr__(self) -> str:
        return f"LocalMaster({self.id!r})"

    def wrap(self, data_key: bytes, about: bytes, random_bytes: RandomBytes) -> bytes:
        return _encrypted(self._key, data_key, about, random_bytes(NONCE_BYTES))

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        return _decrypted(self._key, wrapped, about)


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A secret, sealed."""

    master: str
    """The id of the master key that `data_key` is wrapped under."""
    data_key: bytes
    secret: bytes
    """Nonce, ciphertext and tag."""


def read_master(text: str, where: str) -> LocalMaster:
    """The master key that `text` is: 32 bytes in base64 or hexadecimal. Raises SettingsInvalid, which never shows it."""
    written = text.strip().translate(_URL_SAFE).rstrip("=")
    try:
        key = (
            bytes.fromhex(written) if len(written) == 2 * KEY_BYTES else base64.b64decode(written + "=", validate=True)
        )
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsInvalid(
            f"{where}: a master key is {KEY_BYTES} bytes in base64 or hexadecimal; make one with: openssl rand -base64 32"
        )
    if len(set(key)) < LEAST_DIFFERENT:
        raise SettingsInvalid(
            f"{where}: this master key was not made by chance; make one with: openssl rand -base64 32"
        )
    return LocalMaster(key)


def seal(secret: str, about: str, master: Master, random_bytes: RandomBytes) -> Sealed:
    """`secret` sealed under a fresh data key; `about` says which secret it is, and must be said again to open it."""
    data_key = random_bytes(KEY_BYTES)
    return Sealed(
        master=master.id,
        data_key=master.wrap(data_key, _about(about, master.id), random_bytes),
        secret=_encrypted(data_key, secret.encode(), about.encode(), random_bytes(NONCE_BYTES)),
    )


def unseal(sealed: Sealed, about: str, masters: Iterable[Master]) -> str:
    """The secret. Raises SealBroken where its master key is not among `masters`, or where it is not what was sealed."""
    data_key = _data_key(sealed, about, masters)
    try:
        return _decrypted(data_key, sealed.secret, about.encode()).decode()
    except (SealBroken, UnicodeDecodeError):
        raise SealBroken(f'The secret "{about}" is not what was sealed under that name.') from None


def rewrap(sealed: Sealed, about: str, masters: Iterable[Master], to: Master, random_bytes: RandomBytes) -> Sealed:
    """The same secret under another master key. Raises SealBroken."""
    data_key = _data_key(sealed, about, masters)
    # A data key that opens nothing is not carried along.
    unseal(sealed, about, masters)
    wrapped = to.wrap(data_key, _about(about, to.id), random_bytes)
    return msgspec.structs.replace(sealed, master=to.id, data_key=wrapped)


def _data_key(sealed: Sealed, about: str, masters: Iterable[Master]) -> bytes:
    for master in masters:
        if master.id == sealed.master:
            try:
                return master.unwrap(sealed.data_key, _about(about, master.id))
            except SealBroken as error:
                raise SealBroken(f'The secret "{about}" cannot be opened: {error}') from None
    raise SealBroken(
        f'The secret "{about}" is sealed under the master key {sealed.master}, which this gateway does not have. Give it '
        "that key as TOLLWAY_MASTER_KEY, or as one of TOLLWAY_MASTER_KEY_PREVIOUS, or store the secret anew."
    )


def _about(about: str, master: str) -> bytes:
    return f"data key|{master}|{about}".encode()


def _encrypted(key: bytes, text: bytes, about: bytes, nonce: bytes) -> bytes:
    # Takes 20 ms to import, and most gateways seal nothing.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return nonce + AESGCM(key).encrypt(nonce, text, about)


def _decrypted(key: bytes, sealed: bytes, about: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(key) != KEY_BYTES or len(sealed) < NONCE_BYTES + 16:
        raise SealBroken("it is cut short.")
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except InvalidTag:
        raise SealBroken("it is not what this master key has wrapped for it.") from None
