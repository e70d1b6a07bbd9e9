"""Reading `tollway.yaml`, and making one for a first start."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tollway.document import Document
from tollway.document.text import parse
from tollway.errors import SettingsInvalid
from tollway.identity.keys import make_key
from tollway.sealing import SealBroken

_PROVIDERS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GEMINI_API_KEY"}

_FIRST = """\
# Settings of this gateway. Reference: docs/reference/settings.md. Reload with SIGHUP.
providers:
{providers}
keys:
  - {{name: first, secret: "file:first.key", user: me@example.com, metadata: {{team: first}}}}
budgets:
  - name: everyone
    limit: "10"                                   # US dollars
    window: {{period: day, timezone: UTC}}
"""


def read(path: Path) -> tuple[str, Document]:
    """The text of a settings file and the document it is."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"Settings file {str(path)!r} cannot be read: {error}.") from None
    if not text.strip():
        # Half-written files are empty first; without keys and budgets nothing would be as it was.
        raise SettingsInvalid(f"Settings file {str(path)!r} is empty; write at least providers: {{}}.")
    return text, parse(text, str(path))


SEALED = "sealed:"
"""How a reference begins that names a secret in the gateway's safe."""


def resolver(
    folder: Path,
    environment: Any = os.environ,
    warn: Callable[[str], None] = lambda _: None,
    sealed: Callable[[str], str] = lambda name: name,
) -> Callable[[str, str], str]:
    """Resolves secret references: `env:NAME`, `file:PATH` (from `folder` where relative), `sealed:NAME`, which `sealed` opens.
    A literal is taken with a warning."""

    def resolve(reference: str, where: str) -> str:
        kind, colon, name = reference.partition(":")
        if colon and kind == "env":
            secret = (environment.get(name) or "").strip()
            if not secret:
                raise SettingsInvalid(f"{where}: the environment variable {name} is not set.")
            return secret
        if colon and kind == "file":
            try:
                return (folder / name).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsInvalid(f"{where}: the file {name!r} cannot be read: {error}.") from None
        if reference.startswith(SEALED):
            try:
                return sealed(name)
            except SealBroken as error:
                raise SettingsInvalid(f"{where}: {error}") from None
        if reference != "none":
            warn(
                f"{where} is written in the settings itself; use env:NAME or file:PATH, so that it is not in the file."
            )
        return reference

    return resolve


def without_missing_keys(resolve: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """For the settings of a first start: a provider whose environment variable is not set is simply without a key."""

    def lenient(reference: str, where: str) -> str:
        try:
            return resolve(reference, where)
        except SettingsInvalid:
            if where.startswith("providers.") and reference.startswith("env:"):
                return ""
            raise

    return lenient


def first_settings(environment: Mapping[str, str] | None = None) -> str:
    """The text of settings to start from. Given an environment, providers whose variable it lacks are commented out."""
    wanted = [slug for slug, variable in _PROVIDERS.items() if environment is None or environment.get(variable)]
    lines = [
        f'{"" if slug in (wanted or ["openai"]) else "# "}  {slug + ":":<10} {{api_key: "env:{variable}"}}'
        for slug, variable in _PROVIDERS.items()
    ]
    return _FIRST.format(providers="\n".join(lines))


def make_first(folder: Path, path: Path, environment: Mapping[str, str] | None = None) -> str:
    """Writes the settings of a first start, with a fresh gateway key in a file of its own; returns the key."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = make_key(secrets.token_bytes)
    write_private(path.parent / "first.key", key + "\n")
    path.write_text(first_settings(environment), encoding="utf-8")
    return key


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, from the moment it exists."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # The mode above is for a file that was not there.
        os.fchmod(descriptor, 0o600)
        file.write(text)
