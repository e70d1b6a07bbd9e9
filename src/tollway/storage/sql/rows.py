"""Between the project's values and the database's rows."""

from typing import Any

import msgspec

from tollway.ledger.control import Control
from tollway.ledger.entry import Context, Kind, LedgerEntry
from tollway.ledger.reservation import Reservation
from tollway.logs.record import LogRecord
from tollway.money import LARGEST
from tollway.pricing.charge import Charge
from tollway.storage.sql.batch import Bindings
from tollway.usage import Usage

_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_read_charge = msgspec.msgpack.Decoder(Charge).decode
_read_usage = msgspec.msgpack.Decoder(Usage).decode
_read_groups = msgspec.json.Decoder(tuple[str, ...]).decode
_read_metadata = msgspec.json.Decoder(dict[str, str]).decode

read_legs = msgspec.json.Decoder(tuple[tuple[str, int], ...]).decode
"""The legs of an entry from their column."""

read_reservation = msgspec.msgpack.Decoder(Reservation).decode
"""The reservation of an intent from its column."""

read_record = msgspec.msgpack.Decoder(LogRecord).decode
"""The record from its column."""


read_control = msgspec.msgpack.Decoder(Control).decode
"""The control from its column."""


def of_control(control: Control) -> Bindings:
    """The row of a control."""
    over_at = control.until if control.ended_at is None else control.ended_at
    return (control.id, control.target, control.since, over_at, _pack(control))


def of_reservation(reservation: Reservation) -> Bindings:
    """The row of an intent."""
    return (reservation.id, reservation.opened_at, _pack(reservation))


def of_entry(entry: LedgerEntry) -> Bindings:
    """The row of an entry, but for its `seq`.

    Raises OverflowError for an amount beyond 64 bits, before anything is booked: the reservation stays open then, and
    lapses into a presumption.
    """
    if not -LARGEST <= entry.charge.amount <= LARGEST:
        raise OverflowError(f"entry {entry.id}: {entry.charge.amount} nanodollars are more than 64 bits hold")
    context = entry.context
    usage = entry.usage
    return (
        entry.id,
        entry.reservation_id,
        entry.request_id,
        entry.attempt,
        entry.kind,
        entry.charge.amount,
        context.provider,
        _text(context.model),
        _text(entry.response_model),
        context.gateway,
        _text(context.user),
        context.key,
        context.service,
        _json(context.groups).decode(),
        _json(context.metadata).decode(),
        _json(context.declared).decode(),
        None if usage is None else _count(usage.input_tokens),
        None if usage is None else _count(usage.output_tokens),
        _json(entry.legs).decode(),
        _pack(entry.charge),
        None if usage is None else _pack(usage),
        entry.occurred_at,
        entry.recorded_at,
    )


def to_entry(row: tuple[Any, ...]) -> tuple[int, LedgerEntry]:
    """The `seq` and the entry of a row with `statements.ENTRY_COLUMNS`."""
    (
        seq,
        entry_id,
        reservation_id,
        request_id,
        attempt,
        kind,
        provider,
        model,
        response_model,
        gateway,
        user,
        key,
        service,
        groups,
        metadata,
        declared,
        legs,
        charge,
        usage,
        occurred_at,
        recorded_at,
    ) = row
    known_kind: Kind = kind
    return seq, LedgerEntry(
        id=entry_id,
        reservation_id=reservation_id,
        request_id=request_id,
        attempt=attempt,
        kind=known_kind,
        charge=_read_charge(charge),
        legs=read_legs(legs),
        context=Context(
            gateway=gateway,
            provider=provider,
            model=model,
            user=user,
            groups=_read_groups(groups),
            key=key,
            service=service,
            metadata=_read_metadata(metadata),
            declared=_read_groups(declared),
        ),
        response_model=response_model,
        usage=None if usage is None else _read_usage(usage),
        occurred_at=occurred_at,
        recorded_at=recorded_at,
    )


def of_record(record: LogRecord) -> Bindings:
    """The row of a record. Raises ValueError or OverflowError where a value has no encoding."""
    return (
        record.request_id,
        record.at,
        record.gateway,
        record.status,
        record.code,
        record.provider,
        _text(record.request_model),
        record.user,
        record.key,
        record.service,
        _json(record.groups).decode(),
        _json(record.metadata).decode(),
        _pack(record),
    )


def _text(value: str | None) -> str | None:
    """`value` as UTF-8 can hold it: half a surrogate pair, which JSON can smuggle in, becomes a question mark."""
    if value is None or value.isascii():
        return value
    return value.encode(errors="replace").decode()


def _count(value: int | None) -> int | None:
    return None if value is None else min(value, LARGEST)
