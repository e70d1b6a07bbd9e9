"""Where the two public price lists disagree: told, so that someone can look which is right. The book has the first one's."""

from typing import NamedTuple

import msgspec

from tollway.money import Money
from tollway.pricing.slugs import price_list

FILE = "disagreements.json"
"""Beside this module; compiled with the book, and read by nothing unless someone asks."""


class Disagreement(NamedTuple):
    """One meter of one model, at two prices for a million tokens."""

    provider: str
    model: str
    meter: str
    genai_prices: Money
    """Nanodollars for a million, the last of its dated prices."""
    litellm: Money
    charged_as: str = ""
    """The meter whose price genai-prices' is, where the list has none of this one, so that it is charged as that."""


def disagreements(compiled: bytes, provider: str | None = None) -> list[Disagreement]:
    """What the file says, of one provider, named in any way, or of all."""
    every = msgspec.json.decode(compiled, type=list[Disagreement])
    return every if provider is None else [found for found in every if found.provider == price_list(provider)]
