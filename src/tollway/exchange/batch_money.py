"""What a batch may cost, and what it did: the sum over its requests, each bounded and priced as if it came alone.

All of it is at the tier "batch". Nothing is known until everything is: a batch whose results were read in part, or have
a line in them that cannot be priced, stays booked at its bound.
"""

from collections.abc import Generator
from typing import cast

import msgspec

from tollway.errors import UsageInvalid
from tollway.exchange.holding import price
from tollway.exchange.target import Target
from tollway.ledger.entry import LedgerEntry, entry_id
from tollway.ledger.job import Job
from tollway.money import LARGEST, ZERO, Money
from tollway.pricing.charge import Charge, ChargeLine, Unpriced, charge_report
from tollway.pricing.estimate import Quote
from tollway.pricing.price import PriceBook
from tollway.pricing.units import UnitPrice
from tollway.providers import anthropic_batches
from tollway.providers.aside import Aside
from tollway.providers.batch_results import Line, ResultLines, read_line, take_line
from tollway.providers.batches import Requests, tier_in_batch
from tollway.providers.weight import MOST_BYTES
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot
from tollway.usage import Report, Usage

LONGEST_LINE = 32 * 1024 * 1024
"""Bytes of one line of results that are kept to be read."""
NO_CAP = "an answer without a cap (max_tokens)"


def bound(
    requests: Requests, request: InferenceRequest, target: Target, snapshot: Snapshot, now: int
) -> Generator[None, None, Quote | Unpriced]:
    """The most that all of `requests` may cost together; it pauses after each, because they may be many."""
    _, longest = snapshot.book.limits(target.listed.provider, target.listed.model)
    total, unbounded, price_id = 0, None, ""
    alone = msgspec.structs.replace(
        request, api=requests.api, upstream_path=f"/v1{requests.endpoint}", method="POST", body=b""
    )
    for one in requests.all:
        ask = msgspec.structs.replace(one.ask, stream=False, service_tier=tier_in_batch(one.ask.service_tier))
        if ask.max_output_tokens is None:
            # Nothing is written into a batch, so that the model's own limit is all there is.
            ask = msgspec.structs.replace(ask, max_output_tokens=longest)
        quote = price(alone, ask, target, snapshot, now, size=one.size)
        if isinstance(quote, Unpriced):
            return quote
        price_id = quote.price_id
        unbounded = unbounded or quote.unbounded
        amount = quote.amount
        if ask.max_output_tokens is None:
            if quote.per_output_token.amount:
                unbounded = unbounded or NO_CAP
        elif ask.max_output_tokens > quote.output_tokens:
            # Betas raise a model's limit above the listed one, and no lower cap is written here.
            more = (ask.max_output_tokens - quote.output_tokens) * quote.choices
            amount = Money(amount + quote.per_output_token.times(more))
        total += amount
        yield
    if total > LARGEST:
        total, unbounded = LARGEST, "more money than a ledger holds"
    return whole(target, total, price_id, unbounded)


def whole(target: Target, amount: int, price_id: str, unbounded: str | None) -> Quote:
    """A bound that is held as it is or not at all: no smaller cap makes it fit, and nothing of it is learned."""
    return Quote(
        provider=target.listed.provider,
        model=target.listed.model,
        price_id=price_id,
        amount=Money(amount),
        input_tokens=0,
        output_tokens=0,
        choices=1,
        cap=None,
        floor=Money(amount),
        per_input_token=UnitPrice(ZERO, 1),
        per_output_token=UnitPrice(ZERO, 1),
        unbounded=unbounded,
    )


def prices_now(request: InferenceRequest, target: Target, snapshot: Snapshot, now: int) -> str:
    """What the prices of a model are called now: a bound made from others is not to be relied on. Empty without any."""
    ask = Ask(model=target.model, max_output_tokens=1, service_tier="batch")
    alone = msgspec.structs.replace(
        request, api="openai.chat", upstream_path="/v1/chat/completions", method="POST", body=b""
    )
    quote = price(alone, ask, target, snapshot, now)
    return "" if isinstance(quote, Unpriced) else quote.price_id


