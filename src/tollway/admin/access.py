"""What each route of the control plane needs: one table, by the route that was matched, never by a path as it was sent.

A route that is not in the table does not start: whoever adds one has to say who may call it.
"""

from typing import Annotated, NamedTuple

from fastapi import Depends, FastAPI, Request
from fastapi.routing import iter_route_contexts

from tollway.admin.problem import Problem
from tollway.identity.roles import SCOPES, Principal, roles_with

PRINCIPAL = "tollway.principal"
"""Where the guard puts who asks, in the ASGI scope."""
_ONLY = "tollway.only"

OPEN = ""
"""The scope of what anybody may call."""


class Access(NamedTuple):
    """What a route needs."""

    scope: str
    own: str | None = None
    """With this scope alone, what is the caller's own."""


_V1 = "/api/v1"
OWN_DOCUMENT = frozenset({"GET /api/openapi.json"})
"""Made by FastAPI itself, and open: it says what the API is, and nothing of what is in it."""

ACCESS: dict[str, Access] = {
    "GET /metrics": Access("metrics:read"),
    "GET /dashboard": Access(OPEN),
    "GET /dashboard/{path}": Access(OPEN),
    "GET /.well-known/oauth-authorization-server": Access(OPEN),
    "GET /managed/settings": Access(OPEN),
    "GET /oauth/authorize": Access(OPEN),
    "POST /oauth/authorize": Access(OPEN),
    "GET /oauth/callback": Access(OPEN),
    "GET /oauth/device": Access(OPEN),
    "POST /oauth/device": Access(OPEN),
    "POST /oauth/device_authorization": Access(OPEN),
    "POST /oauth/revoke": Access(OPEN),
    "POST /oauth/token": Access(OPEN),
    f"GET {_V1}/session": Access(OPEN),
    f"POST {_V1}/session": Access(OPEN),
    f"DELETE {_V1}/session": Access(OPEN),
    f"GET {_V1}/session/sign-in": Access(OPEN),
    f"GET {_V1}/session/finish": Access(OPEN),
    f"GET {_V1}/sessions": Access("administration:read"),
    f"DELETE {_V1}/sessions": Access("administration:write"),
    f"GET {_V1}/users": Access("administration:read"),
    f"POST {_V1}/users": Access("administration:write"),
    f"PATCH {_V1}/users/{{name}}": Access("administration:write"),
    f"DELETE {_V1}/users/{{name}}": Access("administration:write"),
    f"GET {_V1}/status": Access("status:read"),
    f"POST {_V1}/reload": Access("settings:write"),
    f"GET {_V1}/budgets": Access("budgets:read"),
    f"POST {_V1}/budgets": Access("budgets:write"),
    f"GET {_V1}/budgets/{{budget_id}}": Access("budgets:read"),
    f"PATCH {_V1}/budgets/{{budget_id}}": Access("budgets:write"),
    f"DELETE {_V1}/budgets/{{budget_id}}": Access("budgets:write"),
    f"GET {_V1}/budgets/{{budget_id}}/suggestion": Access("simulate:read"),
    f"POST {_V1}/budgets/{{budget_id}}/freeze": Access("controls:write"),
    f"POST {_V1}/budgets/{{budget_id}}/unfreeze": Access("controls:write"),
    f"GET {_V1}/budgets/{{budget_id}}/increases": Access("budgets:read"),
    f"POST {_V1}/budgets/{{budget_id}}/increases": Access("controls:write"),
    f"DELETE {_V1}/budgets/{{budget_id}}/increases/{{increase_id}}": Access("controls:write"),
    f"GET {_V1}/spend": Access("spend:read", "own:read"),
    f"GET {_V1}/analytics": Access("analytics:read", "own:read"),
    f"GET {_V1}/analytics/movers": Access("analytics:read", "own:read"),
    f"GET {_V1}/analytics/users": Access("analytics:read"),
    f"GET {_V1}/analytics/refusals": Access("analytics:read", "own:read"),
    f"GET {_V1}/views": Access("views:read"),
    f"POST {_V1}/views": Access("views:write"),
    f"PUT {_V1}/views/{{view_id}}": Access("views:write"),
    f"DELETE {_V1}/views/{{view_id}}": Access("views:write"),
    f"GET {_V1}/people": Access("analytics:read"),
    f"GET {_V1}/people/{{user}}": Access("analytics:read", "own:read"),
    f"GET {_V1}/people/{{user}}/layers": Access("analytics:read", "own:read"),
    f"POST {_V1}/playground/{{gateway}}/chat/completions": Access("own:keys"),
    f"GET {_V1}/playground/{{gateway}}/models": Access("own:read"),
    f"GET {_V1}/settings": Access("settings:read"),
    f"GET {_V1}/settings/document": Access("document:read"),
    f"PUT {_V1}/settings/document": Access("document:write"),
    f"GET {_V1}/gateways": Access("settings:read"),
    f"PATCH {_V1}/gateways/{{slug}}": Access("settings:write"),
    f"GET {_V1}/logs": Access("logs:read", "own:read"),
    f"GET {_V1}/logs/{{request_id}}": Access("logs:read", "own:read"),
    f"GET {_V1}/logs/{{request_id}}/request": Access("bodies:read", "own:read"),
    f"GET {_V1}/logs/{{request_id}}/response": Access("bodies:read", "own:read"),
    f"PATCH {_V1}/logs/{{request_id}}": Access("logs:write", "own:read"),
    f"DELETE {_V1}/logs": Access("logs:write"),
    f"GET {_V1}/ledger/entries": Access("ledger:read", "own:read"),
    f"GET {_V1}/exports/analytics": Access("analytics:read", "own:read"),
    f"GET {_V1}/exports/entries": Access("ledger:read", "own:read"),
    f"GET {_V1}/exports/focus": Access("ledger:read", "own:read"),
    f"GET {_V1}/exports/logs": Access("logs:read", "own:read"),
    f"GET {_V1}/export-jobs": Access("exports:read"),
    f"GET {_V1}/export-jobs/{{job_id}}": Access("exports:read"),
    f"PUT {_V1}/export-jobs/{{job_id}}": Access("exports:write"),
    f"PATCH {_V1}/export-jobs/{{job_id}}": Access("exports:write"),
    f"DELETE {_V1}/export-jobs/{{job_id}}": Access("exports:write"),
    f"POST {_V1}/export-jobs/{{job_id}}/run": Access("exports:write"),
    f"GET {_V1}/export-jobs/{{job_id}}/runs": Access("exports:read"),
    f"GET {_V1}/statements": Access("statements:read"),
    f"GET {_V1}/statements/frozen": Access("statements:read"),
    f"GET {_V1}/statements/{{month}}/document": Access("statements:read"),
    f"POST {_V1}/statements/{{month}}/freeze": Access("statements:freeze"),
    f"POST {_V1}/statements/adjustments": Access("ledger:write"),
    f"POST {_V1}/explain": Access("simulate:read"),
    f"POST {_V1}/simulate": Access("simulate:read"),
    f"POST {_V1}/prices/rerate": Access("prices:read"),
    f"POST {_V1}/prices/rerate/apply": Access("ledger:write"),
    f"GET {_V1}/prices": Access("prices:read"),
    f"GET {_V1}/prices/diff": Access("prices:read"),
    f"GET {_V1}/prices/unpriced": Access("prices:read"),
    f"GET {_V1}/prices/{{provider}}/{{model}}": Access("prices:read"),
    f"GET {_V1}/prices/overrides": Access("prices:read"),
    f"POST {_V1}/prices/overrides": Access("prices:write"),
    f"GET {_V1}/prices/overrides/{{override_id}}": Access("prices:read"),
    f"DELETE {_V1}/prices/overrides/{{override_id}}": Access("prices:write"),
    f"GET {_V1}/alerts": Access("alerts:read"),
    f"GET {_V1}/alerts/channels": Access("alerts:read"),
    f"GET {_V1}/alerts/snoozes": Access("alerts:read"),
    f"GET {_V1}/alerts/rules": Access("alerts:read"),
    f"PUT {_V1}/alerts/rules/{{name}}": Access("alerts:write"),
    f"DELETE {_V1}/alerts/rules/{{name}}": Access("alerts:write"),
    f"GET {_V1}/alerts/{{alert_id}}": Access("alerts:read"),
    f"POST {_V1}/alerts/test": Access("alerts:write"),
    f"POST {_V1}/alerts/snooze": Access("alerts:write"),
    f"GET {_V1}/audit": Access("audit:read"),
    f"GET {_V1}/audit/verify": Access("audit:read"),
    f"GET {_V1}/keys": Access("keys:read", "own:keys"),
    f"POST {_V1}/keys": Access("keys:write", "own:keys"),
    f"GET {_V1}/keys/{{key_id}}": Access("keys:read", "own:keys"),
    f"PATCH {_V1}/keys/{{key_id}}": Access("keys:write", "own:keys"),
    f"DELETE {_V1}/keys/{{key_id}}": Access("keys:write", "own:keys"),
    f"POST {_V1}/keys/{{key_id}}/rotate": Access("keys:write", "own:keys"),
    f"POST {_V1}/keys/{{key_id}}/revoke": Access("keys:write", "own:keys"),
    f"GET {_V1}/service-tokens": Access("keys:read"),
    f"POST {_V1}/service-tokens": Access("keys:write"),
    f"GET {_V1}/service-tokens/{{token_id}}": Access("keys:read"),
    f"PATCH {_V1}/service-tokens/{{token_id}}": Access("keys:write"),
    f"DELETE {_V1}/service-tokens/{{token_id}}": Access("keys:write"),
    f"POST {_V1}/service-tokens/{{token_id}}/rotate": Access("keys:write"),
    f"POST {_V1}/service-tokens/{{token_id}}/revoke": Access("keys:write"),
    f"GET {_V1}/logins": Access("keys:read"),
    f"DELETE {_V1}/logins/{{login}}": Access("keys:write"),
    f"GET {_V1}/policies": Access("policies:read"),
    f"POST {_V1}/policies": Access("policies:write"),
    f"GET {_V1}/policies/{{policy_id}}": Access("policies:read"),
    f"PUT {_V1}/policies/{{policy_id}}": Access("policies:write"),
    f"DELETE {_V1}/policies/{{policy_id}}": Access("policies:write"),
    f"POST {_V1}/policies/commit": Access("policies:write"),
    f"POST {_V1}/policies/simulate": Access("policies:read"),
    f"POST {_V1}/policies/rollback": Access("policies:write"),
    f"POST {_V1}/policies/matrix": Access("policies:read"),
    f"GET {_V1}/rate-limits": Access("rate-limits:read"),
    f"POST {_V1}/rate-limits": Access("rate-limits:write"),
    f"PATCH {_V1}/rate-limits/{{limit_id}}": Access("rate-limits:write"),
    f"DELETE {_V1}/rate-limits/{{limit_id}}": Access("rate-limits:write"),
    f"GET {_V1}/routes": Access("routes:read"),
    f"POST {_V1}/routes": Access("routes:write"),
    f"POST {_V1}/routes/validate": Access("routes:read"),
    f"GET {_V1}/routes/{{route_id}}": Access("routes:read"),
    f"PATCH {_V1}/routes/{{route_id}}": Access("routes:write"),
    f"DELETE {_V1}/routes/{{route_id}}": Access("routes:write"),
    f"POST {_V1}/routes/{{route_id}}/simulate": Access("routes:read"),
    f"GET {_V1}/routes/{{route_id}}/traffic": Access("routes:read"),
    f"GET {_V1}/routes/{{route_id}}/versions": Access("routes:read"),
    f"POST {_V1}/routes/{{route_id}}/versions": Access("routes:write"),
    f"GET {_V1}/routes/{{route_id}}/versions/{{version_id}}": Access("routes:read"),
    f"GET {_V1}/routes/{{route_id}}/deployments": Access("routes:read"),
    f"POST {_V1}/routes/{{route_id}}/deployments": Access("routes:write"),
    f"GET {_V1}/issuers": Access("issuers:read"),
    f"GET {_V1}/cache": Access("cache:read"),
    f"DELETE {_V1}/cache": Access("cache:write"),
    f"GET {_V1}/provider-keys": Access("provider-keys:read"),
    f"POST {_V1}/provider-keys": Access("provider-keys:write"),
    f"POST {_V1}/provider-keys/rotate": Access("master-key:write"),
    f"DELETE {_V1}/provider-keys/{{provider}}/{{alias}}": Access("provider-keys:write"),
}
"""Method and route → what it needs."""


