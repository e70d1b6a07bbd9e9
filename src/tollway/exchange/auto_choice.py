"""Which of several models is the cheapest that is good enough, and whether a conversation is worth moving to it.

Scores and thresholds are hundredths of a percent, money is nanodollars.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from tollway.autorouting.rules import Auto, Pooled
from tollway.autorouting.task import Task
from tollway.pricing.units import NOTHING, Price, UnitPrice

Reason = Literal[
    "cost_optimal_within_pool",
    "forced_by_candidate_pool",
    "pinned_by_turn",
    "fallback_candidate_unavailable",
    "fallback_key_not_in_candidates",
    "fallback_router_error",
    "fallback_router_timeout",
    "fallback_unsupported_input",
]
"""Cloudflare's names."""

BYTES_PER_TOKEN = 4
"""What a token of a conversation has on average, where costs are compared: it bounds nothing."""
ANSWER_TOKENS = 1_000
"""What an answer is taken to have, where costs are compared."""
_BLEND = 3
"""Tokens of input for each token of output, by which prices are put in order."""


class Runner(msgspec.Struct, frozen=True, kw_only=True):
    """A model that may be chosen."""

    name: str
    """`provider/model`, as the settings or the caller have it."""
    quality: int | None
    input: UnitPrice
    cached: UnitPrice
    output: UnitPrice

    @property
    def rank(self) -> tuple[int, str]:
        """Cheaper ones are less."""
        return self.input.times(_BLEND * 1_000_000) + self.output.times(1_000_000), self.name


class Routed(msgspec.Struct, frozen=True):
    """What was chosen, as callers are told."""

    reason: Reason
    step: int
    """How many targets had been passed over before."""

    def reason_at(self, step: int) -> Reason:
        """The reason, where `step` targets have been passed over by the time something answered."""
        return self.reason if step == self.step else "fallback_candidate_unavailable"


def runner(pooled: Pooled, price: Price, input_tokens: int) -> Runner | None:
    """The model at its price for a prompt of that length; `None` where it is not sold by the token."""
    units = price.units_at(input_tokens)
    given, made = units.get("input"), units.get("output")
    if price.free:
        given, made = given or NOTHING, made or NOTHING
    if given is None or made is None:
        return None
    return Runner(
        name=pooled.name, quality=pooled.quality, input=given, cached=units.get("cache_read", given), output=made
    )


def in_order(runners: Sequence[Runner], score: int | None, auto: Auto) -> tuple[Runner, ...]:
    """All of them as they are to be tried: the cheapest that is good enough for `score`, then the others that are, the cheapest
    first; then those that are not, the best first.

    A prompt without a score is taken for one that just needs a better model than the cheapest.
    """
    levels = _levels(runners)
    rungs = sorted(set(levels.values()))
    steps = auto.steps(len(rungs))
    judged = score if score is not None else (steps[0] if steps else 0)
    needed = rungs[sum(1 for step in steps if judged >= step)] if rungs else 0
    good = sorted((one for one in runners if levels[one.name] >= needed), key=lambda one: one.rank)
    rest = sorted((one for one in runners if levels[one.name] < needed), key=lambda one: (-levels[one.name], one.rank))
    return (*good, *rest)


def worth_moving(pinned: Runner, other: Runner, task: Task, cap: int | None) -> bool:
    """Whether a conversation that `pinned` has in its prompt cache is worth moving to `other` for its next turn.

    To a cheaper model: where the turn, with all before it read anew there, costs less than it does here with that read from
    the cache. To a dearer one, which the prompt calls for: where reading what is in the cache anew costs no more than the turn
    itself does there. `cap`: the caller's own, on the tokens of the answer.
    """
    before, turn = task.before_bytes // BYTES_PER_TOKEN, task.turn_bytes // BYTES_PER_TOKEN
    answer = min(cap, ANSWER_TOKENS) if cap is not None else ANSWER_TOKENS
    if other.rank < pinned.rank:
        stay = pinned.cached.times(before) + pinned.input.times(turn) + pinned.output.times(answer)
        return other.input.times(before + turn) + other.output.times(answer) < stay
    lost = pinned.input.times(before) - pinned.cached.times(before)
    return lost <= other.input.times(turn) + other.output.times(answer)


def too_long(window: int | None, longest: int | None, prompt_bytes: int, cap: int | None) -> str | None:
    """Why the prompt, or its answer, is too long for a model; `None` where it is not known to be.

    A token is taken for three bytes, which is fewer than it has in most texts: what turns out too long after all is the
    provider's own error, and the next model is tried.
    """
    tokens = prompt_bytes // 3
    if window is not None and tokens > window:
        return f"about {tokens:,} tokens are more than its {window:,}"
    if longest is not None and cap is not None and cap > longest:
        return f"it gives {longest:,} tokens at most, not {cap:,}"
    return None


def _levels(runners: Sequence[Runner]) -> dict[str, int]:
    """The rung of each: its quality; its place by price, where one of them has no quality."""
    if all(one.quality is not None for one in runners):
        return {one.name: one.quality or 0 for one in runners}
    return {one.name: place for place, one in enumerate(sorted(runners, key=lambda one: one.rank))}
