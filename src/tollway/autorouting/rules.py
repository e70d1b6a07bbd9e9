"""What a gateway's settings say of automatic routing: the models to choose from, and from which score on a better one is needed."""

from typing import Literal

import msgspec

NAMES = ("tollway/auto", "cloudflare/auto")
"""The model names by which it is called."""

Input = Literal["image", "audio", "video", "document", "tools"]
"""What a prompt may have besides text."""

WHOLE = 10_000
"""Scores and thresholds are kept in hundredths of a percent: 10,000 is a score of 1."""
HARDEST = 4_500
"""About one prompt in twenty scores above it (docs/reference/auto-router-scorer.md)."""
MOST_MODELS = 50


class Pooled(msgspec.Struct, frozen=True):
    """A model to choose from."""

    name: str
    """`provider/model`."""
    quality: int | None = None
    """1 to 100, by no scale but the pool's own; `None`: only its price tells it from the others."""
    takes: frozenset[Input] | None = None
    """What it takes besides text; `None`: as is known of it."""


class Auto(msgspec.Struct, frozen=True, kw_only=True):
    """How a gateway chooses where a caller leaves it to."""

    models: tuple[Pooled, ...]
    """The pool."""
    also: tuple[Pooled, ...] = ()
    """Those that callers may name besides."""
    thresholds: tuple[int, ...] = (2_500,)
    """Not falling. One: from that score on the cheapest models do not do; several: each begins a step of the ladder."""

    def steps(self, rungs: int) -> tuple[int, ...]:
        """From which score on each rung of a ladder but the first is needed, for a ladder of that many rungs.

        Where the settings have a threshold for each, those. Of a single one the others are spread evenly between it and the
        score that one prompt in twenty passes, so that the top is reached. Of several others, some are left out or used twice.
        """
        needed = rungs - 1
        given = self.thresholds
        if needed <= 0:
            return ()
        if len(given) == 1 and needed > 1:
            first, last = given[0], max(given[0], HARDEST)
            return tuple(first + (last - first) * place // (needed - 1) for place in range(needed))
        if len(given) == needed:
            return given
        if needed == 1:
            # Two rungs, and several thresholds: the middle one parts them.
            return (given[len(given) // 2],)
        return tuple(given[place * (len(given) - 1) // (needed - 1)] for place in range(needed))


def _of(quality: int, *names: str) -> tuple[Pooled, ...]:
    return tuple(Pooled(name, quality) for name in names)


DEFAULT_MODELS = (
    *_of(1, "openai/gpt-5-mini", "google/gemini-2.5-flash", "xai/grok-4-fast", "anthropic/claude-haiku-4-5"),
    *_of(2, "openai/gpt-5.1", "google/gemini-2.5-pro", "xai/grok-4", "anthropic/claude-sonnet-4-5"),
)
"""The pool where the settings name none: of each, only what this gateway can call."""
DEFAULT_ALSO = (
    *_of(1, "openai/gpt-5-nano", "openai/gpt-4.1-mini", "openai/gpt-4o-mini", "google/gemini-2.5-flash-lite"),
    *_of(1, "mistral/mistral-small-latest", "deepseek/deepseek-chat"),
    *_of(2, "openai/gpt-5", "openai/gpt-4.1", "openai/gpt-4o", "mistral/mistral-large-latest"),
    *_of(3, "openai/gpt-5.2", "anthropic/claude-opus-4-5", "google/gemini-3-pro-preview"),
)
"""What callers may name besides, by a pattern, where the settings do not say."""
