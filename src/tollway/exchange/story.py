"""What is known of a request as it goes along: the source of its ledger entries and its log record."""

from collections.abc import Mapping
from typing import NamedTuple

from tollway.budgets.holds import Claim
from tollway.errors import UsageInvalid
from tollway.exchange.allowance import Allowance
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Ended, Head, Sent
from tollway.exchange.target import Target
from tollway.identity.attributes import all_metadata
from tollway.identity.identity import Identity
from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.ledger.reservation import Balance, Held, Hold, Reservation
from tollway.logs.record import Attempt, Decision, Durations, LogRecord, Raised
from tollway.match import Attribute
from tollway.money import ZERO, compared
from tollway.pricing.charge import Charge, Unpriced
from tollway.pricing.estimate import Quote
from tollway.pricing.lines import usage_of
from tollway.request import InferenceRequest
from tollway.usage import Report, Usage


class Swapped(NamedTuple):
    """A model that is to serve instead of the one asked for, both as `provider/model`."""

    budget: str
    """The name of the last budget that wanted it."""
    asked: str
    served: str


class Story:
    """The notes of one exchange. Mutable, and owned by that exchange alone."""

    __slots__ = (
        "_allowance",
        "_attempts",
        "_charge",
        "_context",
        "_decisions",
        "_ended",
        "_facts",
        "_head",
        "_holds",
        "_sent",
        "attempt",
        "clamped_to",
        "identity",
        "refused_at",
        "request",
        "swap",
        "target",
        "tightest",
        "warnings",
        "would_refuse",
    )

    def __init__(self, request: InferenceRequest) -> None:
        self.request = request
        self.attempt = 1
        self.identity: Identity | None = None
        self.target: Target | None = None
        self.tightest: tuple[Claim, Hold, Balance] | None = None
        self.clamped_to: int | None = None
        self.swap: Swapped | None = None
        """The model that is to serve instead of the one asked for."""
        self.refused_at = "reserve"
        """The step at which a refusal was made."""
        self.warnings: tuple[str, ...] = ()
        """What budgets of which much is spent want the caller to know."""
        self.would_refuse: tuple[str, ...] = ()
        """Budgets that are only monitored and would have refused."""
        self._facts: Mapping[str, Attribute] = {}
        self._context: Context | None = None
        self._decisions: list[Decision] = []
        self._attempts: list[Attempt] = []
        self._holds: tuple[Hold, ...] = ()
        self._allowance: Allowance | None = None
        self._charge: Charge | None = None
        self._head: Head | None = None
        self._ended: Ended | None = None
        self._sent: Sent | None = None

    def knows(self, facts: Mapping[str, Attribute], context: Context | None = None) -> None:
        """What is known of the caller; and, where it has been worked out before, what the ledger keeps of it."""
        self._facts = facts
        self._context = context

    def context(self) -> Context:
        """Who asks for what, as the ledger keeps it."""
        if self._context is None:
            identity, target = self.identity, self.target
            self._context = Context(
                gateway=self.request.gateway,
                provider=target.provider.slug if target is not None else "",
                model=(target.model or "") if target is not None else "",
                user=identity.user if identity is not None else None,
                groups=identity.groups if identity is not None else (),
                key=identity.key if identity is not None else None,
                service=identity.service if identity is not None else None,
                metadata=all_metadata(dict(self._facts)),
            )
        return self._context

    def granted(
        self,
        reservation: Reservation,
        held: Held,
        claimed: tuple[Claim, ...],
        quote: Quote | None,
        *,
        clamped: bool,
        allowance: Allowance | None = None,
    ) -> None:
        """Notes what is held, which budget is tightest, and what a monitored one would have said."""
        self._holds, self._allowance = reservation.holds, allowance
        owners = [claim for claim in claimed for _ in claim.accounts]
        least: int | None = None
        for claim, hold, balance in zip(owners, reservation.holds, held.balances, strict=True):
            if hold.enforced:
                # Without this request's own hold, which not every guarantee places: what is left once it is settled.
                left = balance.limit - balance.spent - balance.held + hold.amount
                if least is None or left < least:
                    least = left
                    self.tightest = (claim, hold, balance)
        if held.unwritten:
            self._decisions.append(
                Decision(
                    step="reserve",
                    outcome="note",
                    code="unwritten",
                    detail="the store could not be written; held in memory alone, as its budgets allow",
                )
            )
        self.would_refuse = tuple(dict.fromkeys(owners[index].budget.name for index in held.would_refuse))
        for index in held.would_refuse:
            limit, spent = compared(held.balances[index].limit, held.balances[index].spent)
            self._decisions.append(
                Decision(
                    step="reserve",
                    outcome="note",
                    code="would_refuse",
                    rule=owners[index].budget.name,
                    detail=f"{spent} spent of {limit}, monitored only",
                )
            )
        if clamped and quote is not None:
            self.clamped_to = quote.output_tokens
            self._decisions.append(
                Decision(
                    step="reserve",
                    outcome="note",
                    code="clamped",
                    detail=f"output capped at {quote.output_tokens} tokens",
                )
            )
        names = ", ".join(claim.budget.name for claim in claimed)
        self._decisions.append(Decision(step="reserve", outcome="allow", rule=names))

    def entry(self, reservation: Reservation, charge: Charge | Unpriced, ended: Ended | None, now: int) -> LedgerEntry:
        """The ledger entry of an attempt; an unknown price is an entry of its own kind, never a charge of nothing."""
        if isinstance(charge, Unpriced):
            kind, booked = "unpriced", Charge(ZERO)
        else:
            kind, booked = ("presumed" if charge.basis == "presumed" else "charge"), charge
        report = ended.report if ended is not None else None
        return LedgerEntry(
            id=entry_id(reservation.request_id, reservation.attempt, kind),
            reservation_id=reservation.id,
            request_id=reservation.request_id,
            attempt=reservation.attempt,
            kind=kind,
            charge=booked,
            legs=tuple((hold.account, hold.bucket) for hold in reservation.holds),
            context=self.context(),
            response_model=report.response_model if report is not None else None,
            usage=_believed(report, booked),
            occurred_at=reservation.opened_at,
            recorded_at=ended.at if ended is not None else now,
        )

    def settled(self, charge: Charge | None) -> None:
        self._charge = charge

    def noted(self, notes: tuple[Decision, ...]) -> None:
        """What is to be seen of a settlement in the log."""
        self._decisions += notes

    def attempted(self, number: int, outcome: str, *, status: int | None = None, code: str = "") -> None:
        target = self.target
        self._attempts.append(
            Attempt(
                number=number,
                provider=target.provider.slug if target is not None else "",
                model=(target.model or "") if target is not None else "",
                outcome=outcome,
                status=status,
                code=code,
            )
        )

    def ended(self, attempt: int, head: Head, ended: Ended) -> None:
        self._head, self._ended = head, ended
        outcome = {"complete": "answered" if head.status < 400 else "rejected"}.get(ended.reason, ended.reason)
        self.attempted(attempt, outcome, status=head.status)

    def would_have_ended(self, claimed: tuple[Claim, ...], indexes: tuple[int, ...]) -> None:
        """Budgets that only watch would have ended the answer."""
        owners = [claim for claim in claimed for _ in claim.accounts]
        self._decisions += [
            Decision(step="relay", outcome="note", code="would_refuse", rule=owners[index].budget.name)
            for index in indexes
        ]

    def downgraded(self, budget: str, asked: str, served: str) -> None:
        """Another model is to serve; the next attempt begins."""
        self.swap = Swapped(budget, self.swap.asked if self.swap is not None else asked, served)
        self.attempted(self.attempt, "downgraded")
        self.attempt += 1
        self.clamped_to = None
        self._decisions.append(
            Decision(
                step="route", outcome="note", code="downgraded", rule=budget, detail=f"{served} instead of {asked}"
            )
        )

    def not_downgraded(self, budget: str, to: str, why: str | None = None) -> None:
        """The model that a budget names instead cannot answer this call, or its caller may not use it, as `why` says."""
        detail = f"{to} cannot answer this call" if why is None else f"{to} may not be used: {why}"
        self._decisions.append(
            Decision(step="route", outcome="note", code="not_downgraded", rule=budget, detail=detail)
        )

    def refused(self, step: str, refusal: Refusal) -> None:
        self._decisions.append(
            Decision(
                step=step,
                outcome="deny",
                code=refusal.code,
                rule=refusal.rule,
                detail=f"{refusal.message} ({refusal.for_log})" if refusal.for_log else refusal.message,
            )
        )

    def sent(self, sent: Sent) -> None:
        self._sent = sent

    def record(self, status: int, code: str) -> LogRecord:
        """The log record, when all is said."""
        request, identity, target, ended = self.request, self.identity, self.target, self._ended
        report = ended.report if ended is not None else None
        over_ns = (
            self._sent.at_ns if self._sent is not None else ended.at_ns if ended is not None else request.started_ns
        )
        first_ns = (ended.first_chunk_ns or self._head.at_ns) if ended is not None and self._head is not None else None
        return LogRecord(
            request_id=request.id,
            at=request.received_at,
            gateway=request.gateway,
            method=request.method,
            path=request.path,
            api=request.api,
            status=status,
            code=code,
            provider=target.provider.slug if target is not None else request.provider,
            request_model=target.model if target is not None else None,
            response_model=report.response_model if report is not None else None,
            user=identity.user if identity is not None else None,
            groups=identity.groups if identity is not None else (),
            key=identity.key if identity is not None else None,
            service=identity.service if identity is not None else None,
            metadata=self._context.metadata if self._context is not None else all_metadata(dict(self._facts)),
            usage=report.usage if report is not None else None,
            charge=self._charge,
            holds=self._holds,
            raised=_raised(self._allowance),
            decisions=tuple(self._decisions),
            attempts=tuple(self._attempts),
            durations=Durations(
                total_us=(over_ns - request.started_ns) // 1000,
                upstream_us=ended.upstream_us if ended is not None else None,
                first_chunk_us=(first_ns - request.started_ns) // 1000 if first_ns is not None else None,
            ),
            streamed=ended is not None and ended.streamed,
            request_bytes=len(request.body),
            response_bytes=ended.bytes_passed if ended is not None else 0,
            user_agent=request.user_agent,
        )


def _raised(allowance: Allowance | None) -> Raised | None:
    return Raised(allowance.first, allowance.held, allowance.raises) if allowance is not None else None


def _believed(report: Report | None, charge: Charge) -> Usage | None:
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
