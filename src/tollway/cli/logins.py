"""Where the command line keeps logins: tokens in the system's keyring where there is one, else in a file of the owner's alone.

The file is written whole or not at all, and whoever changes it holds a lock, so that of two commands that find a token ended
one refreshes it and the other uses what came of that.
"""

import contextlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from tollway.cli.shown import complain

_SERVICE = "tollway"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A login at one gateway."""

    url: str
    token_endpoint: str
    revocation_endpoint: str | None = None
    user: str | None = None
    groups: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    access_token: str = ""
    refresh_token: str = ""
    ends_at: int = 0
    """Of the access token, in Unix seconds by this machine's clock."""
    lasts_s: int = 0
    """For how long it was made."""
    in_keyring: bool = False
    """The tokens are in the keyring, and not here."""

    def __repr__(self) -> str:
        return f"Kept({self.url!r}, {self.user!r}, …)"


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """All logins."""

    default: str | None = None
    """The gateway that was signed in at last."""
    logins: dict[str, Kept] = {}


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What the keyring holds of one."""

    access_token: str
    refresh_token: str


class Keyring(Protocol):
    """As much of the package `keyring` as is used."""

    def get_password(self, service_name: str, username: str) -> str | None: ...

    def set_password(self, service_name: str, username: str, password: str) -> None: ...

    def delete_password(self, service_name: str, username: str) -> None: ...


class LoginsUnusable(Exception):
    """They cannot be read or written; the message says why and the way out."""


class Logins:
    """The logins in `folder`."""

    def __init__(self, folder: Path, keyring: Callable[[], Keyring | None] = lambda: None) -> None:
        """`keyring` finds one, when it is needed: that takes longer than all else that a command does."""
        self._folder = folder
        self._path = folder / "logins.json"
        self._find_keyring = cache(keyring)

    def find(self, url: str | None) -> Kept | None:
        """The login at that gateway, or the last one; `None` where nobody signed in. Raises LoginsUnusable."""
        file = self._read()
        kept = file.logins.get(url or file.default or "")
        if kept is None or not kept.in_keyring:
            return kept
        said = self._from_keyring(kept.url)
        if said is None:
            # The keyring is locked, was emptied, or is not there in this session.
            return None
        return msgspec.structs.replace(kept, access_token=said.access_token, refresh_token=said.refresh_token)

    def put(self, kept: Kept, *, renewed: bool = False) -> None:
        """Keeps a login in the place of one at the same gateway. It is the one that is meant where none is named, unless it
        was only `renewed`. Call it with the lock. Raises LoginsUnusable."""
        file = self._read()
        stored = kept
        if self._into_keyring(kept):
            stored = msgspec.structs.replace(kept, access_token="", refresh_token="", in_keyring=True)
        else:
            stored = msgspec.structs.replace(kept, in_keyring=False)
        default = file.default if renewed and file.default is not None else kept.url
        self._write(_File(default=default, logins={**file.logins, kept.url: stored}))

    def drop(self, url: str) -> None:
        """Forgets the login at that gateway. Call it with the lock. Raises LoginsUnusable."""
        file = self._read()
        kept = file.logins.get(url)
        keyring = self._find_keyring() if kept is not None and kept.in_keyring else None
        if keyring is not None:
            with contextlib.suppress(Exception):
                keyring.delete_password(_SERVICE, url)
        left = {name: one for name, one in file.logins.items() if name != url}
        default = file.default if file.default in left else next(iter(left), None)
        self._write(_File(default=default, logins=left))

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """One process at a time. Raises LoginsUnusable."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._folder / "logins.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            _lock(descriptor)
            yield
        finally:
            # The system lets go of the lock with the file.
            os.close(descriptor)

    def _read(self) -> _File:
        try:
            with self._path.open("rb") as opened:
                text, mode = opened.read(), os.fstat(opened.fileno()).st_mode
        except FileNotFoundError:
            return _File()
        except OSError as error:
            raise self._unusable(error) from None
        try:
            file = msgspec.json.decode(text, type=_File)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise LoginsUnusable(f"{self._path} is not what tollway wrote; move it away and sign in again.") from None
        if sys.platform != "win32" and mode & 0o077:
            self._close(file)
        return file

    def _close(self, file: _File) -> None:
        """Others of this machine may read the file: no longer, and whoever runs the command is told."""
        with contextlib.suppress(OSError):
            self._path.chmod(0o600)
        if any(one.refresh_token for one in file.logins.values()):
            complain(
                f"{self._path} could be read by others on this machine, and has tokens in it. It is yours alone now; if you "
                "share the machine, run tollway logout and sign in again."
            )

    def _write(self, file: _File) -> None:
        try:
            # Where it is a link, what it leads to is meant; else the tokens of before would stay there.
            path = self._path.resolve()
            # mkstemp makes it readable by its owner alone.
            descriptor, name = tempfile.mkstemp(prefix=".logins.", dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as written:
                    written.write(msgspec.json.encode(file))
                    written.flush()
                    os.fsync(written.fileno())
                Path(name).replace(path)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    def _from_keyring(self, url: str) -> _Tokens | None:
        keyring = self._find_keyring()
        if keyring is None:
            return None
        try:
            return msgspec.json.decode(keyring.get_password(_SERVICE, url) or "", type=_Tokens)
        except Exception:
            # Backends raise what they like: D-Bus errors, OSError, their own.
            return None

    def _into_keyring(self, kept: Kept) -> bool:
        keyring = self._find_keyring()
        if keyring is None:
            return False
        text = json.dumps({"access_token": kept.access_token, "refresh_token": kept.refresh_token})
        try:
            keyring.set_password(_SERVICE, kept.url, text)
            # Some take everything and keep nothing.
            return keyring.get_password(_SERVICE, kept.url) == text
        except Exception:
            return False

    def _unusable(self, error: OSError) -> LoginsUnusable:
        return LoginsUnusable(
            f"{error.filename or self._path}: {error.strerror or error}. Set TOLLWAY_LOGINS to a folder of your own."
        )


def find_logins() -> Logins:
    """The logins of whoever runs the command. `TOLLWAY_LOGINS` names another folder, and keeps tokens in it alone."""
    given = os.environ.get("TOLLWAY_LOGINS")
    if given:
        return Logins(Path(given).expanduser())
    home = os.environ.get("XDG_CONFIG_HOME") or (os.environ.get("APPDATA") if sys.platform == "win32" else None)
    return Logins((Path(home) if home else Path.home() / ".config") / "tollway", system_keyring)


def system_keyring() -> Keyring | None:
    """The system's keyring, if the package `keyring` is installed and has found one that keeps something."""
    try:
        package: Any = importlib.import_module("keyring")
        found: Any = package.get_keyring()
        return cast(Keyring, found) if found.priority >= 1 else None
    except Exception:
        # Looking for one may fail in as many ways as there are desktops.
        return None


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        while True:
            with contextlib.suppress(OSError):
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
