"""Small things that a story notes."""

from typing import NamedTuple

from tollway.errors import UsageInvalid
from tollway.exchange.allowance import Allowance
from tollway.logs.record import Decision, Raised
from tollway.money import Money
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
