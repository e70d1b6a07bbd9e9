"""Attempts of the past, charged as the gateway charges them, and settings to rate them again with."""

from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec

from tollway.document import compile_document, read_document
from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.money import Money
from tollway.pricing.charge import Charge, Unpriced, charge_report
from tollway.pricing.price import FILE, PriceBook
from tollway.snapshot import Snapshot
from tollway.usage import Report, Usage

AT = 1_795_262_400_000
"""2026-11-21 12:00 UTC."""

BOOK = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())


def settings(*prices: dict[str, Any], revision: int = 1) -> Snapshot:
    """The settings of a gateway with these prices of its own."""
    document = {
        "providers": {
            "openai": {"api_key": "a-key-of-openai"},
            "anthropic": {"api_key": "a-key-of-anthropic"},
            "local": {"api": "openai", "base_url": "http://127.0.0.1:1/v1", "api_key": "none"},
        },
        "budgets": [{"name": "all", "limit": "100", "window": {"period": "day", "timezone": "UTC"}}],
        "prices": list(prices),
    }
    return compile_document(
        read_document(document), resolve=lambda reference, _: reference, book=BOOK, pepper=bytes(32), revision=revision
    )


def entry(
    number: int,
    charge: Charge | Unpriced,
    usage: Usage | None,
    *,
    provider: str = "openai",
    model: str = "gpt-4o",
    at: int = AT,
    legs: Sequence[tuple[str, int]] = (("all", 1), ("team[user=a]", 1)),
) -> LedgerEntry:
    """The ledger entry of one attempt, as `exchange.story` writes it."""
    priced = isinstance(charge, Charge)
    kind = "unpriced" if not priced else "presumed" if charge.basis == "presumed" else "charge"
    return LedgerEntry(
        id=entry_id(f"r{number}", 1, kind),
        reservation_id=f"r{number}.1",
        request_id=f"r{number}",
        attempt=1,
        kind=kind,
        charge=charge if isinstance(charge, Charge) else Charge(Money(0)),
        legs=tuple(legs),
        context=Context(gateway="default", provider=provider, model=model, user="a"),
        response_model=None,
        usage=usage,
        occurred_at=at,
        recorded_at=at + 1000,
    )


def charged(
    number: int,
    snapshot: Snapshot,
    usage: Usage,
    *,
    provider: str = "openai",
    model: str = "gpt-4o",
    tier: str | None = None,
    **report: Any,
) -> LedgerEntry:
    """The entry of an answer with that usage, at the prices of `snapshot`."""
    made = charge_report(
        Report(usage=usage, service_tier=tier, **report),
        snapshot.book,
        provider=provider,
        requested_model=model,
        at_ms=AT,
    )
    assert made is not None
    return msgspec.structs.replace(
        entry(number, made, usage, provider=provider, model=model), response_model=report.get("response_model")
    )
