"""Prices given in the settings: in dollars, for a provider and a pattern of model names."""

import hashlib
import re
from collections.abc import Iterable
from decimal import Decimal
from fnmatch import translate
from typing import Protocol

import msgspec

from tollway import money
from tollway.errors import MoneyInvalid, SettingsInvalid
from tollway.money import Money
from tollway.pricing.slugs import canonical
from tollway.pricing.units import MILLION, NOTHING, ModelLimits, UnitPrice

TOKEN_METERS = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "input_audio",
    "input_image",
    "cache_read_audio",
    "reasoning",
    "output_audio",
    "output_image",
)
"""Written in dollars per million tokens."""

COUNT_METERS = ("request", "web_search", "file_search", "image")
"""Written in dollars each."""


class WrittenPrice(Protocol):
    """What the settings must say at least. All further meters of `PriceOverride` are read where they are there."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def free(self) -> bool: ...


class PriceOverride(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole price, in the place of the price list's: a meter it leaves out is billed as the meter it is a part of.

    Decimal strings of US dollars; `model` may have `*` in it. The first override that matches holds.
    """

    provider: str
    model: str
    input: str | None = None
    output: str | None = None
    cache_read: str | None = None
    cache_write: str | None = None
    cache_write_1h: str | None = None
    input_audio: str | None = None
    input_image: str | None = None
    cache_read_audio: str | None = None
    reasoning: str | None = None
    output_audio: str | None = None
    output_image: str | None = None
    request: str | None = None
    web_search: str | None = None
    file_search: str | None = None
    image: str | None = None
    free: bool = False
    context_window: int | None = None
    max_output_tokens: int | None = None


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """An override, read: its pattern compiled, its dollars counted."""

    provider: str
    pattern: str
    units: dict[str, UnitPrice]
    free: bool
    limits: ModelLimits
    digest: str

    def holds(self, provider: str, model: str) -> bool:
        """Whether it is the price of that model, named in lower case by its provider's canonical slug."""
        return self.provider == provider and re.match(self.pattern, model) is not None


def read_overrides(written: Iterable[WrittenPrice]) -> tuple[Override, ...]:
    """The overrides in the order in which they are tried. Raises SettingsInvalid for a price that cannot be meant."""
    return tuple(_read(price) for price in written)


def _read(price: WrittenPrice) -> Override:
    where = f'price of "{price.provider}/{price.model}"'
    units = {
        meter: UnitPrice(_amount(text, f"{where}, {meter}"), MILLION if meter in TOKEN_METERS else 1)
        for meter in (*TOKEN_METERS, *COUNT_METERS)
        if (text := getattr(price, meter, None)) is not None
    }
    if price.free and units:
        raise SettingsInvalid(f'{where}: it is "free: true" and names amounts; leave one of the two out.')
    if not price.free and not units:
        raise SettingsInvalid(f'{where}: it names no amount; add "input" and "output", or "free: true".')
    if ("input" in units) != ("output" in units) or (not price.free and not {"input", "request", "image"} & set(units)):
        raise SettingsInvalid(
            f'{where}: it needs both "input" and "output", in dollars per million tokens; "0" where nothing is billed.'
        )
    if price.free:
        units = {"input": NOTHING, "output": NOTHING}
    written = ",".join(f"{meter}={unit.amount}/{unit.per}" for meter, unit in sorted(units.items()))
    return Override(
        provider=canonical(price.provider),
        pattern=translate(price.model.lower()),
        units=units,
        free=all(unit.amount == 0 for unit in units.values()),
        limits=ModelLimits(getattr(price, "context_window", None), getattr(price, "max_output_tokens", None)),
        digest=hashlib.blake2s(written.encode(), digest_size=4).hexdigest(),
    )


def _amount(text: str, where: str) -> Money:
    # A price may be finer than a nanodollar a million; nobody's is, so that much is refused rather than rounded.
    try:
        amount = money.parse(text)
    except MoneyInvalid as error:
        raise SettingsInvalid(f"{where}: {error}.") from None
    if amount < 0:
        raise SettingsInvalid(f"{where}: {Decimal(text)} is below zero.")
    return amount
