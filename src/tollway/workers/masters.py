"""Where master keys come from: the data folder, an environment variable, a file, or a key service.

The first is in force; the others open what they have wrapped, until everything is wrapped anew.
"""

import contextlib
import fcntl
import os
import secrets
from base64 import b64encode
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from tollway.errors import SettingsInvalid
from tollway.sealing import KEY_BYTES, LocalMaster, Master, RandomBytes, SealBroken, read_master

FILE = "master.key"
"""In the data folder, where nothing else is said. A backup of that folder holds the secrets and what opens them: to keep
them apart, say where the key is."""
CURRENT = "TOLLWAY_MASTER_KEY"
PREVIOUS = "TOLLWAY_MASTER_KEY_PREVIOUS"


class KmsMaster:
    """A key of AWS Key Management Service, which never leaves it. Its methods wait for the network."""

    def __init__(self, key: str, client: Any = None) -> None:
        """`key`: an ARN, or an alias as an ARN. `client`: botocore's, made when it is first needed."""
        self._key = key
        self._client = client
        self.id = f"awskms:{key}"

    def wrap(self, data_key: bytes, about: bytes, random_bytes: RandomBytes) -> bytes:
        answer = self._ask("encrypt", Plaintext=data_key, EncryptionContext=_context(about))
        return bytes(answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        return bytes(self._ask("decrypt", CiphertextBlob=wrapped, EncryptionContext=_context(about))["Plaintext"])

    def _ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        try:
            if self._client is None:
                import botocore.session  # type: ignore[import-untyped]

                region = self._key.split(":")[3]
                self._client = botocore.session.get_session().create_client("kms", region_name=region)  # type: ignore[attr-defined]
            return getattr(self._client, method)(KeyId=self._key, **arguments)
        except ImportError:
            raise SealBroken('AWS KMS needs "pip install tollway[aws]".') from None
        except Exception as error:
            # botocore's exceptions share no base with its network errors; none of them holds what was sent.
            raise SealBroken(f"{self.id} says no: {type(error).__name__}.") from None


class Masters:
    """The master keys of a gateway."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        """Raises SettingsInvalid. Nothing is made before a secret is to be sealed."""
        self._file = folder / FILE
        self._given = environment.get(CURRENT, "").strip()
        self._own = not self._given
        previous = [each.strip() for each in environment.get(PREVIOUS, "").split(",") if each.strip()]
        self._previous = [_named(each, PREVIOUS, environment) for each in previous]
        self._current = _named(self._given, CURRENT, environment) if self._given else None
        self._kept: list[LocalMaster] = self._read() if self._own else []

    @property
    def all(self) -> tuple[Master, ...]:
        """The one in force first; none where nothing was ever sealed."""
        current = (self._current,) if self._current is not None else ()
        return (*current, *self._kept, *self._previous)

    def current(self) -> Master:
        """The one in force, made now where there is none yet. Raises SettingsInvalid where it cannot be kept."""
        if self._current is not None:
            return self._current
        if not self._kept:
            self.renew()
        return self._kept[0]

    def renew(self) -> None:
        """Another one in force, where they are kept here; those before it stay until `forget`. Raises SettingsInvalid."""
        if not self._own:
            raise SettingsInvalid(
                f"The master key is the one that {CURRENT} names; give it another one there, and this one as {PREVIOUS}."
            )
        with self._alone():
            self._kept = self._read()
            fresh = b64encode(secrets.token_bytes(KEY_BYTES)).decode()
            self._write([fresh, *self._lines()])
            self._kept = self._read()

    def forget(self) -> int:
        """Lets go of those that are kept here and not in force; how many."""
        if not self._own:
            return 0
        with self._alone():
            lines = self._lines()
            if len(lines) > 1:
                self._write(lines[:1])
            self._kept = self._read()
            return max(0, len(lines) - 1)

    def _lines(self) -> list[str]:
        try:
            return [line for line in self._file.read_text(encoding="utf-8").splitlines() if line.strip()]
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(f"{self._file} cannot be read: {error}") from None

    def _read(self) -> list[LocalMaster]:
        return [read_master(line, f"{self._file}, line {number}") for number, line in enumerate(self._lines(), start=1)]

    def _write(self, lines: list[str]) -> None:
        fresh = self._file.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                # A key that a loss of power takes would take the secrets along.
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise SettingsInvalid(f"{self._file} cannot be written: {error}") from None

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        try:
            descriptor = os.open(self._file.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise SettingsInvalid(f"{self._file} cannot be locked: {error}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _named(reference: str, where: str, environment: Mapping[str, str]) -> Master:
    """The master key that a reference names: `env:NAME`, `file:PATH`, `awskms:ARN`. Raises SettingsInvalid."""
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        text = environment.get(name, "")
        if not text.strip():
            raise SettingsInvalid(f"{where}: the environment variable {name} is not set.")
        return read_master(text, f"{where}, {reference}")
    if kind == "file" and name:
        try:
            text = Path(name).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(f"{where}: the file {name!r} cannot be read: {error}") from None
        return read_master(text, f"{where}, {reference}")
    if kind == "awskms" and name.startswith("arn:") and name.count(":") >= 5:
        return KmsMaster(name)
    raise SettingsInvalid(
        f"{where}: write env:NAME or file:PATH of a key of {KEY_BYTES} bytes in base64 (openssl rand -base64 32), or "
        "awskms:ARN of a key of AWS KMS."
    )


def _context(about: bytes) -> dict[str, str]:
    return {"tollway": about.decode()}
