"""Records of requests to be told of."""

from typing import Any

import msgspec

from tollway.ledger.reservation import Hold
from tollway.logs.record import Attempt, Decision, Durations, LogRecord
from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.telemetry.spans import Server
from tollway.usage import Usage

ID = "0198a5c8-0000-7000-8000-00000000abcd"
AT = 1_790_000_000_000
SERVERS = {"openai": Server("api.openai.com", 443, "openai"), "mine": Server("10.0.0.7", 8080)}

RECORD = LogRecord(
    request_id=ID,
    at=AT,
    gateway="default",
    method="POST",
    path="/v1/chat/completions",
    api="openai.chat",
    status=200,
    provider="openai",
    request_model="gpt-4o-mini",
    response_model="gpt-4o-mini-2024-07-18",
    user="alice@example.com",
    groups=("eng",),
    key="alice",
    metadata={"team": "ml", "session": "s-1", "gen_ai.usage.cost": "0", "tollway.user": "eve", "email": "a@example.com"},
    usage=Usage(input_tokens=100, cache_read_input_tokens=40, output_tokens=20, reasoning_output_tokens=5),
    finish_reason="stop",
    charge=Charge(Money(420_000), (), "openai/gpt-4o-mini@2026-01-01"),
    holds=(Hold("company", 0, 0, 9_000_000, 10**12),),
    decisions=(
        Decision(step="authenticate", outcome="allow", rule="alice"),
        Decision(step="reserve", outcome="allow", rule="company", detail="$1.00 of $5.00"),
    ),
    attempts=(
        Attempt(
            number=1, provider="openai", model="gpt-4o-mini", outcome="answered", status=200, cost=Money(420_000),
            sent_us=2_000, ended_us=802_000,
        ),
    ),
    durations=Durations(total_us=803_000, sent_us=2_000, upstream_us=800_000, first_chunk_us=302_000),
    streamed=True,
    user_agent="openai-python/3",
)  # fmt: skip


def record(**fields: Any) -> LogRecord:
    return msgspec.structs.replace(RECORD, **fields)
