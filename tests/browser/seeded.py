"""A month of a company's spending, written straight into the ledger and the log: working days and nights, a runaway job,
refusals, and a model without a price. The same draws each time."""

import random
from typing import Any

from tollway.ids import Ids
from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.logs.record import Attempt, Decision, Durations, LogRecord
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import UnitPrice
from tollway.usage import Usage

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
PEOPLE = (
    ("alice@example.com", "research", "openai", "gpt-5", 9),
    ("bob@example.com", "web", "openai", "gpt-4o-mini", 14),
    ("carol@example.com", "research", "anthropic", "claude-sonnet-4-5", 11),
    ("dan@example.com", "web", "google", "gemini-2.5-flash", 10),
    ("ivy@example.com", "interns", "anthropic", "claude-opus-4-5", 5),
)
ISSUER = "https://idp.example.com"
"""Where people sign in; nobody asks it."""
INPUT = {
    "gpt-5": 1_250,
    "gpt-4o-mini": 150,
    "claude-sonnet-4-5": 3_000,
    "gemini-2.5-flash": 300,
    "claude-opus-4-5": 5_000,
}
"""Nanodollars for a token; an output token is five times that."""


def settings(url: str) -> str:
    return f"""\
providers:
  openai:    {{api_key: "file:provider.key", base_url: "{url}/v1"}}
  anthropic: {{api_key: "file:provider.key", base_url: "{url}"}}
  google:    {{base_url: "{url}"}}
keys:
  - {{name: alice, secret: "file:alice.key", user: alice@example.com, groups: [research], metadata: {{team: research}}}}
  - {{name: bob, secret: "file:bob.key", user: bob@example.com, groups: [web], metadata: {{team: web}}}}
budgets:
  - {{name: company, limit: "450", window: {{period: month, timezone: UTC}}, alerts: [50, 80, 100]}}
  - {{name: each person, parent: company, limit: "12", split_by: [user], window: {{period: day, timezone: Europe/Berlin}}}}
  - name: research
    parent: company
    limit: "105"
    where: {{metadata.team: research}}
    window: {{period: month, timezone: UTC}}
    alerts: [80]
  - {{name: interns, parent: company, limit: "55", where: {{metadata.team: interns}}, window: {{period: month, timezone: UTC}}}}
  - {{name: agents, parent: company, limit: "60", where: {{service: ["*"]}}, window: {{period: month, timezone: UTC}}, mode: monitor}}
policies:
  - {{name: everybody, resource: "*", action: {{type: no-limit}}}}
  - name: no frontier models for interns
    resource: {{model: ["*claude-opus-*", "*/*claude-opus-*"]}}
    condition: '"interns" in cf.user.groups'
    action: {{type: block}}
issuers:
  - {{name: company, issuer: "{ISSUER}", audience: tollway, client_id: tollway, client_secret: "file:provider.key"}}
login: {{issuer: company}}
administration:
  developer: {{groups: ["*"]}}
routes:
  - name: support
    targets: [{{model: openai/gpt-4o}}, {{model: anthropic/claude-sonnet-4-5}}]
    order: in_order
  - name: chat
    elements:
      - {{id: start, type: start, outputs: {{next: plan}}}}
      - {{id: plan, type: conditional, properties: {{conditions: {{metadata.plan: free}}}}, outputs: {{true: small, false: limit}}}}
      - id: limit
        type: rate
        properties: {{limitType: cost, key: user.id, limit: 2, window: 86400}}
        outputs: {{success: large, fallback: small}}
      - {{id: large, type: model, properties: {{model: openai/gpt-4o, retries: 2}}, outputs: {{success: end, fallback: small}}}}
      - {{id: small, type: model, properties: {{model: openai/gpt-4o-mini}}, outputs: {{success: end}}}}
      - {{id: end, type: end}}
"""


