"""`tollway prices override`: a price of one's own, written into the settings file."""

import difflib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tollway.cli.price_edit import with_price, without_price
from tollway.cli.prices import price_settings
from tollway.cli.questions import Asking, answered, pairs_of
from tollway.cli.shown import complain, say
from tollway.errors import SettingsInvalid
from tollway.pricing.overrides import PriceOverride
from tollway.settings import read_settings


class Change(NamedTuple):
    """What is to be written."""

    name: str
    """provider/model; the model may have `*` in it."""
    amounts: Mapping[str, str | None]
    """Fields of the entry that have an option of their own."""
    meters: Sequence[str]
    """`field=value` for the others."""
    free: bool
    begins: str | None
    ends: str | None
    remove: bool


def write_override(
    change: Change, config: str | None, data: str | None, *, dry_run: bool, reload: Asking | None
) -> int:
    """0 where the file says so now; 1 where it was left as it is, 2 where the settings or the price cannot be used."""
    try:
        path = read_settings({"config": config, "data": data}).document
        text = _text(path)
        changed = _changed(text, change)
        price_settings(changed)
    except SettingsInvalid as error:
        complain(f"Nothing was written: {error}")
        return 2
    except ValueError as error:
        complain(f"Nothing was written: {error}.")
        return 1
    if changed == text:
        say(f"{path} says so already.")
        return 0
    lines = difflib.unified_diff(text.splitlines(), changed.splitlines(), str(path), str(path), lineterm="")
    say(*lines)
    if dry_run:
        say("Nothing was written: --dry-run.")
        return 0
    try:
        if _text(path) != text:
            complain(f"Nothing was written: {path} has been changed meanwhile. Try again.")
            return 1
        _replace(path, changed)
    except (OSError, SettingsInvalid) as error:
        complain(f"Nothing was written: {error}")
        return 1
    if reload is None:
        say(f"Wrote {path}. A running gateway takes it with --reload, or with SIGHUP.")
        return 0
    answer = answered(reload, lambda client: client.post("/api/v1/reload", None))
    if answer is None:
        complain(f"{path} is written, but the gateway was not reloaded.")
        return 1
    say(f"Wrote {path}; the gateway has it as revision {answer['revision']}.")
    return 0


def _changed(text: str, change: Change) -> str:
    provider, slash, model = change.name.partition("/")
    if not slash or not provider or not model:
        raise ValueError(f'"{change.name}" is not of the form PROVIDER/MODEL, such as openai/gpt-4o-mini')
    fields: dict[str, object] = {name: value for name, value in change.amounts.items() if value is not None}
    for name, value in pairs_of("--meter", change.meters):
        fields[name] = int(value) if name in ("context_window", "max_output_tokens") and value.isdecimal() else value
    times = {"effective_from": change.begins, "effective_to": change.ends}
    fields |= {name: value for name, value in times.items() if value is not None}
    if change.remove:
        if fields or change.free:
            raise ValueError("--remove takes out what is there; leave the amounts and dates out")
        shorter, removed = without_price(text, provider, model)
        if not removed:
            raise ValueError(f'the settings have no price of exactly "{change.name}"')
        return shorter
    if change.free:
        fields["free"] = True
    try:
        price = msgspec.convert({"provider": provider, "model": model, **fields}, PriceOverride)
    except msgspec.ValidationError as error:
        raise ValueError(f"--meter: {error}") from None
    return with_price(text, price)


def _text(path: Path) -> str:
    """The file with its own ends of lines. Raises SettingsInvalid."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"Settings file {str(path)!r} cannot be read: {error}.") from None


def _replace(path: Path, text: str) -> None:
    """Writes the whole file or nothing: whoever reads it meanwhile sees the old one or the new one."""
    # A link stays one, and what it leads to is replaced.
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, name)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
