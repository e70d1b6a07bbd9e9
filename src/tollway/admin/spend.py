"""Where the money went: exact sums over ledger entries, grouped as asked."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from tollway.admin.access import Only
from tollway.admin.analytics_query import ALIASES
from tollway.admin.charge import Dollars
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import Where, given_once
from tollway.ledger.entry import Kind
from tollway.money import dollars
from tollway.storage.protocol import SpendRow


class SpendQuery(Where):
    kind: Kind | None = None
    group_by: str = Field(
        default="",
        max_length=256,
        description="Up to four of gateway, provider, model, user, group, team, key, service, kind, day, hour, "
        "metadata.<key>, with commas between them; empty for the total alone.",
    )


class SpendSum(BaseModel):
    """Exact sums."""

    spent_usd: Dollars
    entries: int
    unpriced: int
    """Entries whose cost is not known, and which are not in `spent_usd`."""
    input_tokens: int | None
    """Told by providers or counted here; null where none is known."""
    output_tokens: int | None
    counted_input_tokens: int
    """The part of `input_tokens` that no provider told: the answer was cut, or told no usage, and its bytes were counted."""
    counted_output_tokens: int
    untold: int
    """Entries of answers of which no usage is known, and whose tokens are in no sum."""


class SpendGroup(SpendSum):
    group: dict[str, str | None]
    """Field to value; null where a request had none."""


class SpendAnswer(BaseModel):
    group_by: list[str]
    rows: list[SpendGroup]
    """Largest first. Grouped by `group`, an entry counts once for each group its caller is in."""
    total: SpendSum
    """Summed apart, over every entry once."""


def spend_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["spend"])

    async def spend(query: Annotated[SpendQuery, Query()], only: Only) -> SpendAnswer:
        """Spend by any fields, with the total."""
        named = [name.strip() for name in query.group_by.split(",") if name.strip()]
        fields = [ALIASES.get(name, name) for name in named]
        if len(fields) > 4 or len(set(fields)) < len(fields):
            raise Problem(400, "parameter_invalid", "group_by: name up to four different fields.")
        records, where = runtime.store.records, query.filter(only)
        # What is settled counts at once; the rows follow within a moment, and are waited for here.
        await runtime.store.ledger.flush()
        try:
            rows = await records.spend(where, fields) if fields else ()
            whole = await records.spend(where, ())
        except ValueError as error:
            raise Problem(400, "parameter_invalid", f"group_by: {error}; team stands for metadata.team.") from None
        total = (
            whole[0]
            if whole
            else SpendRow(group=(), spent=0, entries=0, unpriced=0, input_tokens=None, output_tokens=None)
        )
        return SpendAnswer(
            group_by=fields,
            rows=[
                SpendGroup(group=dict(zip(fields, row.group, strict=True)), **_sum(row).model_dump()) for row in rows
            ],
            total=_sum(total),
        )

    router.get("/spend", dependencies=[Depends(given_once)])(spend)
    return router


def _sum(row: SpendRow) -> SpendSum:
    return SpendSum(
        spent_usd=dollars(row.spent),
        entries=row.entries,
        unpriced=row.unpriced,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        counted_input_tokens=row.counted_input_tokens,
        counted_output_tokens=row.counted_output_tokens,
        untold=row.untold,
    )
