"""What a person has left: each budget that counts them, and which models still work, by the numbers that refuse."""

import time
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from tollway.admin.access import principal_of
from tollway.admin.charge import Dollars, Instant
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.exchange.refusal import Refusal
from tollway.identity.identity import Identity, of_key
from tollway.identity.keys import Key
from tollway.proxy.own_budget import standing
from tollway.request import InferenceRequest


class Deed(BaseModel):
    """What a budget does before it is spent."""

    at_percent: int
    do: str
    due: bool
    delay_ms: int | None
    to: str | None


class Layer(BaseModel):
    """One account that counts the person."""

    id: str
    budget: str
    account: str
    parent: str | None
    mode: str
    window: str
    models: list[str]
    """Patterns of the models that it counts; empty for all."""
    limit_usd: Dollars | None
    """Null where there is none."""
    spent_usd: Dollars
    held_usd: Dollars
    left_usd: Dollars | None
    resets_at: Instant | None
    resets: str
    frozen: bool
    frozen_reason: str | None
    actions: list[Deed]


class ModelStanding(BaseModel):
    """What a call of a model would be told now."""

    model: str
    status: str
    said: str
    served_by: str | None


class Layers(BaseModel):
    user: str
    proven_by: str | None
    """What says who they are: their session, or the key whose groups and metadata were taken; null where only the name is
    known, so that budgets of groups and metadata are not among these."""
    budgets: list[Layer]
    tightest: str | None
    """The account of the enforced budget with the least left."""
    models: list[ModelStanding]


def layers_of(runtime: Runtime, request: Request, user: str, gateway: str, models: list[str]) -> Layers:
    """Raises Problem."""
    snapshot, now = runtime.snapshot, runtime.clock.now()
    if gateway not in snapshot.gateways:
        known = ", ".join(sorted(snapshot.gateways))
        raise Problem(404, "gateway_unknown", f'No gateway "{gateway[:128]}"; there are: {known}.')
    identity, proven_by = _identity(runtime, request, user, now)
    asking = InferenceRequest(
        id="asked",
        received_at=now,
        started_ns=time.monotonic_ns(),
        method="GET",
        path="/v1/budget",
        upstream_path="/v1/budget",
        query=b"",
        headers=(),
        content_type=b"application/json",
        body=b"",
        api="openai.other",
        dialect="openai",
        gateway=gateway,
        provider=None,
        credentials=(),
        metadata=None,
    )
    found = standing(asking, identity, snapshot, runtime.store.ledger, runtime.calendar, models)
    if isinstance(found, Refusal):
        raise Problem(400, "parameter_invalid", found.message)
    return Layers(
        user=user,
        proven_by=proven_by,
        budgets=[Layer.model_validate(_fields(Layer, row)) for row in found["budgets"]],
        tightest=found["tightest"],
        models=[ModelStanding.model_validate(_fields(ModelStanding, row)) for row in found["models"]],
    )


def _identity(runtime: Runtime, request: Request, user: str, now: int) -> tuple[Identity, str | None]:
    """Somebody as a request of theirs would be known, as far as that is known here."""
    asker = principal_of(request)
    if asker.user == user and asker.identity is not None:
        return asker.identity, "your session"
    there = [*runtime.snapshot.keys.values(), *runtime.snapshot.issued.all()]
    keys: list[Key] = [
        key for key in there if key.user == user and key.enabled and (key.expires_at is None or key.expires_at > now)
    ]
    if not keys:
        return Identity(kind="user", user=user), None
    return of_key(keys[-1]), keys[-1].name


def _fields(kind: type[BaseModel], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in kind.model_fields}
