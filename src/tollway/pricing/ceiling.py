"""The dearest price that may apply to a request, whatever its usage turns out to be."""

from collections.abc import Iterable, Sequence

import msgspec

from tollway.money import Money
from tollway.pricing.units import NOTHING, UNLISTED_TOOLS, Price, UnitPrice, Units, dearest_kind, of_kind

_INPUT = ("input", "cache_read", "cache_write")
_MEDIA_INPUT = ("input_audio", "input_image", "input_video", "cache_read_audio", "cache_read_image")
_OUTPUT = ("output", "reasoning", "output_audio", "output_image", "output_video")
_SECONDS = ("input_audio_seconds", "audio_seconds")
_TEXT = ("input", "cache_write", "cache_write_1h", "output")

UNSEEN = ("messages", "pages", "annotated_pages", "search_unit", "output_audio_seconds", "citation")
"""What is billed by counts that no body shows by its size; the codec may read them from its fields (`Ask.known`)."""

_CODE_EXECUTION = UnitPrice(Money(50_000_000), 1)
"""A sandbox for one request: $0.05, the dearer of Anthropic's (an hour of container) and OpenAI's ($0.03 a session)."""


class Step(msgspec.Struct, frozen=True):
    """The dearest token prices of a request whose input bound is above `over_input_tokens`."""

    over_input_tokens: int
    input: UnitPrice
    output: UnitPrice


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """For each meter, the dearest of several prices. All zero for a model that is free."""

    price_id: str
    """Of the price that holds now at the standard tier."""
    provider: str
    model: str
    steps: tuple[Step, ...]
    request: UnitPrice
    image: tuple[Units, ...]
    """The prices of pictures of every kind, of each of the prices that may apply."""
    video: tuple[Units, ...]
    """As `image`, of a second of video."""
    tools: Units
    seconds: UnitPrice
    least_seconds: int
    characters: UnitPrice
    unseen: Units
    """The dearest price of each meter in `UNSEEN`."""
    free: bool

    def at(self, input_tokens: int) -> Step:
        """The token prices of a request with at most that many input tokens."""
        last = self.steps[0]
        for step in self.steps:
            if input_tokens > step.over_input_tokens:
                last = step
        return last


def ceiling(prices: Sequence[Price], *, long_cache: bool, media: bool) -> Ceiling:
    """The dearest of `prices` by meter; the first of them gives its name.

    `long_cache`: a cache write may be kept for an hour. `media`: the input may hold audio, images or video.
    """
    first = prices[0]
    meters = _INPUT + (("cache_write_1h",) if long_cache else ()) + (_MEDIA_INPUT if media else ())
    thresholds = sorted({-1} | {tier.over_input_tokens for price in prices for tier in price.tiers})
    steps: list[Step] = []
    # A request bounded by n tokens may turn out smaller than any threshold below n, so all tiers up to there may apply.
    reached: list[Units] = []
    for threshold in thresholds:
        reached += [price.units_at(threshold + 1) for price in prices]
        steps.append(Step(threshold, _dearest(reached, meters), _dearest(reached, _OUTPUT)))
    units = [price.units for price in prices]
    free = all(price.free for price in prices)
    return Ceiling(
        price_id=first.id,
        provider=first.provider,
        model=first.model,
        steps=tuple(steps),
        request=_dearest(units, ("request",)),
        image=_kinds(units, "image"),
        video=_kinds(units, "video_seconds"),
        tools={} if free else _tools(units),
        seconds=_dearest(units, _SECONDS),
        least_seconds=max((least for price in prices for least in price.at_least.values()), default=0),
        characters=_dearest(units, ("characters",)),
        unseen=_each(units, UNSEEN),
        free=free,
    )


def _dearest(units: Iterable[Units], meters: Sequence[str]) -> UnitPrice:
    dearest = NOTHING
    for prices in units:
        for meter in meters:
            price = prices.get(meter)
            if price is not None and price.exceeds(dearest):
                dearest = price
    return dearest


def _each(units: Iterable[Units], meters: Sequence[str]) -> Units:
    """The dearest price of each of `meters` that costs anything."""
    found = {meter: _dearest(units, (meter,)) for meter in meters}
    return {meter: unit for meter, unit in found.items() if unit.amount}


def _kinds(units: Iterable[Units], meter: str) -> tuple[Units, ...]:
    """The prices of one meter, of every kind, in each of `units` that has any."""
    found: list[Units] = []
    for prices in units:
        kinds = {named: unit for named, unit in prices.items() if named.partition(":")[0] == meter and unit.amount}
        if kinds and kinds not in found:
            found.append(kinds)
    return tuple(found)


def dearest_of(prices: Iterable[Units], meter: str, kind: str | None) -> UnitPrice:
    """The most that one `meter` of `kind` costs at any of `prices`; of any kind, where it is not known."""
    dearest = NOTHING
    for units in prices:
        found = of_kind(units, meter, kind) if kind else dearest_kind(units, meter)
        if found is not None and found[1].exceeds(dearest):
            dearest = found[1]
    return dearest


def dearest_text(units: Sequence[Units]) -> Units:
    """For each meter of text, the dearest of all prices. A meter that none has is billed as the one it is a part of."""
    found = _each(units, _TEXT)
    # A cache write without a price of its own costs as much as input.
    return {"input": NOTHING, "output": NOTHING} | {
        meter: unit
        for meter, unit in found.items()
        if meter in ("input", "output") or unit.exceeds(found.get("input", NOTHING))
    }


def _tools(units: Sequence[Units]) -> Units:
    tools = {"code_execution": _CODE_EXECUTION}
    for tool, unlisted in UNLISTED_TOOLS.items():
        tools[tool] = _dearest([{tool: prices.get(tool, unlisted)} for prices in units], (tool,))
    return tools
