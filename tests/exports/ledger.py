"""Every kind of entry that a ledger has, as it is really made."""

from msgspec import structs

from tollway.ledger.entry import Context, Kind, LedgerEntry, entry_id
from tollway.ledger.journal import correction
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine, charge, presumed
from tollway.pricing.units import MILLION, Price, UnitPrice
from tollway.usage import Usage

AT = 1_790_814_600_123
"""2026-10-01T00:30:00.123Z."""

PRICE = Price(
    id="openai/gpt-5@2025-08-07#2026-11-21",
    provider="openai",
    model="gpt-5",
    units={
        "input": UnitPrice(Money(1_250_000_000), MILLION),
        "cache_read": UnitPrice(Money(125_000_000), MILLION),
        "output": UnitPrice(Money(10_000_000_000), MILLION),
        "web_search": UnitPrice(Money(10_000_000_000), 1_000),
    },
)
USAGE = Usage(input_tokens=12_345, cache_read_input_tokens=2_345, output_tokens=677, web_searches=2)

CONTEXT = Context(
    gateway="default",
    provider="openai",
    model="gpt-5",
    user="ann@example.com",
    groups=("eng",),
    key="laptop",
    metadata={"team": "ml", "app": '=HYPERLINK("http://x")'},
)


def made(name: str, kind: Kind, charged: Charge, *, usage: Usage | None = None, at: int = AT) -> LedgerEntry:
    """An entry of a request of that name."""
    return LedgerEntry(
        id=entry_id(name, 1, kind),
        reservation_id=f"{name}.1",
        request_id=name,
        attempt=1,
        kind=kind,
        charge=charged,
        legs=(("company", at),),
        context=CONTEXT,
        response_model="gpt-5-2025-08-07",
        usage=usage,
        occurred_at=at,
        recorded_at=at + 900,
    )


def charged(name: str = "plain", price: Price = PRICE, usage: Usage = USAGE, at: int = AT) -> LedgerEntry:
    return made(name, "charge", charge(usage, price), usage=usage, at=at)


def several() -> LedgerEntry:
    """A batch: its answers are rounded up one by one, and are one line."""
    entry = charged("batch")
    lines = tuple(structs.replace(line, amount=Money(line.amount + 7_001)) for line in entry.charge.lines)
    whole = structs.replace(entry.charge, lines=lines, amount=Money(sum(line.amount for line in lines)))
    return structs.replace(entry, charge=whole)


def every_kind() -> list[LedgerEntry]:
    """One of each, and of each way in which a charge can be made up."""
    late = charged("late")
    negative = Money(-5_000_000)
    unknown = structs.replace(charged("unknown"), kind="unpriced", charge=Charge(Money(0)))
    back = ChargeLine("charged_before", 1, UnitPrice(Money(-200), 1), Money(-200))
    rerated = charge(USAGE, PRICE)
    rerated = structs.replace(rerated, amount=Money(rerated.amount - 200), lines=(*rerated.lines, back))
    return [
        charged(),
        several(),
        made("free", "charge", Charge(Money(0), (), "openai/gpt-5@always#2026-11-21")),
        made("sum", "charge", Charge(Money(123_456_789))),
        made("lost", "presumed", presumed(Money(9_876_543))),
        made("late", "presumed", presumed(Money(9_000_000))),
        correction(late, 9_000_000),
        structs.replace(made("rerated", "correction", rerated), recorded_at=AT + 40 * 86_400_000),
        unknown,
        made("gift", "credit", Charge(negative)),
        made("opening", "opening", Charge(Money(77_000_000_000))),
        structs.replace(charged("nobody"), context=Context(gateway="default", provider="", model="")),
    ]
