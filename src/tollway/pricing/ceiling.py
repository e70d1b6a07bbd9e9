"""The dearest price that may apply to a request, whatever its usage turns out to be."""

from collections.abc import Iterable, Sequence

import msgspec

from tollway.money import Money
from tollway.pricing.units import NOTHING, UNLISTED_TOOLS, Price, UnitPrice

_INPUT = ("input", "cache_read", "cache_write")
_MEDIA_INPUT = ("input_audio", "input_image", "input_video", "cache_read_audio", "cache_read_image")
_OUTPUT = ("output", "reasoning", "citation", "output_audio", "output_image", "output_video")
_SECONDS = ("input_audio_seconds", "audio_seconds")
_UNMETERED = ("messages", "pages", "annotated_pages")
"""What is billed by counts that no request shows beforehand."""

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
    image: UnitPrice
    tools: dict[str, UnitPrice]
    seconds: UnitPrice
    least_seconds: int
    characters: UnitPrice
    unmetered: str | None
    """A meter that has a price and cannot be bounded from the request; `None` if there is none."""
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
    reached: list[dict[str, UnitPrice]] = []
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
        image=_dearest(units, ("image",)),
        tools={} if free else _tools(units),
        seconds=_dearest(units, _SECONDS),
        least_seconds=max((least for price in prices for least in price.at_least.values()), default=0),
        characters=_dearest(units, ("characters",)),
        unmetered=next((m for m in _UNMETERED for u in units if m in u), None),
        free=free,
    )


def _dearest(units: Iterable[dict[str, UnitPrice]], meters: Sequence[str]) -> UnitPrice:
    dearest = NOTHING
    for prices in units:
        for meter in meters:
            price = prices.get(meter)
            if price is not None and price.exceeds(dearest):
                dearest = price
    return dearest


def _tools(units: Sequence[dict[str, UnitPrice]]) -> dict[str, UnitPrice]:
    tools = {"code_execution": _CODE_EXECUTION}
    for tool, unlisted in UNLISTED_TOOLS.items():
        tools[tool] = _dearest([{tool: prices.get(tool, unlisted)} for prices in units], (tool,))
    return tools
