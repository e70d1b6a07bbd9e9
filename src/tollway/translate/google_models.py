"""What a model of Google's takes, by its name: the API answers 400 to a field that the model does not know."""

from __future__ import annotations

import re

import msgspec

NO_SIGNATURE = "skip_thought_signature_validator"
"""What to write for a call that another model made. https://ai.google.dev/gemini-api/docs/thought-signatures has this word, and
another that says the same."""
SAY_NOTHING = frozenset({NO_SIGNATURE, "context_engineering_is_the_way_to_go"})
"""Signatures that are none."""
_GEMINI = re.compile(r"gemini-(\d{1,2})(?:\.(\d{1,2}))?(?![\d])")


class Gemini(msgspec.Struct, frozen=True):
    """How a model thinks. https://ai.google.dev/gemini-api/docs/thinking"""

    thinks: bool = True
    levels: bool = True
    """It takes `thinkingLevel`; the older ones take `thinkingBudget`."""
    signs: bool = False
    """Its calls must come back signed."""
    least_level: str = "MINIMAL"
    least_budget: int = 0
    most_budget: int = 24_576


def gemini(model: str) -> Gemini:
    """An alias without a version ("gemini-flash-latest") is the newest, as is any name that says nothing."""
    name = model.lower()
    pro = "pro" in name
    found = _GEMINI.search(name)
    if found is None or int(found[1]) >= 3:
        return Gemini(signs="gemini" in name, least_level="LOW" if pro else "MINIMAL")
    thinks = (int(found[1]), int(found[2] or 0)) >= (2, 5)
    # Gemini 2.5 Pro cannot be told not to think.
    return Gemini(thinks=thinks, levels=False, least_budget=128 if pro else 0, most_budget=32_768 if pro else 24_576)
