"""Ledger entries as rows of FOCUS: one for each meter of a charge, and the sum of BilledCost is the ledger's.

Openings move no money and have no row. What FOCUS has no place for is named in `x_` columns (`focus_columns.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tollway.clock import instant
from tollway.exports.columns import Cell, Row, Table
from tollway.exports.entries import document, spends
from tollway.exports.focus_columns import Version, columns_of
from tollway.ledger.entry import Context, LedgerEntry
from tollway.money import Money
from tollway.pricing.charge import ChargeLine
from tollway.pricing.units import PER, UnitPrice

ListPrice = Callable[[LedgerEntry, ChargeLine], UnitPrice | None]
"""The public list price of a line; `None` where no list tells it."""

TEAM = "team"
"""The key of metadata that names the team."""
OWN_TAGS = "tollway:"
"""What tags of Tollway begin with. Metadata that begins so has it twice, so that every tag tells whose it is."""

_UNITS = {
    "web_search": "Searches",
    "file_search": "Searches",
    "search_unit": "Search Units",
    "messages": "Messages",
    "image": "Images",
    "video_seconds": "Seconds",
    "audio_seconds": "Seconds",
    "input_audio_seconds": "Seconds",
    "output_audio_seconds": "Seconds",
    "characters": "Characters",
    "pages": "Pages",
    "annotated_pages": "Pages",
    "request": "Requests",
}
"""Meter → its unit: tokens of all others that have a usual price, requests of what is not measured."""

_PLACES = 18
"""Of a unit price. What has more, as an hour's price of a second, is rounded to them."""

_Cells = dict[str, Cell]


class _Priced(NamedTuple):
    """A line, turned so that its unit price is not below zero: FOCUS has negative quantities, and no negative price."""

    meter: str
    quantity: int
    unit: UnitPrice

    @property
    def amount(self) -> int:
        return self.unit.times(self.quantity)


def focus_table(version: Version, list_price: ListPrice, *, strict: bool = False) -> Table[LedgerEntry]:
    """Entries as rows of that version; `strict` as of `columns_of`."""
    columns = columns_of(version, strict=strict)
    names = [column.name for column in columns]

    def rows(entry: LedgerEntry) -> Iterator[Row]:
        if spends(entry):
            common = _common(entry)
            for cells in _charges(entry, list_price):
                yield [cells[name] if name in cells else common.get(name) for name in names]

    return Table(f"focus-{version}", columns, rows)


def _charges(entry: LedgerEntry, list_price: ListPrice) -> Iterator[_Cells]:
    """What differs from row to row. BilledCost adds up to the amount of the entry."""
    amount, model = entry.charge.amount, _model(entry)
    if entry.kind == "unpriced":
        told = None if entry.usage is None else document(entry.usage)
        said = {"x_unpriced": True, "x_usage": told, "x_basis": None}
        yield _unmeasured("Adjustment", amount, f"{model}: cost not known, as it has no price") | said
        return
    if entry.kind == "credit":
        # FOCUS, ChargeCategory: a credit lowers what is owed; what is charged by hand does not.
        yield _unmeasured("Credit" if amount <= 0 else "Adjustment", amount, "Adjustment by hand")
        return
    left = amount
    for line in entry.charge.lines or _whole(amount):
        priced = _turned(line)
        left -= priced.amount
        yield _measured(entry, line, priced, list_price)
    if left:
        # A batch rounds up each of its answers, which are one line here.
        yield _unmeasured("Adjustment", left, f"{model}: rounding up of each answer to a nanodollar")