def declare(app: FastAPI) -> None:
    """Ties the table to the routes of an application that is complete. Raises RuntimeError where they do not fit: a route that
    is not in the table, a line that no route is for, a scope that is granted to nobody."""
    table: dict[tuple[object, str], Access] = {}
    there: set[str] = set()
    wrong: list[str] = []
    for context in iter_route_contexts(app.routes):
        for method in sorted((context.methods or set()) - {"HEAD"}):
            place = f"{method} {context.path_format}"
            if place in OWN_DOCUMENT:
                continue
            there.add(place)
            if place not in ACCESS:
                wrong.append(f"{place} says nowhere who may call it")
            elif (context.endpoint, method) in table:
                wrong.append(f"{place} shares its function with another route")
            else:
                table[context.endpoint, method] = ACCESS[place]
    wrong += [f"{place} is declared, and does not exist" for place in sorted(ACCESS.keys() - there)]
    scopes = {scope for access in ACCESS.values() for scope in access if scope}
    wrong += [f'the scope "{scope}" is granted to nobody' for scope in sorted(scopes - SCOPES)]
    if wrong:
        raise RuntimeError(f"the control plane does not start: {'; '.join(wrong)}")
    app.state.access = table


async def authorized(request: Request) -> None:
    """Refuses whoever may not call the route that was matched. Raises Problem."""
    method = "GET" if request.method == "HEAD" else request.method
    access: Access = request.app.state.access[request.scope["endpoint"], method]
    if access.scope == OPEN:
        return
    principal: Principal | None = request.scope.get(PRINCIPAL)
    if principal is None:
        # The guard lets nobody by without a name but to what is open; should it ever, it ends here.
        raise Problem(401, "credential_missing", "Sign in, or send a token.")
    if principal.may(access.scope):
        return
    # An empty name would ask for what nobody in particular did.
    if access.own is not None and principal.user and principal.may(access.own):
        request.scope[_ONLY] = principal.user
        return
    has = ", ".join(sorted(principal.roles)) or "none"
    raise Problem(
        403,
        "forbidden",
        f"{principal.name} may not do this: it needs the role {' or '.join(roles_with(access.scope))}, and theirs: {has}. "
        "Roles are given in the settings (administration:).",
    )


def only_user(request: Request) -> str | None:
    """The user whose things alone may be seen and changed; `None` for all."""
    only: str | None = request.scope.get(_ONLY)
    return only


Only = Annotated[str | None, Depends(only_user)]
"""For what somebody may have of their own: the user whose things alone are there."""


def principal_of(request: Request) -> Principal:
    """Who asks. The route is one that not anybody may call."""
    principal: Principal = request.scope[PRINCIPAL]
    return principal


Asker = Annotated[Principal, Depends(principal_of)]
