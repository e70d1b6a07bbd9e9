"""Answers whose cost nobody knows, and those charged at the dearest price of their provider's list, by model.

They are few among millions, and noted apart (`meters.py`); what is not noted yet is read from the ledger.
"""

from typing import Final

from tollway.storage.analytics import Hole
from tollway.storage.rolled import LARGEST_COUNT
from tollway.storage.sql import meters
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.records import STILL_UNPRICED
from tollway.storage.sql.statements import LAST_SEQ
from tollway.storage.sql.wide import halves, whole

FEW: Final = 200_000
"""Entries that are found by their place in the ledger; where more are not noted yet, they are found by their instant."""

_NOTED: Final = "seq IN (SELECT seq FROM apart WHERE kind = '{kind}' AND at >= ?1 AND seq <= ?2)"
# The plus keeps the slower index out of it.
_LATELY: Final = "+occurred_at >= ?1 AND seq > ?2"
_SINCE: Final = "occurred_at >= ?1 AND +seq > ?2"
_UNPRICED: Final = (
    f"SELECT provider, model, count(*), coalesce(sum(min(input_tokens, {LARGEST_COUNT})), 0), "
    f"coalesce(sum(min(output_tokens, {LARGEST_COUNT})), 0) FROM entries WHERE {{where}} AND {STILL_UNPRICED} GROUP BY 1, 2"
)
_AT_CEILING: Final = (
    f"SELECT provider, model, count(*), {halves('amount_nanodollars')} FROM entries WHERE {{where}} GROUP BY 1, 2"
)
_LOOKS_LIKE_IT: Final = f"kind = 'charge' AND instr(charge, X'{meters.AT_CEILING.encode().hex()}') > 0"


def holes(reading: Connection, since: int) -> list[Hole]:
    """`Analytics.holes`, all of it in one snapshot."""
    found: dict[tuple[str, str], list[int]] = {}

    def add(provider: str, model: str, *sums: int) -> None:
        known = found.setdefault((provider, model), [0] * 5)
        for place, number in enumerate(sums):
            known[place] += number

    with reading:
        through = meters.through(reading)
        rest = _LATELY if reading.execute(LAST_SEQ).get - through <= FEW else _SINCE
        bindings = (since, through)
        for where in (_NOTED.format(kind="unpriced"), rest):
            for provider, model, *sums in reading.execute(_UNPRICED.format(where=where), bindings):
                add(provider, model, *sums)
        for where in (_NOTED.format(kind=meters.CEILING), f"{rest} AND {_LOOKS_LIKE_IT}"):
            for provider, model, counted, high, low in reading.execute(_AT_CEILING.format(where=where), bindings):
                add(provider, model, 0, 0, 0, counted, whole(high, low))
    return [
        Hole(
            provider=provider,
            model=model,
            requests=requests,
            input_tokens=read,
            output_tokens=written,
            counted=counted,
            counted_amount=amount,
        )
        for (provider, model), (requests, read, written, counted, amount) in sorted(found.items())
    ]
