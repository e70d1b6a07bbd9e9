"""Small things that a story notes."""

from collections.abc import Sequence
from typing import NamedTuple

from tollway.errors import UsageInvalid
from tollway.exchange.allowance import Allowance
from tollway.exchange.steps import Ended
from tollway.exchange.target import Target
from tollway.ledger.reservation import Held
from tollway.logs.record import Attempt, Decision, Raised
from tollway.money import Money, compared
from tollway.pricing.charge import Basis, Charge
from tollway.pricing.lines import usage_of
from tollway.routes.walk import Trail
from tollway.usage import Report, Usage


class Swapped(NamedTuple):
    """A model that is to serve instead of the one asked for, both as `provider/model`."""

    budget: str
    """The name of the last budget that wanted it."""
    asked: str
    served: str


class Repeat(NamedTuple):
    """A request that is to be answered once."""

    key: bytes
    fingerprint: bytes


def attempt_of(
    target: Target | None,
    began_ns: int,
    number: int,
    outcome: str,
    *,
    status: int | None = None,
    code: str = "",
    charge: Charge | None = None,
    sent_ns: int | None = None,
    ended_ns: int | None = None,
) -> Attempt:
    """A try of a request that came in at `began_ns`, as the log keeps it; all instants are on the monotonic clock."""
    return Attempt(
        number=number,
        provider=target.provider.slug if target is not None else "",
        model=(target.model or "") if target is not None else "",
        outcome=outcome,
        status=status,
        code=code,
        cost=charge.amount if charge is not None else None,
        sent_us=since(began_ns, sent_ns),
        ended_us=since(began_ns, ended_ns),
    )


def since(began_ns: int, at_ns: int | None) -> int | None:
    """Microseconds."""
    return (at_ns - began_ns) // 1000 if at_ns is not None else None


def sent_at(ended: Ended | None) -> int | None:
    """When the call was sent whose answer has ended, on the monotonic clock; `None` where that is not known."""
    return ended.at_ns - ended.upstream_us * 1000 if ended is not None and ended.upstream_us is not None else None


def of_hold(held: Held, names: Sequence[str], clamped_to: int | None) -> list[Decision]:
    """What is worth a note of money that is held. `names`: of the budget of each hold; `clamped_to`: tokens that the output was
    lowered to."""
    found: list[Decision] = []
    if held.unwritten:
        said = "the store could not be written; held in memory alone, as its budgets allow"
        found.append(Decision(step="reserve", outcome="note", code="unwritten", detail=said))
    for index in held.would_refuse:
        limit, spent = compared(held.balances[index].limit, held.balances[index].spent)
        said = f"{spent} spent of {limit}, monitored only"
        found.append(Decision(step="reserve", outcome="note", code="would_refuse", rule=names[index], detail=said))
    if clamped_to is not None:
        said = f"output capped at {clamped_to} tokens"
        found.append(Decision(step="reserve", outcome="note", code="clamped", detail=said))
    return found


def raised(allowance: Allowance | None) -> Raised | None:
    return Raised(allowance.first, allowance.held, allowance.raises) if allowance is not None else None


def together(before: Charge | None, charge: Charge | None) -> Charge | None:
    """What several tries of a request were charged; the price is the last one's, and the basis the least certain one."""
    if before is None or charge is None:
        return charge if before is None else before
    bases = (before.basis, charge.basis)
    basis: Basis = "presumed" if "presumed" in bases else "counted" if "counted" in bases else "metered"
    return Charge(Money(before.amount + charge.amount), (*before.lines, *charge.lines), charge.price_id, basis)


def tokens_of(usage: Usage | None) -> int | None:
    """Input and output of one try, `None` where neither is known."""
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


def walked(route: str | None, trail: Trail | None) -> tuple[Decision, ...]:
    """The way that was taken through a route."""
    if trail is None:
        return ()
    path = " > ".join(trail.elements)[:512]
    return (Decision(step="route", outcome="note", code="route", rule=route or "", detail=path),)


def believed(report: Report | None, charge: Charge) -> Usage | None:
    """The usage that the ledger adds up: what was told, unless it was not what the charge was made from."""
    if charge.basis == "counted" and charge.lines:
        # What was told of a cut answer is its beginning alone.
        return usage_of(charge.lines)
    if report is None or report.usage is None or charge.basis == "presumed":
        return None
    try:
        report.usage.check()
    except UsageInvalid:
        return None
    return report.usage
