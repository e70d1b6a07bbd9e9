"""What would happen to a request, told by the same rules that would decide it; nothing is held, sent or logged."""

import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.budgets import split_values
from tollway.admin.charge import Dollars, Instant, UnitPriceShown, instant_or_none, unit_price_shown
from tollway.admin.logs import DecisionShown
from tollway.admin.policy_simulate import PolicyJudged, policy_judged
from tollway.admin.problem import Problem
from tollway.admin.rehearsed import rehearsed
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.budgets.accounts import UNLIMITED
from tollway.budgets.budget import Guarantee
from tollway.exchange.refusal import Refusal
from tollway.exchange.rehearse import Leg, Rehearsal, as_key, as_person
from tollway.gateway import Family
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.money import dollars
from tollway.pricing.estimate import Quote
from tollway.providers.batches import JOBS
from tollway.providers.codec import Malformed
from tollway.providers.weight import is_heavy
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.surface import Call, NoSuchPath, surface
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot

_LARGE = "large_body"
"""Where the body to be explained is kept, when it was cut out of the request."""
_PATHS: dict[Family, str] = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/{model}:generateContent",
}


class ExplainRequest(BaseModel):
    """A request as a caller would send it, and who the caller is: a key by its name, or a person's attributes."""

    model_config = ConfigDict(extra="forbid")

    gateway: str = "default"
    method: Literal["GET", "POST"] = "POST"
    path: str | None = Field(
        default=None, description="By default the path of the API that the model's provider speaks."
    )
    body: dict[str, Any] = Field(default_factory=dict)
    key: str | None = Field(default=None, description="The name of a gateway key, never its secret.")
    user: str | None = None
    service: str | None = None
    groups: list[str] = Field(default_factory=list)
    metadata: dict[str, str] = Field(
        default_factory=dict, description="What the caller declares in its metadata header."
    )


class IdentityShown(BaseModel):
    kind: Literal["user", "service", "anonymous"]
    user: str | None
    service: str | None
    groups: list[str]
    key: str | None
    metadata: dict[str, str]


class TargetShown(BaseModel):
    provider: str
    model: str | None
    api: str
    path: str
    """At the provider; empty where the request would not get there."""


class QuoteShown(BaseModel):
    """The most the request may cost, and why."""

    bound_usd: Dollars
    input_tokens: int
    """No more are billed."""
    output_tokens: int
    """For each choice."""
    choices: int
    cap: int | None
    """The output cap Tollway would write into the body where a budget holds money for it; null where the caller's own
    holds."""
    price_id: str
    input_price: UnitPriceShown
    output_price: UnitPriceShown
    unbounded: str | None
    """Why the cost has no bound; null where it has one."""


class LegShown(BaseModel):
    """One account the request counts against."""

    budget: str
    name: str
    account: str
    values: dict[str, str]
    mode: Literal["enforce", "monitor"]
    guarantee: Guarantee
    limit_usd: Dollars | None
    """Null for an account without one."""
    spent_usd: Dollars
    held_usd: Dollars
    available_usd: Dollars | None
    needed_usd: Dollars
    verdict: Literal["fits", "exhausted", "contended", "frozen", "not_asked"]
    refuses: bool
    """False for a monitored budget that is not frozen, whatever its verdict."""
    frozen_by: str | None
    """Who froze it; callers are not told."""
    frozen_reason: str | None
    resets_at: Instant | None


class RefusalShown(BaseModel):
    """What the caller would be sent."""

    status: int
    headers: dict[str, str]
    body: Any


class ExplainAnswer(BaseModel):
    outcome: Literal["forward", "refuse"]
    code: str
    identity: IdentityShown | None
    target: TargetShown | None
    quote: QuoteShown | None
    """The bound of what would serve, which is `downgraded_to` where that is not null; null where no price is known, or the
    request does not get that far."""
    priced: bool | None
    """False: the model has no price. Null: the request does not get that far."""
    held: QuoteShown | None
    """What would be held: less than `quote` where the output cap would be lowered to what a budget has left."""
    first_held_usd: Dollars | None
    """What would be held to begin with, where the hold follows a stream as it is made; null where all of `held` would."""
    delay_ms: int
    """How long a budget of which much is spent would make the request wait."""
    downgraded_to: str | None
    """The model that would serve instead of `target`, or be refused instead, because a budget wants that."""
    budgets: list[LegShown]
    policies: list[PolicyJudged]
    refusal: RefusalShown | None
    decisions: list[DecisionShown]


def explain_router(runtime: Runtime) -> APIRouter:
    # What is large is cut out of the body before the framework reads it: both would hold up everybody else.
    router = APIRouter(tags=["explain"], route_class=_route_class(runtime))

    async def explain(asked: ExplainRequest, request: Request) -> ExplainAnswer:
        """What would happen to a request now, and which rule would say so. Nothing is held, sent or logged."""
        large: bytes | None = getattr(request.state, _LARGE, None)
        if large is None:
            return await explained(runtime, asked)
        assert runtime.heavy is not None
        return await _explained_large(runtime, runtime.heavy, asked, large)

    router.post("/explain", dependencies=[Depends(no_parameters)])(explain)
    return router


