"""What is known of a request as it goes along: the source of its ledger entries and its log record."""

from collections.abc import Mapping

from tollway.budgets.holds import Claim
from tollway.cache.entry import Kept
from tollway.exchange import notes
from tollway.exchange.allowance import Allowance
from tollway.exchange.auto_choice import Routed
from tollway.exchange.notes import Repeat, Swapped, believed, raised, together, tokens_of, walked
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Ended, Head, Sent
from tollway.exchange.target import LONGEST_MODEL, Target
from tollway.identity.attributes import all_metadata, metadata_of
from tollway.identity.identity import Identity
from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.ledger.reservation import Balance, Held, Hold, Reservation
from tollway.logs.record import Attempt, Decision, Durations, LogRecord
from tollway.match import Attribute
from tollway.money import ZERO
from tollway.pricing.charge import Charge, Unpriced
from tollway.pricing.estimate import Quote
from tollway.rates.counters import Admitted, Standing
from tollway.request import InferenceRequest
from tollway.routes.walk import Trail
from tollway.usage import Usage


class Story:
    """The notes of one exchange. Mutable, and owned by that exchange alone."""

    __slots__ = (
        "_allowance",
        "_attempts",
        "_before",
        "_charge",
        "_context",
        "_decisions",
        "_ended",
        "_facts",
        "_head",
        "_holds",
        "_kept",
        "_sent",
        "_tokens",
        "admitted",
        "asked",
        "attempt",
        "auto",
        "billed",
        "booked",
        "cache_status",
        "calls",
        "clamped_to",
        "identity",
        "late_ms",
        "lost",
        "refused_at",
        "repeat",
        "request",
        "route",
        "standings",
        "step",
        "stepwise",
        "swap",
        "target",
        "tightest",
        "trail",
        "warnings",
        "would_refuse",
    )

    def __init__(self, request: InferenceRequest) -> None:
        self.request = request
        self.attempt = 1
        self.identity: Identity | None = None
        self.asked: str | None = None
        """The model that the body names, whether anything serves it or not."""
        self.target: Target | None = None
        self.tightest: tuple[Claim, Hold, Balance] | None = None
        self.clamped_to: int | None = None
        self.swap: Swapped | None = None
        """The model that is to serve instead of the one asked for."""
        self.refused_at = "reserve"
        """The step at which a refusal was made."""
        self.warnings: tuple[str, ...] = ()
        """What budgets of which much is spent want the caller to know."""
        self.admitted: tuple[Admitted, ...] = ()
        """By rate limits."""
        self.standings: tuple[Standing, ...] = ()
        """How far the rate limits are used that count it."""
        self.cache_status = ""
        """HIT, MISS or BYPASS; empty where the cache is off."""
        self.repeat: Repeat | None = None
        """It has an idempotency key, and is the first of it."""
        self.trail: Trail | None = None
        """The way through the route."""
        self._kept: Kept | None = None
        self.route: str | None = None
        """The dynamic route that decides what serves."""
        self.step = 0
        """How many targets were passed over."""
        self.auto: Routed | None = None
        """The gateway chose the model."""
        self.stepwise = False
        """Its body is an array of calls, of which the first that answers is wanted; `step` is the number of the call."""
        self.booked = 0
        """Nanodollars, of all tries."""
        self.late_ms = 0
        """How long after its arrival the last try ended."""
        self.calls = 0
        """How often a provider has seen it."""
        self._tokens: int | None = 0
        self.billed = False
        """A provider may have to be paid for one of them."""
        self.lost: tuple[str, ...] = ()
        """What another API could not carry of the request."""
        self.would_refuse: tuple[str, ...] = ()
        """Budgets that are only monitored and would have refused."""
        self._facts: Mapping[str, Attribute] = {}
        self._context: Context | None = None
        self._decisions: list[Decision] = []
        self._attempts: list[Attempt] = []
        self._holds: tuple[Hold, ...] = ()
        self._before: tuple[tuple[int, int], ...] = ()
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
        self.tightest = None
        several = len(reservation.holds) > len(claimed)
        owners = [claim for claim in claimed for _ in claim.accounts] if several else claimed
        before: list[tuple[int, int]] = []
        least: int | None = None
        for claim, hold, balance in zip(owners, reservation.holds, held.balances, strict=True):
            before.append((balance.spent, balance.held - hold.amount))
            if hold.enforced:
                # Without this request's own hold, which not every guarantee places: what is left once it is settled.
                left = balance.limit - balance.spent - balance.held + hold.amount
                if least is None or left < least:
                    least = left
                    self.tightest = (claim, hold, balance)
        self._before = tuple(before)
        if clamped and quote is not None:
            self.clamped_to = quote.output_tokens
        if held.would_refuse:
            self.would_refuse = tuple(dict.fromkeys([owners[index].budget.name for index in held.would_refuse]))
        if held.would_refuse or held.unwritten or self.clamped_to is not None:
            self._decisions += notes.of_hold(held, [claim.budget.name for claim in owners], self.clamped_to)
        names = ", ".join([claim.budget.name for claim in claimed])
        self._decisions.append(Decision(step="reserve", outcome="allow", rule=names))

    def entry(self, reservation: Reservation, charge: Charge | Unpriced, ended: Ended | None, now: int) -> LedgerEntry:
        """The ledger entry of an attempt; an unknown price is an entry of its own kind, never a charge of nothing."""
        if type(charge) is Unpriced:
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
            legs=tuple([(hold.account, hold.bucket) for hold in reservation.holds]),
            context=self.context(),
            response_model=report.response_model if report is not None else None,
            usage=believed(report, booked),
            occurred_at=reservation.opened_at,
            recorded_at=ended.at if ended is not None else now,
        )

    def settled(self, charge: Charge | None, usage: Usage | None = None) -> None:
        """What a try was charged, `None` where nobody knows; `usage`: what the ledger was told that it used."""
        self._charge = together(self._charge, charge)
        self.booked += charge.amount if charge is not None else 0
        self.billed = self.billed or charge is None or charge.amount > 0
        used = tokens_of(usage)
        self._tokens = self._tokens + used if self._tokens is not None and used is not None else None

    def ran(self, at_ns: int) -> None:
        """A try has come this far, on the monotonic clock."""
        self.late_ms = max(self.late_ms, (at_ns - self.request.started_ns) // 1_000_000)

    def passed_over(self, name: str, refusal: Refusal) -> None:
        """A target has not answered, and another one is tried."""
        self.again()
        self.step += not self.stepwise
        said = f"{name} ({refusal.code}): {refusal.message}"[:512]
        self._decisions += [Decision(step="route", outcome="note", code="passed_over", rule=refusal.rule, detail=said)]

    def exceeded(self, admitted: Admitted) -> None:
        """Rate limits that only watch would have refused it."""
        self._decisions += [
            Decision(step="rate", outcome="note", code="would_refuse", rule=standing.claim.limit.name)
            for standing in admitted.exceeded
        ]

    @property
    def usage(self) -> Usage | None:
        """What the answer was told to have used."""
        return self._ended.report.usage if self._ended is not None else None

    @property
    def tokens(self) -> int | None:
        """Input and output of all tries; `None` where nobody knows them of one that was sent."""
        return self._tokens

    @property
    def served(self) -> tuple[str | None, str | None]:
        """The provider and the model that the answer is of, as far as they are known."""
        kept, target = self._kept, self.target
        if kept is not None:
            # A name that the caller has given an answer may be another model's.
            return kept.provider, kept.model
        return (target.provider.slug, target.model) if target is not None else (None, None)

    def from_cache(self, kept: Kept) -> None:
        """An answer that was kept is given again."""
        self._kept = kept

    def noted(self, notes: tuple[Decision, ...]) -> None:
        """What is to be seen of a settlement in the log."""
        self._decisions += notes

    def again(self) -> None:
        """Another try begins, of this target or another one: nothing of the one before is this one's."""
        self.attempt += 1
        self.clamped_to, self.swap, self.tightest = None, None, None
        self.warnings, self.would_refuse, self.lost, self.cache_status = (), (), (), ""
        self._holds, self._before, self._allowance = (), (), None
        self._head, self._ended = None, None
        self.standings = tuple(standing for one in self.admitted for standing in one.standings)

    def attempted(
        self,
        number: int,
        outcome: str,
        *,
        status: int | None = None,
        code: str = "",
        charge: Charge | None = None,
        sent_ns: int | None = None,
        ended_ns: int | None = None,
    ) -> None:
        """Notes how a try came out, as `notes.attempt_of` has it."""
        self._attempts.append(
            notes.attempt_of(
                self.target,
                self.request.started_ns,
                number,
                outcome,
                status=status,
                code=code,
                charge=charge,
                sent_ns=sent_ns,
                ended_ns=ended_ns,
            )
        )

    def ended(self, attempt: int, head: Head, ended: Ended, charge: Charge | None = None) -> None:
        self._head, self._ended = head, ended
        outcome = ended.reason if ended.reason != "complete" else "answered" if head.status < 400 else "rejected"
        self.attempted(
            attempt, outcome, status=head.status, charge=charge, sent_ns=notes.sent_at(ended), ended_ns=ended.at_ns
        )

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
        request, identity, ended = self.request, self.identity, self._ended
        report = ended.report if ended is not None else None
        over_ns = (
            self._sent.at_ns if self._sent is not None else ended.at_ns if ended is not None else request.started_ns
        )
        provider, model = self.served
        unserved = bool(self.asked) and self._kept is None and self.target is None
        model = self.asked[:LONGEST_MODEL] if unserved and self.asked else model
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
            provider=provider or request.provider,
            request_model=model,
            unserved=unserved,
            response_model=report.response_model if report is not None else None,
            user=identity.user if identity is not None else None,
            groups=identity.groups if identity is not None else (),
            key=identity.key if identity is not None else None,
            service=identity.service if identity is not None else None,
            metadata=self._context.metadata
            if self._context is not None
            else all_metadata(dict(self._facts)) or metadata_of(identity, request.gateway, request.metadata),
            usage=report.usage if report is not None else None,
            finish_reason=report.finish_reason if report is not None else None,
            charge=self._charge,
            holds=self._holds,
            raised=raised(self._allowance),
            before=self._before,
            proven_by=identity.source if identity is not None and identity.kind != "anonymous" else "",
            declared=self._context.declared if self._context is not None else (),
            decisions=(*self._decisions, *(walked(self.route, self.trail) if self.trail is not None else ())),
            attempts=tuple(self._attempts),
            durations=Durations(
                total_us=(over_ns - request.started_ns) // 1000,
                sent_us=notes.since(request.started_ns, notes.sent_at(ended)),
                upstream_us=ended.upstream_us if ended is not None else None,
                first_chunk_us=(first_ns - request.started_ns) // 1000 if first_ns is not None else None,
            ),
            streamed=ended is not None and ended.streamed,
            request_bytes=len(request.body),
            response_bytes=ended.bytes_passed if ended is not None else 0,
            user_agent=request.user_agent,
            cached=self._kept is not None,
            saved=self._kept.cost if self._kept is not None else None,
        )
