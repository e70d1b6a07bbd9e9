"""The application: every noun's routes behind one guard, and every error a problem document."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from tollway import __version__
from tollway.admin import problem
from tollway.admin.access import authorized, declare
from tollway.admin.adjustments import adjustments_router
from tollway.admin.alert_rules import alert_rules_router
from tollway.admin.alerts import alerts_router
from tollway.admin.analytics import analytics_router
from tollway.admin.audit import audit_router, audited
from tollway.admin.budget_edit import budget_edit_router
from tollway.admin.budgets import budgets_router
from tollway.admin.cache import cache_router
from tollway.admin.controls import controls_router
from tollway.admin.dashboard import built, dashboard_router
from tollway.admin.entries import entries_router
from tollway.admin.explain import explain_router
from tollway.admin.export_jobs import export_jobs_router
from tollway.admin.exports import exports_router
from tollway.admin.guard import Guard
from tollway.admin.issuers import issuers_router
from tollway.admin.keys import keys_router
from tollway.admin.local_users import LocalUsers
from tollway.admin.log_bodies import log_bodies_router
from tollway.admin.log_changes import log_changes_router
from tollway.admin.logins import logins_router
from tollway.admin.logs import logs_router
from tollway.admin.metrics import metrics_router
from tollway.admin.oauth import oauth_router
from tollway.admin.oauth_browser import oauth_browser_router
from tollway.admin.playground import playground_router
from tollway.admin.policies import policies_router
from tollway.admin.policy_matrix import policy_matrix_router
from tollway.admin.price_overrides import overrides_router
from tollway.admin.prices import prices_router
from tollway.admin.provider_keys import provider_keys_router
from tollway.admin.rates import rates_router
from tollway.admin.rerate import rerate_router
from tollway.admin.route_deployments import route_deployments_router
from tollway.admin.route_desk import RouteDesk
from tollway.admin.route_traffic import route_traffic_router
from tollway.admin.routes import routes_router
from tollway.admin.runtime import Runtime
from tollway.admin.service_tokens import service_tokens_router
from tollway.admin.session import session_router
from tollway.admin.sessions import Sessions
from tollway.admin.settings import settings_router
from tollway.admin.simulate import simulate_router
from tollway.admin.spend import spend_router
from tollway.admin.statements import statements_router
from tollway.admin.status import status_router
from tollway.admin.users import users_router
from tollway.admin.views import views_router
from tollway.admin.written import text_only
from tollway.errors import SettingsInvalid, StoreUnavailable

_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457), with a machine-readable code.",
        "content": {problem.MEDIA_TYPE: {"schema": problem.ProblemDocument.model_json_schema()}},
    }
}


def build(runtime: Runtime) -> Guard:
    """The control plane of `runtime`, as an ASGI application."""
    # No documentation page: FastAPI's loads its scripts from a network this gateway may not have.
    app = FastAPI(
        title="Tollway",
        version=__version__,
        summary="The control plane of a Tollway gateway.",
        description="Send `Authorization: Bearer <administrator token>`. Amounts are exact decimal strings of US dollars; "
        "instants are RFC 3339; unknown is null.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=_PROBLEM,
        separate_input_output_schemas=False,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        # Told in the OpenAPI document; who is let in is for the guard to say, before anything is read.
        dependencies=[
            Depends(HTTPBearer(auto_error=False, description="The administrator token.")),
            Depends(authorized),
        ],
    )
    sessions = Sessions(
        runtime.store.cabinet,
        lambda: runtime.snapshot.pepper,
        late=lambda session, by: audited(runtime, "session.ended", session.user, by=by),
    )
    users = LocalUsers(runtime.store.cabinet)
    desk = RouteDesk(runtime)
    nouns = APIRouter(prefix="/api/v1")
    for router in (
        status_router(runtime),
        issuers_router(runtime),
        budgets_router(runtime),
        spend_router(runtime),
        analytics_router(runtime),
        views_router(runtime),
        logs_router(runtime),
        log_bodies_router(runtime),
        log_changes_router(runtime),
        entries_router(runtime),
        exports_router(runtime),
        export_jobs_router(runtime),
        explain_router(runtime),
        simulate_router(runtime),
        rerate_router(runtime),
        statements_router(runtime),
        adjustments_router(runtime),
        # Before the prices, one of whose paths takes any two names.
        overrides_router(runtime),
        prices_router(runtime),
        # Before the alerts, one of whose paths takes any id.
        alert_rules_router(runtime),
        alerts_router(runtime),
        provider_keys_router(runtime),
        budget_edit_router(runtime),
        controls_router(runtime),
        policies_router(runtime),
        policy_matrix_router(runtime),
        routes_router(runtime, desk),
        route_deployments_router(runtime, desk),
        route_traffic_router(runtime, desk),
        rates_router(runtime),
        keys_router(runtime),
        logins_router(runtime),
        service_tokens_router(runtime),
        audit_router(runtime),
        settings_router(runtime),
        cache_router(runtime),
        session_router(runtime, sessions, users),
        users_router(runtime, users, sessions),
    ):
        nouns.include_router(router, dependencies=[Depends(text_only)])
    # What it is sent is the gateway's to read.
    nouns.include_router(playground_router(runtime))
    app.include_router(nouns)
    app.include_router(metrics_router(runtime))
    app.include_router(oauth_router(runtime))
    app.include_router(oauth_browser_router(runtime))
    app.include_router(dashboard_router(built()))
    app.add_exception_handler(problem.Problem, problem.of_problem)
    app.add_exception_handler(RequestValidationError, problem.of_validation)
    app.add_exception_handler(HTTPException, problem.of_http)
    app.add_exception_handler(SettingsInvalid, problem.of_settings)
    app.add_exception_handler(StoreUnavailable, problem.of_store)
    app.add_exception_handler(Exception, problem.of_defect)
    declare(app)
    return Guard(app, runtime, sessions)
