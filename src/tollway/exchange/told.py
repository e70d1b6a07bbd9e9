"""What a caller is told of its budgets: in the headers of an answer, and in the refusal of a budget that is spent."""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from tollway.budgets.holds import Claim
from tollway.budgets.window import Calendar, Total, describe
from tollway.cache.entry import Kept
from tollway.clock import iso
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Head
from tollway.exchange.story import Story
from tollway.ledger.reservation import Exhausted, Hold
from tollway.money import Money, compared, dollars
from tollway.pricing.charge import Charge
from tollway.rates.headers import rate_headers
from tollway.request import InferenceRequest


def exhausted(
    reply: Exhausted, hold: Hold, claimed: tuple[Claim, ...], amount: int, calendar: Calendar, now: int
) -> Refusal:
    """The refusal of a budget that is spent, or that others hold."""
    owners = [claim for claim in claimed for _ in claim.accounts]
    budget, balance = owners[reply.index].budget, reply.balance
    title = budget.title[:1].upper() + budget.title[1:]
    of_policy = {} if budget.bucket is None else {"policy": budget.name, "bucket": budget.bucket}
    resets_at = calendar.next_reset(budget.window, now)
    if reply.frozen:
        return Refusal(
            code="budget_frozen",
            rule=budget.name,
            message=f"{title} was frozen by an administrator (account {balance.account})"
            f"{_because(reply.reason)}; nothing that costs money is sent until it is unfrozen.",
            details={
                "budget": budget.name,
                "budget_id": budget.id,
                "account": balance.account,
                "reason": reply.reason or None,
                **of_policy,
            },
            # Callers are told why, not who: that is between administrators.
            for_log=f"frozen by {reply.by}" if reply.by else "",
        )
    if hold.share < 100:
        part = f" ({hold.share} % of the limit is for requests like this one)"
    else:
        part = ""
    details = {
        "budget": budget.name,
        "budget_id": budget.id,
        "account": balance.account,
        "window": describe(budget.window),
        "limit_usd": dollars(balance.limit),
        "spent_usd": dollars(balance.spent),
        "held_usd": dollars(balance.held),
        "needed_usd": dollars(amount),
        "resets_at": iso(resets_at) if resets_at is not None else None,
        **of_policy,
    }
    if balance.limit <= 0 and not reply.contended:
        # Nothing is nothing in the next window too, so no end of this one is named.
        return Refusal(
            code="budget_exceeded",
            rule=budget.name,
            message=f"{title} allows nothing that costs money: its limit is $0.00{part}. Waiting does not help; "
            "an administrator can raise it.",
            details={**details, "resets_at": None},
        )
    limit, spent, held, needed = compared(balance.limit, balance.spent, balance.held, amount)
    if resets_at is not None:
        resets = f"resets {_readable(resets_at)}"
    else:
        resets = "does not reset" if isinstance(budget.window, Total) else f"counts {describe(budget.window)}"
    if reply.contended:
        # What answers under way have not taken yet is not in what they hold.
        kept = ", and the rest is kept for answers under way" if balance.available >= amount else ""
        return Refusal(
            code="budget_contended",
            rule=budget.name,
            message=f"{title} is not spent, but held by requests under way: {spent} spent and {held} held of "
            f"{limit}; this request needs {needed}{kept}. Try again in a moment.",
            retry_after_s=1,
            details=details,
        )
    if balance.spent >= balance.limit:
        limit, spent = compared(balance.limit, balance.spent)
        said = f"is exhausted: {spent} of {limit} spent"
    else:
        limit, spent, needed = compared(balance.limit, balance.spent, amount)
        said = f"has too little left: {spent} of {limit} spent, and this request may cost {needed} (a smaller max_tokens costs less)"
    return Refusal(
        code="budget_exceeded",
        rule=budget.name,
        message=f"{title} {said}{part}; {resets}.",
        retry_after_s=max(1, -(-(resets_at - now) // 1000)) if resets_at is not None else None,
        details=details,
    )


class Stops(NamedTuple):
    """Makes the refusal of an answer whose hold could not be raised."""

    holds: tuple[Hold, ...]
    claimed: tuple[Claim, ...]
    calendar: Calendar
    now: int

    def __call__(self, reply: Exhausted | None) -> Refusal:
        if reply is None:
            return Refusal(
                code="budget_store_unavailable",
                message="The budget ledger cannot be written now, so the answer ends at what was held for it.",
                retry_after_s=1,
            )
        refusing, balance = self.holds[reply.index], reply.balance
        found = exhausted(reply, refusing, self.claimed, refusing.amount, self.calendar, self.now)
        if reply.frozen:
            return found
        limit, spent, held = compared(balance.limit, balance.spent, balance.held)
        owners = [claim for claim in self.claimed for _ in claim.accounts]
        ended = (
            f"The answer was ended where it would have passed {owners[reply.index].budget.title}: {spent} spent and {held} held, this "
            f"answer's part among it, of {limit}."
        )
        return msgspec.structs.replace(found, code="budget_exceeded", message=ended)


def tells_step(story: Story) -> bool:
    """Whether the caller is told which of several targets has answered."""
    return story.stepwise or story.route is not None or story.step > 0


def headers(
    story: Story, head: Head, charge: Charge | None, *, replayed: Kept | None = None
) -> tuple[tuple[bytes, bytes], ...]:
    """The provider's headers and ours: what was spent, and what is left of the tightest budget. `replayed`: the answer is this one
    of a request before, by its idempotency key."""
    request = story.request
    provider, model = (replayed.provider, replayed.model) if replayed is not None else story.served
    names = _CF_NAMES if request.cf_spelling else _NAMES
    identifier = request.id.encode()
    theirs = head.headers
    if story.standings:
        # A provider's own limits are not ours; two fields of one name would be one list to who reads them.
        theirs = tuple(header for header in theirs if header[0] not in _LIMITS)
    found = [*theirs, (names["request-id"], identifier)]
    if request.cf_spelling:
        found += [(b"cf-aig-log-id", identifier), (b"cf-aig-event-id", _event_id(request) or identifier)]
    step = replayed.step if replayed is not None else story.step if tells_step(story) else None
    if step is not None or request.cf_spelling:
        found.append((names["step"], str(step or 0).encode()))
    if story.lost:
        found.append((names["not-carried"], _ascii(", ".join(story.lost))))
    if provider is not None:
        found.append((names["provider"], provider.encode()))
    if model is not None:
        found.append((names["model"], _ascii(model)))
    if story.auto is not None:
        found += [
            (names["routed-model"], _ascii(f"{provider}/{model}")),
            (names["routing-reason"], story.auto.reason_at(story.step).encode()),
            (names["routing-decision-id"], identifier),
        ]
    if replayed is not None:
        found.append((names["idempotent-replayed"], b"true"))
    if story.cache_status:
        found.append((names["cache-status"], story.cache_status.encode()))
    if story.standings:
        found += rate_headers(story.standings, request.received_at)
    if charge is not None or (head.status >= 400 and story.booked):
        # What tries before this one were charged is a part of what the answer cost.
        spent = max(charge.amount if charge is not None else 0, story.booked)
        found.append((names["cost-usd"], dollars(Money(spent)).encode()))
    if story.clamped_to is not None:
        found.append((names["max-tokens"], str(story.clamped_to).encode()))
    if story.tightest is not None:
        claim, hold, balance = story.tightest
        # The number that refuses is the number that is shown: this request's own hold gives way to its charge, and an
        # error costs nothing.
        counted = charge.amount if charge is not None else 0 if head.status >= 400 else hold.amount
        available = balance.available + hold.amount - counted
        found += [
            (names["budget"], _ascii(claim.budget.name)),
            (names["budget-limit-usd"], _limit(balance.limit)),
            (names["budget-remaining-usd"], dollars(max(0, available)).encode()),
        ]
        if hold.until is not None:
            found.append((names["budget-resets-at"], _instant(hold.until)))
    for warning in story.warnings:
        found.append((names["budget-warning"], _ascii(warning)))
    for name in story.would_refuse:
        found.append((names["budget-would-block"], _ascii(name)))
    return tuple(found)


def _event_id(request: InferenceRequest) -> bytes:
    """What the caller calls this event, empty where it does not say."""
    named = next((value for name, value in request.headers if name == b"cf-aig-event-id"), b"")
    return named if len(named) <= LONGEST_EVENT_ID and named.isascii() and named.decode("ascii").isprintable() else b""


LONGEST_EVENT_ID = 128
"""Characters; a longer name is not said back."""
_LIMITS = frozenset({b"ratelimit", b"ratelimit-policy"})
_OURS = (
    "request-id",
    "provider",
    "model",
    "step",
    "routed-model",
    "routing-reason",
    "routing-decision-id",
    "not-carried",
    "idempotent-replayed",
    "cache-status",
    "cost-usd",
    "max-tokens",
    "budget",
    "budget-limit-usd",
    "budget-remaining-usd",
    "budget-resets-at",
    "budget-warning",
    "budget-would-block",
)
_NAMES = {name: f"tollway-{name}".encode() for name in _OURS}
_CF_NAMES = {name: f"cf-aig-{name}".encode() for name in _OURS}


# Few limits and few windows are in force at a time.
@lru_cache(maxsize=1024)
def _limit(amount: int) -> bytes:
    return dollars(amount).encode()


@lru_cache(maxsize=1024)
def _instant(ms: int) -> bytes:
    return iso(ms).encode()


def _because(reason: str) -> str:
    said = reason.strip().rstrip(".")
    return f': "{said}"' if said else ""


def _readable(ms: int) -> str:
    return iso(ms)[:16].replace("T", " ") + " UTC"


def _ascii(text: str) -> bytes:
    # RFC 9110, 5.5: visible ASCII only; anything else could end the header.
    if text.isascii() and text.isprintable():
        return text.encode()
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode()
