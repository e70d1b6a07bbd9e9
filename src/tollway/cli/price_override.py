"""`tollway prices override`: a price of one's own, written into the settings file."""

import difflib
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tollway.admin.price_warnings import price_warnings
from tollway.cli.prices import price_settings
from tollway.cli.questions import Asking, answered, pairs_of
from tollway.cli.shown import complain, say
from tollway.document.price_edit import with_price, without_price
from tollway.document.price_entries import price_given
from tollway.errors import SettingsInvalid
from tollway.pricing.overrides import PriceOverride
from tollway.settings import read_settings
from tollway.settings_file import NotWritten, replace_text, text_of


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
        text = text_of(path)
        price = None if change.remove else _price(change)
        changed = with_price(text, price) if price is not None else _without(text, change)
        snapshot = price_settings(changed)
    except SettingsInvalid as error:
        complain(f"Nothing was written: {error}")
        return 2
    except ValueError as error:
        complain(f"Nothing was written: {error}.")
        return 1
    if price is not None:
        for warning in price_warnings(price, snapshot, time.time_ns() // 1_000_000):
            complain(f"Warning: {warning}")
    if changed == text:
        say(f"{path} says so already.")
        return 0
    lines = difflib.unified_diff(text.splitlines(), changed.splitlines(), str(path), str(path), lineterm="")
    say(*lines)
    if dry_run:
        say("Nothing was written: --dry-run.")
        return 0
    try:
        replace_text(path, text, changed)
    except (NotWritten, SettingsInvalid) as error:
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


def _price(change: Change) -> PriceOverride:
    """Raises ValueError naming the option or the field."""
    provider, model = _name(change)
    fields: dict[str, object] = {name: value for name, value in change.amounts.items() if value is not None}
    for name, value in pairs_of("--meter", change.meters):
        if name in fields or name in ("provider", "model"):
            raise ValueError(f"--meter: {name} is given twice; leave one of the two out")
        fields[name] = int(value) if name in ("context_window", "max_output_tokens") and value.isdecimal() else value
    times = {"effective_from": change.begins, "effective_to": change.ends}
    fields |= {name: value for name, value in times.items() if value is not None}
    if change.free:
        fields["free"] = True
    return price_given({"provider": provider, "model": model, **fields})


def _without(text: str, change: Change) -> str:
    provider, model = _name(change)
    if change.meters or change.free or change.begins or change.ends or any(change.amounts.values()):
        raise ValueError("--remove takes out what is there; leave the amounts and dates out")
    shorter, removed = without_price(text, provider, model)
    if not removed:
        raise ValueError(f'the settings have no price of exactly "{change.name}"')
    return shorter


def _name(change: Change) -> tuple[str, str]:
    provider, slash, model = change.name.partition("/")
    if not slash or not provider or not model:
        raise ValueError(f'"{change.name}" is not of the form PROVIDER/MODEL, such as openai/gpt-4o-mini')
    return provider, model
