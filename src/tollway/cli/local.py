"""What needs no running gateway: writing first settings, checking settings, making a key."""

import os
import secrets
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from tollway.admin.warnings import warnings_of
from tollway.cli import settings_file
from tollway.cli.settings_shown import summary
from tollway.cli.shown import complain, say
from tollway.document import compile_document
from tollway.errors import SettingsInvalid
from tollway.identity.keys import make_key
from tollway.pricing.price import FILE, PriceBook
from tollway.proxy.signing.signer import signer_for
from tollway.settings import read_settings
from tollway.snapshot import Snapshot


def init_settings(path: Path) -> int:
    """Writes a settings file and a key; 1 where either is there already."""
    key_file = path.parent / "first.key"
    for there in (path, key_file):
        if there.exists():
            complain(f"{there} is there already, and is left as it is. Choose another --config, or move it away.")
            return 1
    try:
        key = settings_file.make_first(path.parent, path, os.environ)
    except OSError as error:
        complain(f"{path} cannot be written: {error}")
        return 1
    say(
        f"Wrote {path} and {key_file}.",
        f"  gateway key   {key}",
        "Providers whose key is not in the environment now are commented out (OPENAI_API_KEY, ANTHROPIC_API_KEY,",
        "GEMINI_API_KEY). Next: set a limit you mean, then",
        f"  tollway check --config {path} && tollway serve --config {path}",
    )
    return 0


def check_settings(config: str | None, data: str | None) -> int:
    """Says what the settings mean; 2 where they cannot be used."""
    try:
        snapshot, path = compile_file(config, data)
    except SettingsInvalid as error:
        complain(f"Settings cannot be used: {error}")
        return 2
    for provider in snapshot.providers.values():
        if provider.auth is not None:
            try:
                # What the gateway would say at its start.
                signer_for(provider.auth)
            except SettingsInvalid as error:
                complain(f"Settings cannot be used: providers.{provider.slug}.auth: {error}")
                return 2
    say(f"{path} can be used.")
    say(*summary(snapshot))
    warnings = warnings_of(snapshot, time.time_ns() // 1_000_000, file=path)
    say(*(f"Warning: {warning}" for warning in warnings))
    return 0


def make_one_key() -> int:
    print(make_key(secrets.token_bytes))
    return 0


def compile_file(
    config: str | None, data: str | None, environment: Mapping[str, str] = os.environ, *, keyless: bool = False
) -> tuple[Snapshot, Path]:
    """The snapshot that the settings file in force means, and the file. `keyless`: a provider's key that is not in this
    environment is none, and nothing wrong. Raises SettingsInvalid."""
    settings = read_settings({"config": config, "data": data}, environment)
    path = settings.document
    if not path.exists():
        raise SettingsInvalid(f"there is no {path}; write one with: tollway init --config {path}")
    text, document = settings_file.read(path)
    resolve = settings_file.resolver(path.parent, environment)
    if settings.lenient or keyless:
        resolve = settings_file.without_missing_keys(resolve)
    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    pepper = secrets.token_bytes(32)
    return compile_document(document, resolve=resolve, book=book, pepper=pepper, revision=1, text=text), path