async def seed(runtime: Any, days: int = 56) -> int:
    """Writes it, up to now, and returns how many requests it is."""
    draw = random.Random("a month of a company")
    now = runtime.clock.now()
    ids, number = Ids(draw.randbytes), 0
    for day in range(days, -1, -1):
        midnight = now // DAY_MS * DAY_MS - day * DAY_MS
        weekend = (midnight // DAY_MS + 4) % 7 in (0, 6)
        for who, team, provider, model, often in PEOPLE:
            for _ in range(draw.randint(0, 1) if weekend else draw.randint(often // 2, often)):
                at = midnight + int(draw.gauss(13.5, 2.5) * HOUR_MS) % DAY_MS
                if at < now:
                    number += 1
                    _answered(runtime, ids, draw, at, provider, model, user=who, team=team)
        if day in (9, 10):
            # A job of the night that nobody stopped.
            for _ in range(60):
                number += 1
                at = midnight + draw.randint(2 * HOUR_MS, 5 * HOUR_MS)
                _answered(runtime, ids, draw, at, "anthropic", "claude-opus-4-5", service="nightly-ci", team="platform")
    for who, team, provider, model, _ in PEOPLE:
        for _ in range(3):
            number += 1
            _answered(runtime, ids, draw, now - draw.randint(60_000, 4 * HOUR_MS), provider, model, user=who, team=team)
    for hours in (1, 3, 26, 49, 51):
        number += 1
        _refused(runtime, ids, now - hours * HOUR_MS)
    for hours in (2, 30):
        number += 1
        _unpriced(runtime, ids, now - hours * HOUR_MS)
    number += 1
    _rejected(runtime, ids, now - 2 * HOUR_MS)
    await runtime.store.ledger.flush()
    await runtime.store.records.flush()
    return number


def _record(ids: Ids, at: int, **fields: Any) -> LogRecord:
    return LogRecord(
        request_id=ids.new(at),
        at=at,
        gateway="default",
        method="POST",
        path="/v1/chat/completions",
        api="chat_completions",
        user_agent="OpenAI/Python 3.54.0",
        **fields,
    )


def _answered(
    runtime: Any,
    ids: Ids,
    draw: random.Random,
    at: int,
    provider: str,
    model: str,
    *,
    team: str,
    user: str | None = None,
    service: str | None = None,
) -> None:
    read, written = draw.randint(8_000, 180_000), draw.randint(600, 24_000)
    price = INPUT[model]
    lines = (
        ChargeLine(
            meter="input",
            quantity=read,
            unit_price=UnitPrice(Money(price * 1_000_000), 1_000_000),
            amount=Money(read * price),
        ),
        ChargeLine(
            meter="output",
            quantity=written,
            unit_price=UnitPrice(Money(price * 5_000_000), 1_000_000),
            amount=Money(written * price * 5),
        ),
    )
    charge = Charge(Money(read * price + written * price * 5), lines=lines, price_id=f"{provider}/{model}@2026-10")
    usage = Usage(input_tokens=read, output_tokens=written)
    took = draw.randint(600_000, 9_000_000)
    record = _record(
        ids,
        at,
        status=200,
        provider=provider,
        request_model=model,
        response_model=model,
        user=user,
        service=service,
        groups=(team,),
        key=(user or service or "").partition("@")[0],
        metadata={"team": team},
        usage=usage,
        charge=charge,
        attempts=(Attempt(number=1, provider=provider, model=model, outcome="answered", status=200),),
        decisions=(Decision(step="key", outcome="allow", code="", rule=(user or service or "").partition("@")[0]),),
        durations=Durations(total_us=took, upstream_us=took - 2_400, first_chunk_us=took // 5),
        streamed=True,
        request_bytes=read * 4,
        response_bytes=written * 4,
    )
    _write(runtime, record, charge, "charge", provider, model)


def _refused(runtime: Any, ids: Ids, at: int) -> None:
    said = 'Budget "interns" is exhausted: $55.00 of $55.00 spent; resets 1 December 2026 00:00 UTC.'
    record = _record(
        ids,
        at,
        status=429,
        code="budget_exceeded",
        provider="anthropic",
        request_model="claude-opus-4-5",
        user="ivy@example.com",
        groups=("interns",),
        key="ivy",
        metadata={"team": "interns"},
        decisions=(
            Decision(step="key", outcome="allow", code="", rule="ivy"),
            Decision(step="reserve", outcome="deny", code="budget_exceeded", rule="interns", detail=said),
        ),
        durations=Durations(total_us=1_900, upstream_us=None, first_chunk_us=None),
    )
    runtime.store.records.write(record)


def _rejected(runtime: Any, ids: Ids, at: int) -> None:
    """The provider's own error: sent, and not billed."""
    record = _record(
        ids,
        at,
        status=500,
        code="upstream_error",
        provider="openai",
        request_model="gpt-5",
        user="alice@example.com",
        groups=("research",),
        key="alice",
        metadata={"team": "research"},
        attempts=(Attempt(number=1, provider="openai", model="gpt-5", outcome="rejected", status=500),),
        durations=Durations(total_us=300_000, sent_us=1_000, upstream_us=297_000),
    )
    runtime.store.records.write(record)


def _unpriced(runtime: Any, ids: Ids, at: int) -> None:
    record = _record(
        ids,
        at,
        status=200,
        provider="openai",
        request_model="house-model-7b",
        response_model="house-model-7b",
        user="bob@example.com",
        groups=("web",),
        key="bob",
        metadata={"team": "web"},
        usage=Usage(input_tokens=5_000, output_tokens=900),
        attempts=(Attempt(number=1, provider="openai", model="house-model-7b", outcome="answered", status=200),),
        durations=Durations(total_us=900_000, upstream_us=897_000, first_chunk_us=300_000),
    )
    _write(runtime, record, Charge(Money(0)), "unpriced", "openai", "house-model-7b")


def _write(runtime: Any, record: LogRecord, charge: Charge, kind: Any, provider: str, model: str) -> None:
    runtime.store.records.write(record)
    runtime.store.ledger.settle(
        LedgerEntry(
            id=entry_id(record.request_id, 1, kind),
            reservation_id=f"{record.request_id}.1",
            request_id=record.request_id,
            attempt=1,
            kind=kind,
            charge=charge,
            legs=(),
            context=Context(
                gateway="default",
                provider=provider,
                model=model,
                user=record.user,
                groups=record.groups,
                key=record.key,
                service=record.service,
                metadata=record.metadata,
            ),
            response_model=model,
            usage=record.usage,
            occurred_at=record.at,
            recorded_at=record.at + 1_000,
        )
    )