def _measured(entry: LedgerEntry, line: ChargeLine, priced: _Priced, list_price: ListPrice) -> _Cells:
    meter, quantity, unit = priced
    name, per = _unit_of(meter)
    known = list_price(entry, line)
    listed = unit if known is None or known.amount < 0 or known == line.unit_price else known
    sku, price = _sku(entry, meter, unit)
    contracted = unit_price(unit, per)
    at_list = unit_price(listed, per)
    basis = "" if entry.charge.basis in ("metered", meter) else f", {entry.charge.basis}"
    return {
        **_costs(priced.amount),
        "ListCost": listed.times(quantity),
        "ChargeCategory": "Usage",
        "ChargeClass": "Correction" if entry.kind == "correction" else None,
        "ChargeDescription": f"{_model(entry)}: {meter}{basis}",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": f"{quantity}.0",
        "ConsumedUnit": name,
        "ContractedUnitPrice": contracted,
        "ListUnitPrice": at_list,
        "PricingCategory": "Standard",
        "PricingCurrencyContractedUnitPrice": contracted,
        "PricingCurrencyListUnitPrice": at_list,
        "PricingQuantity": _decimal(quantity * 10**_PLACES // per),
        "PricingUnit": name if per == 1 else f"{per} {name}",
        "SkuId": sku,
        "SkuMeter": meter,
        "SkuPriceDetails": document({"x_PriceId": entry.charge.price_id}) if entry.charge.price_id else None,
        "SkuPriceId": price,
        "x_list_price": "unknown" if known is None else "charged" if listed == unit else "list",
    }


def _unmeasured(category: str, amount: int, description: str) -> _Cells:
    """What has neither quantity nor unit price."""
    said = {"ChargeCategory": category, "ChargeDescription": description, "ChargeFrequency": "One-Time"}
    return _costs(amount) | said


def _costs(amount: int) -> _Cells:
    return dict.fromkeys(
        ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost", "PricingCurrencyEffectiveCost"), amount
    )


def _whole(amount: int) -> Iterable[ChargeLine]:
    """The line of a charge that has none: what costs nothing, and sums that were made elsewhere."""
    money = Money(amount)
    return (ChargeLine("request", 1, UnitPrice(money, 1), money),)


def _turned(line: ChargeLine) -> _Priced:
    unit = line.unit_price
    if unit.amount < 0:
        return _Priced(line.meter, -line.quantity, UnitPrice(Money(-unit.amount), unit.per))
    return _Priced(line.meter, line.quantity, unit)


def _unit_of(meter: str) -> tuple[str, int]:
    """The unit of a meter, and how many of them its price is written for: a power of ten, so that quantities stay exact."""
    base = meter.partition(":")[0]
    per = PER.get(base, 1)
    name = _UNITS.get(base) or ("Tokens" if base in PER else "Requests")
    return name, 1 if name == "Seconds" else per


def _sku(entry: LedgerEntry, meter: str, unit: UnitPrice) -> tuple[str, str]:
    """The ids of what was sold and of its price. A price's id begins with the list's name of the model, which callers may
    call by several; the same price differs with the length of the input, so what a unit costs is a part of its id."""
    price_id = entry.charge.price_id or f"{entry.context.provider}/{entry.context.model}@none"
    sold = f"{price_id.rpartition('@')[0] or price_id}/{meter}"
    if meter.partition(":")[0] not in PER:
        # An amount, not a price: it differs from request to request.
        return sold, f"{price_id}/{meter}"
    return sold, f"{price_id}/{meter}={unit_price(unit, _unit_of(meter)[1])}"


def unit_price(unit: UnitPrice, per: int) -> str:
    """Dollars for `per` units, as an exact decimal; rounded half up where it has more than 18 places."""
    numerator = unit.amount * per * 10 ** (_PLACES - 9)
    return _decimal((2 * numerator + unit.per) // (2 * unit.per))


def _decimal(scaled: int) -> str:
    """The decimal string of a count of the smallest places. Always with a point: readers guess a column's type from it."""
    sign = "-" if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**_PLACES)
    return f"{sign}{whole}." + (f"{rest:0{_PLACES}d}".rstrip("0") or "0")


def _common(entry: LedgerEntry) -> _Cells:
    """What all rows of an entry have."""
    context = entry.context
    start, end = _month(entry.occurred_at)
    provider = context.provider or ("tollway" if entry.kind == "credit" else "unknown")
    gateway = context.gateway or "unknown"
    team = context.metadata.get(TEAM) or None
    return {
        "BillingAccountId": gateway,
        "BillingAccountName": gateway,
        "BillingAccountType": "Gateway",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": end,
        "BillingPeriodStart": start,
        "ChargePeriodEnd": entry.occurred_at + 1_000,
        "ChargePeriodStart": entry.occurred_at,
        "HostProviderName": provider,
        "InvoiceIssuerName": provider,
        "PricingCurrency": "USD",
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": context.model or "unknown",
        "ServiceProviderName": provider,
        "ServiceSubcategory": "Generative AI",
        "SubAccountId": team,
        "SubAccountName": team,
        "SubAccountType": "Team" if team is not None else None,
        "Tags": document(_tags(context)),
        "x_attempt": entry.attempt,
        "x_basis": entry.charge.basis,
        "x_entry_id": entry.id,
        "x_gateway": context.gateway or None,
        "x_groups": document(context.groups),
        "x_key": context.key or None,
        "x_kind": entry.kind,
        "x_model_answered": entry.response_model,
        "x_model_requested": context.model,
        "x_recorded_at": entry.recorded_at,
        "x_request_id": entry.request_id,
        "x_service": context.service or None,
        "x_unpriced": False,
        "x_user": context.user or None,
    }


def _tags(context: Context) -> dict[str, str]:
    # FOCUS, Tags: a provider's own keys have a prefix, and those of users have none.
    own = {"gateway": context.gateway, "user": context.user, "key": context.key, "service": context.service}
    theirs = {f"{OWN_TAGS}{key}" if key.startswith(OWN_TAGS) else key: value for key, value in context.metadata.items()}
    every = theirs | {f"{OWN_TAGS}{key}": value for key, value in own.items()}
    return {key: value for key, value in every.items() if value}


def _month(at: int) -> tuple[int, int]:
    """The UTC month of an instant: when it begins, and when the next one does."""
    first = instant(at).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()) * 1000, int(after.timestamp()) * 1000


def _model(entry: LedgerEntry) -> str:
    return f"{entry.context.provider}/{entry.context.model}"
