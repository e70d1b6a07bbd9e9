"""Requests that were refused, or served by a cheaper model, read from the newest part of the log."""

from typing import Any

from tollway.storage.analytics import Stopped, Stops
from tollway.storage.sql import rows
from tollway.storage.sql.driver import Connection

LOOKED_AT = 50_000
"""Of refusals, and of all records for what was downgraded, the newest of a range that are looked at: a quarter of a second each."""
DECODED_AT_MOST = 5_000
"""Downgraded requests that are read as a whole."""

_DOWNGRADED = "downgraded"
_INSTEAD = " instead of "
# The record is msgpack: the value "deny" behind a byte that no text has in it. A provider's own refusal has none.
_DENIED = f"instr(record, X'{(bytes([0xA4]) + b'deny').hex()}') > 0"


def stops(reading: Connection, *, since: int, until: int, user: str | None, gateway: str | None) -> Stops:
    """`Analytics.stops`."""
    clauses = ""
    bindings: list[str] = []
    for column, value in (("user", user), ("gateway", gateway)):
        if value is not None:
            clauses += f" AND {column} = ?"
            bindings.append(value)
    with reading:
        refused_since = _beyond(reading, "INDEXED BY records_code WHERE code <> '' AND", since, until)
        refused = reading.execute(
            "SELECT code, provider, model, user, count(*), max(at) FROM records INDEXED BY records_code "
            f"WHERE code <> '' AND at >= ? AND at < ? AND status >= 400 AND {_DENIED}{clauses} GROUP BY 1, 2, 3, 4",
            (refused_since, until, *bindings),
        ).fetchall()
        swapped_since = _beyond(reading, "WHERE", since, until)
        swapped = reading.execute(
            "SELECT at, record FROM records WHERE at >= ? AND at < ? AND code = '' "
            f"AND instr(record, ?) > 0{clauses} ORDER BY at DESC, seq DESC LIMIT ?",
            (swapped_since, until, _DOWNGRADED.encode(), *bindings, DECODED_AT_MOST + 1),
        ).fetchall()
    if len(swapped) > DECODED_AT_MOST:
        swapped_since = int(swapped.pop()[0]) + 1
    return Stops(
        refused_since=refused_since,
        refused=[
            Stopped(code=code, provider=provider, model=model, user=of, requests=requests, at=at)
            for code, provider, model, of, requests, at in sorted(
                refused, key=lambda row: [(value is not None, value or "") for value in row[:4]]
            )
        ],
        swapped_since=swapped_since,
        swapped=[one for at, record in swapped if at >= swapped_since and (one := _swapped(record)) is not None],
    )


def _beyond(reading: Connection, where: str, since: int, until: int) -> int:
    """From where on there are no more than `LOOKED_AT` of them."""
    found: Any = reading.execute(
        f"SELECT at FROM records {where} at >= ? AND at < ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        (since, until, LOOKED_AT),
    ).fetchone()
    return since if found is None else int(found[0]) + 1


def _swapped(record: bytes) -> Stopped | None:
    """What was asked for at first, however often it was swapped; `None` where the word is only something that was sent."""
    read = rows.read_record(record)
    swaps = [verdict for verdict in read.decisions if verdict.code == _DOWNGRADED]
    if not swaps:
        return None
    provider, _, model = swaps[0].detail.partition(_INSTEAD)[2].partition("/")
    return Stopped(
        code=_DOWNGRADED,
        provider=provider or None,
        model=model or None,
        user=read.user,
        requests=1,
        at=read.at,
        charged=read.charge.amount if read.charge is not None else None,
    )
