"""Prices given in the settings: in dollars, or as a part of the list price, for a provider and a pattern of names."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import translate
from typing import Protocol

import msgspec

from tollway import money
from tollway.errors import MoneyInvalid, SettingsInvalid
from tollway.money import Money
from tollway.pricing.slugs import canonical
from tollway.pricing.units import MILLION, NOTHING, ModelLimits, UnitPrice, Units

PER_MILLION = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "input_audio",
    "input_image",
    "input_video",
    "cache_read_audio",
    "reasoning",
    "citation",
    "output_audio",
    "output_image",
    "characters",
)
"""Written in dollars per million tokens, or characters."""

EACH = (
    "request",
    "web_search",
    "file_search",
    "search_unit",
    "image",
    "video_seconds",
    "pages",
    "annotated_pages",
    "messages",
)
"""Written in dollars each."""

PER_HOUR = {"input_audio_hours": "input_audio_seconds", "output_audio_hours": "output_audio_seconds"}
"""Written in dollars an hour, and metered in seconds."""

KINDS = {"images": "image", "videos": "video_seconds"}
"""Written as kind → dollars each: `images: {"hd/1024x1792": "0.12"}`."""

_WHOLE = {
    "input",
    "request",
    "search_unit",
    "messages",
    "image",
    "video_seconds",
    "characters",
    "pages",
    "input_audio_seconds",
    "output_audio_seconds",
}
"""Meters that are a price by themselves; the others are parts of one."""

_PERCENT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,6})?) ?%")


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

    Or, with `discount` or `markup`, the list price with its tiers, less or more a part of it ("15%"). Decimal strings
    of US dollars; `model` may have `*` in it. The first override that matches, and is in effect, holds.
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
    input_video: str | None = None
    cache_read_audio: str | None = None
    reasoning: str | None = None
    citation: str | None = None
    output_audio: str | None = None
    output_image: str | None = None
    request: str | None = None
    web_search: str | None = None
    file_search: str | None = None
    search_unit: str | None = None
    messages: str | None = None
    image: str | None = None
    images: dict[str, str] | None = None
    """By kind, "quality/size"."""
    video_seconds: str | None = None
    videos: dict[str, str] | None = None
    """By kind, the resolution; a second each."""
    characters: str | None = None
    """A million."""
    pages: str | None = None
    annotated_pages: str | None = None
    input_audio_hours: str | None = None
    output_audio_hours: str | None = None
    discount: str | None = None
    """"15%": off the list price, whatever it is at the time."""
    markup: str | None = None
    """"5%": on top of the list price."""
    free: bool = False
    effective_from: str | None = None
    """A date (its midnight, UTC) or an instant with its time zone; `None`: always."""
    effective_to: str | None = None
    """The first instant at which it no longer holds."""
    context_window: int | None = None
    max_output_tokens: int | None = None


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """An override, read: its pattern compiled, its dollars counted."""

    provider: str
    model: str
    """The pattern as written."""
    pattern: str
    units: Units
    free: bool
    limits: ModelLimits
    digest: str
    factor: tuple[int, int] | None = None
    """What the list price is multiplied with, exactly; `None`: `units` are the price."""
    effective_from: int | None = None
    """Unix milliseconds."""
    effective_to: int | None = None

    def holds(self, provider: str, model: str) -> bool:
        """Whether it is the price of that model, named in lower case by its provider's canonical slug."""
        return self.provider == provider and re.match(self.pattern, model) is not None

    def active(self, at_ms: int) -> bool:
        """Whether it is in effect."""
        return (self.effective_from is None or self.effective_from <= at_ms) and (
            self.effective_to is None or at_ms < self.effective_to
        )


def read_overrides(written: Iterable[WrittenPrice]) -> tuple[Override, ...]:
    """The overrides in the order in which they are tried. Raises SettingsInvalid for a price that cannot be meant."""
    return tuple(_read(price) for price in written)


