"""Every route says who may call it, and a route that does not keeps the control plane from starting."""

import pytest
from fastapi import FastAPI

from tollway.admin.access import ACCESS, OPEN, declare
from tollway.admin.guard import OPEN as OPEN_PATHS
from tollway.admin.guard import PAGES
from tollway.identity.roles import SCOPES


def test_what_anybody_may_call_is_what_the_guard_leaves_open() -> None:
    open_to_all = {place.partition(" ")[2] for place, access in ACCESS.items() if access.scope == OPEN}
    pages = {PAGES, f"{PAGES}/{{path}}"}
    assert pages <= open_to_all
    assert open_to_all - pages | {"/api/openapi.json"} == set(OPEN_PATHS)
    assert not any("{" in path for path in OPEN_PATHS)


def test_every_scope_of_the_table_is_granted_to_somebody() -> None:
    assert {scope for access in ACCESS.values() for scope in access if scope} <= SCOPES


def test_what_changes_something_needs_another_scope_than_what_reads_it() -> None:
    asks_only = {"/api/v1/explain", "/api/v1/simulate", "/api/v1/prices/rerate", "/api/v1/policies/simulate"}
    asks_only |= {"/api/v1/routes/validate", "/api/v1/routes/{route_id}/simulate", "/api/v1/policies/matrix"}
    for place, access in ACCESS.items():
        method, _, path = place.partition(" ")
        if access.scope != OPEN:
            assert access.scope.endswith(":read") == (method == "GET" or path in asks_only), place
            assert access.own in (None, "own:read", "own:keys")


def test_a_route_without_a_line_does_not_start() -> None:
    app = FastAPI(openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
    app.get("/api/v1/new")(lambda: None)
    with pytest.raises(RuntimeError, match=r"GET /api/v1/new says nowhere who may call it.*GET /metrics is declared"):
        declare(app)
