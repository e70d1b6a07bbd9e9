"""Rate limits on the road of a request: it is counted once, whatever is tried; a larger try counts the tokens that it has more."""

from collections.abc import Generator
from typing import Any

from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import Selection
from tollway.exchange.steps import Admit, Command, Corrected
from tollway.exchange.story import Story
from tollway.rates.claims import RateClaim, claims
from tollway.rates.counters import Admitted, Limited
from tollway.rates.limit import RateLimit
from tollway.rates.refused import limited
from tollway.request import Ask

_LIKELY_OUTPUT = 1_024
"""Tokens that an answer is expected to have, whose request names no cap, until it is known."""
_BYTES_PER_TOKEN = 4


def admitted(
    story: Story, limits: tuple[RateLimit, ...], selection: Selection, ask: Ask, size: int
) -> Generator[Command, Any, Refusal | None]:
    """Counts the request on the limits that mean it and have not counted it yet, or not so large; or why it has to wait.

    `size`: bytes of its body, by which its tokens are guessed until its answer tells them.
    """
    output = _LIKELY_OUTPUT if ask.max_output_tokens is None else min(ask.max_output_tokens, _LIKELY_OUTPUT)
    tokens = size // _BYTES_PER_TOKEN + output * ask.choices
    counted: dict[tuple[str, str], int] = {}
    for one in story.admitted:
        for claim in one.claims:
            counted[_name(claim)] = counted.get(_name(claim), 0) + one.tokens
    fresh: list[RateClaim] = []
    larger: dict[int, list[RateClaim]] = {}
    for claim in claims(limits, selection.facts):
        before = counted.get(_name(claim))
        if before is None:
            fresh.append(claim)
        elif before < tokens and (most := claim.limit.tokens) is not None:
            # What never fits is asked for as a whole, so that it is refused as that.
            never = tokens > most and claim.limit.mode == "enforce"
            larger.setdefault(tokens if never else tokens - before, []).append(claim)
    asked = [Admit(tuple(found), more, requests=0) for more, found in larger.items()]
    for admit in ([Admit(tuple(fresh), tokens)] if fresh else []) + asked:
        refusal = yield from _admitted(story, admit)
        if refusal is not None:
            return refusal
    return None


def _admitted(story: Story, admit: Admit) -> Generator[Command, Any, Refusal | None]:
    reply: Admitted | Limited | None = yield admit
    if isinstance(reply, Limited):
        said = limited(reply)
        story.standings = (*story.standings, *reply.standings)
        return Refusal(
            code=said.code,
            message=said.message,
            rule=said.rule,
            retry_after_s=said.retry_after_s,
            details=said.details,
        )
    if reply is not None:
        story.admitted = (*story.admitted, reply)
        story.standings = (*story.standings, *reply.standings)
        story.exceeded(reply)
    return None


def corrected(story: Story) -> Generator[Command, Any, None]:
    """Tells the limits what was really used, where that is known; what was expected stands where it is not."""
    tokens = story.tokens if story.calls else None
    if tokens is None and story.calls:
        return
    known: set[tuple[str, str]] = set()
    for one in story.admitted:
        names = {_name(claim) for claim in one.claims}
        if one.counted:
            # What a larger try added is a part of what the first was expected to use, which takes all of it.
            yield Corrected(one, 0 if tokens is not None and names <= known else tokens)
        known |= names


def _name(claim: RateClaim) -> tuple[str, str]:
    return claim.limit.id, claim.bucket