def _read(price: WrittenPrice) -> Override:
    where = f'price of "{price.provider}/{price.model}"'
    units = dict(_units(price, where))
    factor = _factor(price, where)
    if factor is not None and (units or price.free):
        raise SettingsInvalid(
            f"{where}: a discount or a markup is on the list price; leave out the amounts, or the percentage."
        )
    if price.free and units:
        raise SettingsInvalid(f'{where}: it is "free: true" and names amounts; leave one of the two out.')
    if not price.free and not units and factor is None:
        raise SettingsInvalid(f'{where}: it names no amount; add "input" and "output", a "discount", or "free: true".')
    if ("input" in units) != ("output" in units) or (
        units and not _WHOLE & {meter.partition(":")[0] for meter in units}
    ):
        raise SettingsInvalid(
            f'{where}: it needs both "input" and "output", in dollars per million tokens; "0" where nothing is billed.'
        )
    begins = _instant(getattr(price, "effective_from", None), f"{where}, effective_from")
    ends = _instant(getattr(price, "effective_to", None), f"{where}, effective_to")
    if begins is not None and ends is not None and begins >= ends:
        raise SettingsInvalid(f'{where}: it ends before it begins; "effective_to" is the first instant without it.')
    if price.free:
        units = {"input": NOTHING, "output": NOTHING}
    said = ",".join(f"{meter}={unit.amount}/{unit.per}" for meter, unit in sorted(units.items())) or f"x{factor}"
    return Override(
        provider=canonical(price.provider),
        model=price.model,
        pattern=translate(price.model.lower()),
        units=units,
        free=factor is None and all(unit.amount == 0 for unit in units.values()),
        limits=ModelLimits(getattr(price, "context_window", None), getattr(price, "max_output_tokens", None)),
        digest=hashlib.blake2s(said.encode(), digest_size=4).hexdigest(),
        factor=factor,
        effective_from=begins,
        effective_to=ends,
    )


def _units(price: WrittenPrice, where: str) -> Iterator[tuple[str, UnitPrice]]:
    written = [(meter, meter, MILLION) for meter in PER_MILLION] + [(meter, meter, 1) for meter in EACH]
    written += [(field, meter, 3_600) for field, meter in PER_HOUR.items()]
    for field, meter, per in written:
        text = getattr(price, field, None)
        if text is not None:
            yield meter, UnitPrice(_amount(text, f"{where}, {field}"), per)
    for field, meter in KINDS.items():
        kinds: Mapping[str, str] = getattr(price, field, None) or {}
        for kind, text in kinds.items():
            yield f"{meter}:{kind.lower()}", UnitPrice(_amount(text, f"{where}, {field}, {kind}"), 1)


def _factor(price: WrittenPrice, where: str) -> tuple[int, int] | None:
    """What the list price is multiplied with, as a fraction; `None` where the settings name no part of it."""
    discount: str | None = getattr(price, "discount", None)
    markup: str | None = getattr(price, "markup", None)
    if discount is not None and markup is not None:
        raise SettingsInvalid(f"{where}: a discount and a markup; leave one of the two out.")
    text = discount if discount is not None else markup
    if text is None:
        return None
    field = "discount" if discount is not None else "markup"
    found = _PERCENT.fullmatch(text.strip())
    if found is None:
        raise SettingsInvalid(f'{where}, {field}: "{text}" is not a part of the list price; write "15%" or "12.5%".')
    part = Decimal(found[1]) if markup is not None else -Decimal(found[1])
    if part <= -100:
        raise SettingsInvalid(f'{where}, discount: {text} leaves nothing to pay; write "free: true" if that is meant.')
    return (100 + part).as_integer_ratio()[0], (100 + part).as_integer_ratio()[1] * 100


def _amount(text: str, where: str) -> Money:
    # A price may be finer than a nanodollar a million; nobody's is, so that much is refused rather than rounded.
    try:
        amount = money.parse(text)
    except MoneyInvalid as error:
        raise SettingsInvalid(f"{where}: {error}.") from None
    if amount < 0:
        raise SettingsInvalid(f'{where}: {Decimal(text)} is below zero; write what it costs, or "0".')
    return amount


def _instant(text: str | None, where: str) -> int | None:
    """Unix milliseconds of a date's midnight (UTC) or of an instant."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsInvalid(f'{where}: "{text}" is neither a date (2026-07-01) nor an instant.') from None
    if moment.tzinfo is None:
        if len(text) > 10:
            raise SettingsInvalid(f'{where}: "{text}" has no time zone; write for example {text}Z.')
        moment = moment.replace(tzinfo=UTC)
    try:
        return int(moment.astimezone(UTC).timestamp()) * 1000
    except OverflowError:
        raise SettingsInvalid(
            f'{where}: "{text}" is in no year from 1 to 9999, UTC; leave the field out for always.'
        ) from None