def _route_class(runtime: Runtime) -> type[APIRoute]:
    class Cutting(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handled(request: Request) -> Response:
                # The guard hands on the whole of it at once. `Request.body` would copy it.
                body: bytes = (await request.receive()).get("body", b"")
                cut, heavy = Request(request.scope, request.receive), runtime.heavy
                if heavy is None or not is_heavy(body):
                    cut._body = body  # pyright: ignore[reportPrivateUsage] (as below)
                    return await handle(cut)
                large, rest = await _cut(heavy, body, "body", "field")
                cut._body = rest  # pyright: ignore[reportPrivateUsage] (where Starlette keeps what it has read)
                # A body of many values may have nothing large in it that could be cut out.
                setattr(cut.state, _LARGE, large or b"{}")
                return await handle(cut)

            return handled

    return Cutting


async def _cut(heavy: Heavy, body: bytes, field: str, keeps: Literal["field", "rest"]) -> tuple[bytes, bytes]:
    try:
        found = await heavy.cut(body, field, keeps)
    except HeavyFailed as error:
        raise Problem(503, "overloaded", f"The body cannot be read now. {error}") from None
    if isinstance(found, Malformed):
        raise Problem(400, "body_invalid", found.message)
    return found


async def _explained_large(runtime: Runtime, heavy: Heavy, asked: ExplainRequest, body: bytes) -> ExplainAnswer:
    """`explained`, of a body that the worker reads."""
    snapshot, now = runtime.snapshot, runtime.clock.now()
    path = asked.path
    if path is None:
        without, model = await _cut(heavy, body, "model", "rest")
        named = {"model": msgspec.json.decode(model)} if model else {}
        path, left = _default_path(named, snapshot, now)
        body = body if "model" in left or not named else without
    request = _request(asked, snapshot, now, path, body)
    if asked.method == "POST" and is_heavy(body):
        try:
            ask = await heavy.read_ask(request)
            return await _explained(runtime, asked, request, snapshot, now, ask)
        except HeavyFailed as error:
            raise Problem(503, "overloaded", f"The body cannot be read now. {error}") from None
    return await _explained(runtime, asked, request, snapshot, now, None)


async def explained(runtime: Runtime, asked: ExplainRequest) -> ExplainAnswer:
    """What would happen to a request now. Raises Problem where it could not be one."""
    snapshot, now = runtime.snapshot, runtime.clock.now()
    path, body = asked.path, asked.body
    if path is None:
        path, body = _default_path(body, snapshot, now)
    request = _request(asked, snapshot, now, path, msgspec.json.encode(body))
    return await _explained(runtime, asked, request, snapshot, now, None)


async def _explained(
    runtime: Runtime,
    asked: ExplainRequest,
    request: InferenceRequest,
    snapshot: Snapshot,
    now: int,
    ask: Ask | Malformed | None,
) -> ExplainAnswer:
    caller = _caller(asked, request, snapshot)
    return _shown(await rehearsed(runtime, request, caller, snapshot, now, ask), request, runtime, now)


def _request(asked: ExplainRequest, snapshot: Snapshot, now: int, path: str, body: bytes) -> InferenceRequest:
    if not path.startswith("/") or not path.isascii():
        raise Problem(400, "body_invalid", 'path: begin it with "/", in ASCII, for example "/v1/chat/completions".')
    path, _, query = path.partition("?")
    found = surface(asked.method, path, snapshot, anthropic=False, gateway=asked.gateway)
    if isinstance(found, NoSuchPath):
        raise Problem(400, "body_invalid", f"path: {found.message}")
    if not isinstance(found, Call):
        raise Problem(
            400, "body_invalid", f"path: {path} lists models; Tollway answers it itself, and it costs nothing."
        )
    if found.api in JOBS:
        raise Problem(400, "body_invalid", "path: batches and files are not explained; explain one request of a batch.")
    return InferenceRequest(
        id="explained",
        received_at=now,
        started_ns=time.monotonic_ns(),
        method=asked.method,
        path=path,
        upstream_path=found.path,
        query=query.encode(),
        headers=(),
        content_type=b"application/json",
        body=body if asked.method == "POST" else b"",
        api=found.api,
        dialect=found.dialect,
        gateway=found.gateway,
        provider=found.provider,
        credentials=(),
        metadata=msgspec.json.encode(asked.metadata).decode() if asked.metadata else None,
    )


def _default_path(body: dict[str, Any], snapshot: Snapshot, now: int) -> tuple[str, dict[str, Any]]:
    """The unified path of the API that the model's provider speaks. Google's has the model in the path."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        return _PATHS["openai"], body
    family = _family(model, snapshot, now)
    if family == "google":
        head, slash, rest = model.partition("/")
        prefix, bare = (f"/{head}", rest) if slash and snapshot.provider(head) is not None else ("", model)
        return prefix + _PATHS[family].format(model=bare), {
            name: value for name, value in body.items() if name != "model"
        }
    return _PATHS[family], body


def _family(model: str, snapshot: Snapshot, now: int) -> Family:
    """The API by which `model` can be called; a bare name may be several providers' and one's alone on its own API."""
    for family, route in snapshot.ways(model, now):
        if family in route.provider.roots or "/" in model:
            return route.provider.family if route.provider.family in _PATHS else family
    return "openai"


def _caller(asked: ExplainRequest, request: InferenceRequest, snapshot: Snapshot) -> Identity | Refusal:
    person = asked.user is not None or asked.service is not None or bool(asked.groups)
    if asked.key is not None:
        if person:
            raise Problem(
                400, "body_invalid", "key: name a key, or describe a caller by user, service and groups; not both."
            )
        written = next((key for key in snapshot.keys.values() if key.name == asked.key), None)
        key = written or snapshot.issued.named(asked.key)
        if key is not None:
            return as_key(key, request, snapshot)
        known = ", ".join(sorted(key.name for key in snapshot.keys.values())) or "none"
        raise Problem(404, "key_unknown", f'No key is named "{asked.key[:64]}"; there are: {known}.')
    if not person:
        return as_person(ANONYMOUS, request, snapshot)
    kind: Literal["user", "service"] = "service" if asked.service is not None else "user"
    identity = Identity(kind=kind, user=asked.user, service=asked.service, groups=tuple(asked.groups))
    return as_person(identity, request, snapshot)


def _shown(found: Rehearsal, request: InferenceRequest, runtime: Runtime, now: int) -> ExplainAnswer:
    identity, target = found.identity, found.target
    refusal = found.refusal
    return ExplainAnswer(
        outcome=found.outcome,
        code=found.code,
        identity=IdentityShown(
            kind=identity.kind,
            user=identity.user,
            service=identity.service,
            groups=list(identity.groups),
            key=identity.key,
            metadata=identity.metadata,
        )
        if identity is not None
        else None,
        target=TargetShown(provider=target.provider.slug, model=target.model, api=request.api, path=found.path)
        if target is not None
        else None,
        quote=_quote(found.quote) if isinstance(found.quote, Quote) else None,
        priced=isinstance(found.quote, Quote) if found.quote is not None else None,
        held=_quote(found.granted) if found.granted is not None else None,
        first_held_usd=dollars(found.first_held) if found.first_held is not None else None,
        delay_ms=found.delay_ms,
        downgraded_to=found.downgraded_to,
        budgets=[_leg(leg, runtime, now) for leg in found.legs],
        policies=[policy_judged(one) for one in found.policies],
        refusal=RefusalShown(
            status=refusal.status,
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in refusal.headers},
            body=msgspec.json.decode(refusal.body),
        )
        if refusal is not None
        else None,
        decisions=[
            DecisionShown(step=d.step, outcome=d.outcome, code=d.code, rule=d.rule, detail=d.detail)
            for d in found.decisions
        ],
    )


def _quote(quote: Quote) -> QuoteShown:
    return QuoteShown(
        bound_usd=dollars(quote.amount),
        input_tokens=quote.input_tokens,
        output_tokens=quote.output_tokens,
        choices=quote.choices,
        cap=quote.cap,
        price_id=quote.price_id,
        input_price=unit_price_shown(quote.per_input_token),
        output_price=unit_price_shown(quote.per_output_token),
        unbounded=quote.unbounded,
    )


def _leg(leg: Leg, runtime: Runtime, now: int) -> LegShown:
    budget, balance = leg.budget, leg.balance
    limited = leg.hold.limit < UNLIMITED
    return LegShown(
        budget=budget.id,
        name=budget.name,
        account=leg.hold.account,
        values=split_values(budget, leg.hold.account),
        mode=budget.mode,
        guarantee=budget.guarantee,
        limit_usd=dollars(balance.limit) if limited else None,
        spent_usd=dollars(balance.spent),
        held_usd=dollars(balance.held),
        available_usd=dollars(balance.available) if limited else None,
        needed_usd=dollars(leg.hold.amount),
        verdict=leg.verdict,
        refuses=leg.verdict == "frozen" or (leg.hold.enforced and leg.verdict in ("exhausted", "contended")),
        frozen_by=leg.freeze.by if leg.freeze is not None else None,
        frozen_reason=(leg.freeze.reason or None) if leg.freeze is not None else None,
        resets_at=instant_or_none(runtime.calendar.next_reset(budget.window, now)),
    )