class Tally:
    """The results of one batch as they are read: each line priced, and whether they are all there."""

    __slots__ = (
        "_amounts",
        "_answered",
        "_awaited",
        "_book",
        "_doubtful",
        "_ids",
        "_job",
        "_lines",
        "_price_id",
        "_usage",
        "response_model",
    )

    def __init__(self, job: Job, book: PriceBook) -> None:
        self._job = job
        self._book = book
        self._lines = 0
        self._answered = 0
        self._awaited = 0
        self._doubtful = False
        self._ids: set[str] = set()
        self._amounts: dict[tuple[str, UnitPrice], tuple[int, int]] = {}
        self._usage: dict[str, int] = {}
        self._price_id: str | None = None
        self.response_model: str | None = None

    @property
    def endpoint(self) -> str:
        """What the requests of the batch ask."""
        return self._job.endpoint

    def read(self, line: bytes) -> None:
        """Takes one line of results in."""
        self.take(read_line(self._job.endpoint, line))

    def take(self, line: Line) -> None:
        """Takes in what a line of results says."""
        self._lines += 1
        # A request that is told twice may stand for another, which was not.
        custom_id = line.custom_id
        told_before = custom_id is None or custom_id in self._ids
        self._ids.add(custom_id or "")
        if line.result is None or told_before:
            self._doubtful = True
        elif line.result.report is not None:
            self._answered += 1
            self._add(line.result.report)

    def wait(self, lines: int) -> None:
        """So many lines more are read elsewhere, or if it is negative, fewer."""
        self._awaited += lines

    def lose(self) -> None:
        """Something could not be read, and may have cost anything."""
        self._doubtful = True

    @property
    def is_whole(self) -> bool:
        """Whether every request is accounted for, and every answer priced."""
        job = self._job
        if self._doubtful or self._awaited:
            return False
        if job.endpoint == anthropic_batches.ENDPOINT:
            # One line for each request, whatever became of it.
            return self._lines == job.requests
        # Failures stand in another file; nothing is known before the provider has counted.
        return job.answers is not None and job.answers <= self._answered <= job.requests

    def charge(self) -> Charge:
        """What all lines cost: equal meters at equal prices in one line, each answer rounded up on its own."""
        lines = tuple(
            ChargeLine(meter, quantity, unit, Money(amount))
            for (meter, unit), (quantity, amount) in sorted(self._amounts.items(), key=lambda item: item[0][0])
        )
        return Charge(Money(sum(line.amount for line in lines)), lines, self._price_id)

    def usage(self) -> Usage | None:
        """The counts of all answers, added up."""
        return msgspec.convert(self._usage, Usage) if self._usage else None

    def _add(self, report: Report) -> None:
        job = self._job
        report = msgspec.structs.replace(report, service_tier=tier_in_batch(report.service_tier), stated_cost=None)
        try:
            charge = charge_report(
                report,
                self._book,
                provider=job.listed[0],
                requested_model=job.listed[1],
                at_ms=job.created_at,
                at_ceiling=job.at_ceiling,
            )
        except UsageInvalid:
            charge = None
        # An answer of a model with a price is never free; one that says so has not said what it cost.
        if not isinstance(charge, Charge) or (charge.amount == 0 and job.bound != 0):
            self._doubtful = True
            return
        self._price_id = charge.price_id
        self.response_model = report.response_model or self.response_model
        for line in charge.lines:
            quantity, amount = self._amounts.get((line.meter, line.unit_price), (0, 0))
            self._amounts[line.meter, line.unit_price] = (quantity + line.quantity, amount + line.amount)
        if report.usage is not None:
            for name in Usage.__struct_fields__:
                number = getattr(report.usage, name)
                if type(number) is int:
                    self._usage[name] = self._usage.get(name, 0) + number


class ResultsMeter:
    """Passes results on untouched (`codec.Meter`), and reads each line of them into `tally`.

    A line that takes long to read can be put aside (`aside.Patient`); the batch is not whole before it was read.
    """

    __slots__ = ("_aside", "_pending", "complete", "output_bytes", "reader", "tally")

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.reader = ResultLines(tally.endpoint)
        self.output_bytes = 0
        self.complete = True
        self._pending = bytearray()
        self._aside: Aside | None = None

    def put_aside(self) -> Aside:
        """From now on heavy lines are put there."""
        self._aside = Aside(take_line)
        return self._aside

    def taken(self, said: list[bool], report: Report | None) -> None:
        """The lines that were put aside have been read."""
        self.tally.wait(-len(said))
        for line in self.reader.found:
            self.tally.take(line)
        self.reader.found.clear()

    def feed(self, chunk: bytes) -> bytes:
        """`chunk` itself."""
        start, end = 0, chunk.rfind(b"\n") + 1
        if end and self._pending:
            start = chunk.find(b"\n") + 1
            self._read(self._line_ended_by(chunk[: start - 1]))
        if start < end:
            for line in chunk[start:end].split(b"\n"):
                self._read(line)
        self._pending += chunk[end:]
        if len(self._pending) > LONGEST_LINE:
            self._pending.clear()
            self.tally.lose()
        return chunk

    def finish(self) -> bytes:
        """Nothing: no byte is kept back. The last line may have no end of its own."""
        self._read(self._line_ended_by(b""))
        return b""

    def report(self) -> Report:
        """Nothing: what results cost was spent by another request."""
        return Report()

    def _line_ended_by(self, rest: bytes) -> bytes:
        """The line that was pending, with the rest of it."""
        line, self._pending = self._pending, bytearray()
        line += rest
        # A copy of eight megabytes takes 4 ms; nobody changes these any more.
        return bytes(line) if len(line) <= MOST_BYTES else cast("bytes", line)

    def _read(self, line: bytes) -> None:
        if self._aside is not None and self._aside.takes(line):
            self._aside.events.append(line)
            self.tally.wait(1)
        elif line := line.strip():
            self.tally.read(line)


def settlement(job: Job, charge: Charge, usage: Usage | None, response_model: str | None, now: int) -> LedgerEntry:
    """The true cost of a batch. The ledger books what it differs by from what was presumed, once."""
    return LedgerEntry(
        id=entry_id(job.request_id, job.attempt, "charge"),
        reservation_id=job.reservation_id,
        request_id=job.request_id,
        attempt=job.attempt,
        kind="charge",
        charge=charge,
        legs=job.legs,
        context=job.context,
        response_model=response_model,
        usage=usage,
        occurred_at=job.created_at,
        recorded_at=now,
    )


def of_tally(job: Job, tally: Tally, now: int) -> LedgerEntry:
    """The settlement that results which are whole make."""
    assert tally.is_whole
    return settlement(job, tally.charge(), tally.usage(), tally.response_model, now)


def of_nothing(job: Job, now: int) -> LedgerEntry:
    """The settlement of a batch none of whose requests was answered."""
    return settlement(job, Charge(ZERO, (), job.price_id or None), None, None, now)
