"""What is remembered of who was let in and who was not: when a key was used, and from where bad credentials come."""

from tollway.exchange.authenticate import NO_TOKENS, Asking, authenticate, carries_token
from tollway.exchange.refusal import Refusal
from tollway.identity.attempts import MOST_BAD, Attempts
from tollway.identity.identity import Identity
from tollway.proxy.world import World
from tollway.snapshot import Snapshot

_GUESSES = frozenset({"credential_unknown", "credential_ambiguous"})


async def authenticated(asking: Asking, snapshot: Snapshot, world: World) -> Identity | Refusal:
    """Who is asking, by key or token; what is to be remembered of it is (`noted`)."""
    tokens = await world.issuers.tokens(asking, snapshot) if carries_token(asking, snapshot) else NO_TOKENS
    return noted(authenticate(asking, snapshot, tokens), asking, snapshot, world.attempts)


def noted(answer: Identity | Refusal, asking: Asking, snapshot: Snapshot, attempts: Attempts) -> Identity | Refusal:
    """`answer` as it is to be given: where too many bad credentials came from the caller's address within a minute, the
    refusal of this one says when to come back. A good one opens whatever came before it.

    A key that is known and does not open (switched off, for another gateway) is no guess.
    """
    if type(answer) is Identity:
        if answer.key is not None:
            snapshot.issued.uses[answer.key] = asking.received_at
        return answer
    if answer.code not in _GUESSES or answer.rule:
        return answer
    retry_after_s = attempts.bad(asking.peer, asking.received_at)
    if retry_after_s is None:
        return answer
    return Refusal(
        code="credential_limited",
        message=f"More than {MOST_BAD} bad credentials came from this address within a minute. Send the right one at once, "
        f"or another after {retry_after_s} s.",
        retry_after_s=retry_after_s,
        for_log=answer.message,
    )
