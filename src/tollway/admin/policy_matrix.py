"""Who may use which model: policies tried on many callers and many models at once, each with its reason."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.policy_drafts import Drafts
from tollway.admin.policy_simulate import SimulateAnswer, SimulateRequest, simulated
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.admin.written import Fields
from tollway.document.policies import by_gateway, policy_id, read_policies
from tollway.document.policy_edit import merged, read_fields
from tollway.document.text import parse
from tollway.document.written import PolicyDocument
from tollway.errors import SettingsInvalid
from tollway.policies.policy import Policy
from tollway.snapshot import Snapshot

_MOST = 60


class CallerAsked(BaseModel):
    """A row of the matrix."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=256)
    identity: dict[str, Any] = Field(default_factory=dict, description="As in POST /api/v1/policies/simulate.")


class MatrixAsked(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    callers: list[CallerAsked] = Field(min_length=1, max_length=_MOST)
    models: list[Annotated[str, Field(min_length=1, max_length=256)]] = Field(
        min_length=1, max_length=_MOST, description="As callers write them: openai/gpt-5."
    )
    gateway: str = "default"
    include_staging: bool = Field(
        default=False, alias="includeStaging", description="As if every draft were committed."
    )
    policy: Fields | None = Field(
        default=None,
        description="As if this one were in force too: an entry of `policies:`, or fields in the place of those of its `id`.",
    )


class CellShown(BaseModel):
    model: str
    allowed: bool
    decision: Literal["no_policies", "permitted", "limited", "blocked", "not_permitted"] = Field(
        description="no_policies: the gateway has none, so everything is permitted. limited: permitted up to an amount. blocked: a "
        "policy blocks it. not_permitted: no policy permits it."
    )
    policies: list[str] = Field(description="The names of the policies that decided.")
    limit_usd: str | None = Field(
        description="The lowest limit that it has to fit into; what is spent of it is not asked."
    )
    period: str | None
    why: str


class RowShown(BaseModel):
    name: str
    cells: list[CellShown]
    """In the order of `models`."""


class Matrix(BaseModel):
    gateway: str
    models: list[str]
    rows: list[RowShown]


def policy_matrix_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["policies"], dependencies=[Depends(no_parameters)])
    drafts = Drafts(runtime)

    async def matrix(asked: MatrixAsked) -> Matrix:
        """What the policies say of each caller and each model. What was spent of limits is not asked."""
        snapshot = runtime.snapshot
        policies = snapshot.policies
        if asked.include_staging or asked.policy is not None:
            written = {policy_id(one): one for one in parse(snapshot.document).policies}
            if asked.include_staging:
                written |= {draft.id: draft.policy for draft in await drafts.all()}
            try:
                if asked.policy is not None:
                    wanted = _wanted(asked.policy, written)
                    written[policy_id(wanted)] = wanted
                policies = read_policies(list(written.values()), snapshot.gateways)
            except SettingsInvalid as error:
                raise Problem(400, "policy_invalid", str(error)) from None
        in_force = by_gateway(policies, snapshot.gateways)
        # Thousands of conditions: the loop has requests to serve.
        return await asyncio.to_thread(judged, asked, snapshot, in_force, runtime.clock.now())

    router.post("/policies/matrix")(matrix)
    return router


def _wanted(fields: Fields, written: Mapping[str, PolicyDocument]) -> PolicyDocument:
    """The policy that is tried, as PUT or POST would read it. Raises SettingsInvalid."""
    found = written.get(str(fields.get("id", "")))
    return merged(found, fields) if found is not None else read_fields(fields)


def judged(asked: MatrixAsked, snapshot: Snapshot, in_force: Mapping[str, Sequence[Policy]], now: int) -> Matrix:
    """Every cell. Raises Problem for a gateway or an identity that cannot be asked about."""
    rows: list[RowShown] = []
    for caller in asked.callers:
        cells: list[CellShown] = []
        for model in asked.models:
            question = SimulateRequest(identity=caller.identity, model=model, gateway=asked.gateway)
            cells.append(_cell(model, simulated(question, snapshot, in_force, now)))
        rows.append(RowShown(name=caller.name, cells=cells))
    return Matrix(gateway=asked.gateway, models=asked.models, rows=rows)


def _cell(model: str, found: SimulateAnswer) -> CellShown:
    matching = [one.name for one in found.policies if one.outcome == "matches"]
    if found.policiesEvaluated == 0:
        return _told(model, "no_policies", [], "This gateway has no policies, so everything is permitted.")
    if found.evaluation.decision == "block":
        blocking = [one for one in found.policies if one.outcome == "blocks"]
        if not blocking:
            return _told(model, "not_permitted", [], "No policy permits it.")
        names = [one.name for one in blocking]
        why = next((one.why for one in blocking if one.why), "")
        return _told(model, "blocked", names, f'Policy "{names[0]}" blocks it{f": {why}" if why else ""}.')
    limits = [one for one in found.evaluation.buckets if one.limit_usd is not None and not one.unchecked]
    if not limits:
        return _told(model, "permitted", matching, f"Permitted by {', '.join(matching)}, without a limit.")
    lowest = min(limits, key=lambda one: one.limit or 0)
    cell = _told(
        model,
        "limited",
        matching,
        f'Permitted by {", ".join(matching)}, up to ${lowest.limit_usd} {lowest.period} in the bucket "{lowest.bucket}".',
    )
    cell.limit_usd, cell.period = lowest.limit_usd, lowest.period
    return cell


def _told(
    model: str,
    decision: Literal["no_policies", "permitted", "limited", "blocked", "not_permitted"],
    policies: list[str],
    why: str,
) -> CellShown:
    return CellShown(
        model=model,
        allowed=decision not in ("blocked", "not_permitted"),
        decision=decision,
        policies=policies,
        limit_usd=None,
        period=None,
        why=why,
    )
