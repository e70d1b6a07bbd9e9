"""Amounts and charges as the API writes them."""

from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, Field

from tollway.clock import iso
from tollway.money import dollars
from tollway.pricing.charge import Charge
from tollway.pricing.units import UnitPrice
from tollway.usage import Usage

Dollars = Annotated[
    str,
    Field(
        description="An exact decimal string of US dollars, with at most nine places.",
        pattern=r"^-?[0-9]+(\.[0-9]{1,9})?$",
        examples=["0.00042"],
    ),
]
Instant = Annotated[str, Field(description="RFC 3339, UTC.", json_schema_extra={"format": "date-time"})]


class UnitPriceShown(BaseModel):
    """An amount per quantity: $0.15 per 1,000,000."""

    amount_usd: Dollars
    per: int


class ChargeLineShown(BaseModel):
    """One meter's part of a charge; the lines do not overlap and add up to it exactly."""

    meter: str
    quantity: int
    unit_price: UnitPriceShown
    amount_usd: Dollars


class ChargeShown(BaseModel):
    """An amount with its reasons."""

    amount_usd: Dollars
    basis: Literal["metered", "counted", "presumed"]
    """metered: the provider's own usage. counted: what was seen of the answer. presumed: the hold, taken as spent."""
    price_id: str | None
    lines: list[ChargeLineShown]


def unit_price_shown(price: UnitPrice) -> UnitPriceShown:
    return UnitPriceShown(amount_usd=dollars(price.amount), per=price.per)


def charge_shown(charge: Charge) -> ChargeShown:
    return ChargeShown(
        amount_usd=dollars(charge.amount),
        basis=charge.basis,
        price_id=charge.price_id or None,
        lines=[
            ChargeLineShown(
                meter=line.meter,
                quantity=line.quantity,
                unit_price=unit_price_shown(line.unit_price),
                amount_usd=dollars(line.amount),
            )
            for line in charge.lines
        ],
    )


def usage_shown(usage: Usage | None) -> dict[str, int | None] | None:
    """Every count by its OpenTelemetry name; null where the provider reported none."""
    return msgspec.structs.asdict(usage) if usage is not None else None


def instant_or_none(ms: int | None) -> str | None:
    return iso(ms) if ms is not None else None
