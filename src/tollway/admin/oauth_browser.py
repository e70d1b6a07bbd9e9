"""The gateway as an authorization server: what people see in their browsers.

A code is entered, or a program on the same machine asks; the company's identity provider says who sits there; they are
asked whether the program may act as them. Nothing is given out before that, and nothing is sent to an address that is not
the program's own.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from tollway.admin import oauth_pages as pages
from tollway.admin.oauth import login_of, name_of, required_base
from tollway.admin.oauth_asked import (
    OAuthError,
    address_of,
    browser_of,
    cookie,
    fields_of,
    form_of,
    is_from_here,
    new_browser,
)
from tollway.admin.oauth_grants import Authorization, Grants, Question
from tollway.admin.oauth_limits import MOST_BEGUN, Tries
from tollway.admin.runtime import Runtime
from tollway.admin.sign_in import Came, SignIn
from tollway.errors import StoreUnavailable
from tollway.exchange.refusal import Refusal
from tollway.identity.grants import DEVICE_MS, MOST_TRIES, is_redirect, opened
from tollway.identity.login import Login
from tollway.identity.secrets import is_challenge, read_user_code, show_user_code

LONGEST_STATE = 256
_DEVICE = "/oauth/device"
_AUTHORIZE = "/oauth/authorize"
_SWITCHED_OFF = "Signing in by a code is switched off at this gateway. Use: tollway login --browser"

_Route = Callable[[Request], Awaitable[Response]]


def oauth_browser_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    browsing = _Browsing(runtime)
    router.add_api_route(_DEVICE, _as_page(browsing.device), methods=["GET"])
    router.add_api_route(_DEVICE, _as_page(browsing.device_form), methods=["POST"])
    router.add_api_route(_AUTHORIZE, _as_page(browsing.authorize), methods=["GET"])
    router.add_api_route(_AUTHORIZE, _as_page(browsing.authorize_form), methods=["POST"])
    router.add_api_route("/oauth/callback", _as_page(browsing.callback), methods=["GET"])
    return router


class _Browsing:
    """Everything that a browser asks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._grants = Grants(runtime)
        self._sign_in = SignIn(runtime)
        self._wrong = Tries(MOST_TRIES, DEVICE_MS)
        self._begun = Tries(MOST_BEGUN, DEVICE_MS)

    async def device(self, request: Request) -> Response:
        login = login_of(self._runtime)
        required_base(request, login)
        if not login.device:
            return pages.sorry(_SWITCHED_OFF, status=400)
        typed = read_user_code(fields_of(request.url.query).get("user_code", ""))
        return pages.ask_code(show_user_code(typed) if typed is not None else "")

    async def device_form(self, request: Request) -> Response:
        """Either a code that was typed, or what was decided about one."""
        login = login_of(self._runtime)
        base = required_base(request, login)
        form = await form_of(request)
        if not is_from_here(request, base):
            return pages.sorry("That form was not sent from a page of this gateway. Begin again here.", status=403)
        if "decision" in form:
            return await self._decided(request, base, form, device=True)
        if not login.device:
            return pages.sorry(_SWITCHED_OFF, status=400)
        now, address = self._runtime.clock.now(), address_of(request, login)
        typed = form.get("user_code", "")
        wait_s = self._wrong.wait(address, now)
        if wait_s is not None:
            return pages.ask_code(
                "",
                f"Too many wrong codes came from your address. Try again in {-(-wait_s // 60)} min.",
                status=429,
                headers={"retry-after": str(wait_s)},
            )
        code = read_user_code(typed)
        name = await self._grants.enter(code, now) if code is not None else None
        if name is None:
            self._wrong.count(address, now)
            return pages.ask_code(
                "",
                "That code is not known here, has ended, or was used. Look at your program, and type it again.",
                status=400,
            )
        return await self._begin(request, login, base, f"{_DEVICE}?device={name}")

    async def authorize(self, request: Request) -> Response:
        """RFC 6749, 4.1.1, with RFC 7636. What is wrong with where to answer is told to the person alone."""
        login = login_of(self._runtime)
        base = required_base(request, login)
        asked = fields_of(request.url.query)
        client_id, redirect_uri = asked.get("client_id", ""), asked.get("redirect_uri", "")
        if not client_id:
            return pages.sorry("The program that sent you here does not say which it is (client_id).", status=400)
        name_of(client_id, request)
        if not is_redirect(redirect_uri):
            return pages.sorry(
                "The program that sent you here wants its answer at an address that is not on this computer "
                "(redirect_uri has to be http://127.0.0.1:PORT/...). Nothing was sent.",
                status=400,
            )
        state = asked.get("state")
        if state is not None and len(state) > LONGEST_STATE:
            return _back(base, redirect_uri, None, error="invalid_request", said="state is too long")
        if asked.get("response_type") != "code":
            return _back(base, redirect_uri, state, error="unsupported_response_type", said="response_type is not code")
        if asked.get("code_challenge_method") != "S256" or not is_challenge(asked.get("code_challenge", "")):
            said = "PKCE is needed: code_challenge, with code_challenge_method S256"
            return _back(base, redirect_uri, state, error="invalid_request", said=said)
        kept = {"client_id": client_id, "redirect_uri": redirect_uri, "challenge": asked["code_challenge"]}
        if state is not None:
            kept["state"] = state
        return await self._begin(request, login, base, f"{_AUTHORIZE}?{urlencode(kept)}")

    async def authorize_form(self, request: Request) -> Response:
        base = required_base(request, login_of(self._runtime))
        form = await form_of(request)
        if not is_from_here(request, base):
            return pages.sorry("That form was not sent from a page of this gateway. Begin again.", status=403)
        return await self._decided(request, base, form, device=False)

    async def callback(self, request: Request) -> Response:
        """Somebody comes back from the identity provider."""
        login = login_of(self._runtime)
        base = required_base(request, login)
        query, now = fields_of(request.url.query), self._runtime.clock.now()
        onward = await self._sign_in.elsewhere(query, now)
        if onward is not None:
            return RedirectResponse(onward, status_code=303, headers={"cache-control": "no-store"})
        browser = browser_of(request, base)
        came = await self._sign_in.finish(query, now, browser=browser)
        if isinstance(came, Refusal):
            return _refused(came)
        if opened(login.gateways, came.identity.gateways) is None:
            return pages.sorry(
                f"You are {came.identity.user}, and may use none of the gateways that signing in here opens.",
                status=403,
            )
        return await self._ask(request, came, browser, now)

    async def _begin(self, request: Request, login: Login, base: str, return_to: str) -> Response:
        """Sends the browser to the identity provider."""
        now, address = self._runtime.clock.now(), address_of(request, login)
        wait_s = self._begun.wait(address, now)
        if wait_s is not None:
            return pages.sorry(
                f"Too many sign-ins were begun from your address. Try again in {-(-wait_s // 60)} min.",
                status=429,
                headers={"retry-after": str(wait_s)},
            )
        self._begun.count(address, now)
        browser = browser_of(request, base) or new_browser()
        begun = await self._sign_in.begin(return_to, now, base=base, browser=browser)
        if isinstance(begun, Refusal):
            return _refused(begun)
        return pages.go_on(begun.url, {"set-cookie": cookie(base, browser)})

    async def _ask(self, request: Request, came: Came, browser: str, now: int) -> Response:
        """The question that decides, for what `return_to` says."""
        path, _, query = came.return_to.partition("?")
        asked = dict(parse_qsl(query))
        person = came.identity.person
        who = came.identity.user or ""
        if person is not None and person.name and person.name != who:
            who = f"{person.name} ({who})"
        if path == _DEVICE:
            grant = await self._grants.device(asked["device"], now)
            if grant is None or now >= grant.ends_at or grant.state != "waiting":
                return pages.sorry("The code has ended meanwhile. Begin again in your program.", status=400)
            ticket = await self._grants.ask(came.identity, came.upstream, browser, now, device=asked["device"])
            return pages.ask_consent(
                action=_DEVICE,
                ticket=ticket,
                client=grant.client,
                address=grant.address,
                age_s=(now - grant.made_at) // 1000,
                who=who,
            )
        authorization = Authorization(
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked["challenge"],
            state=asked.get("state"),
        )
        ticket = await self._grants.ask(came.identity, came.upstream, browser, now, authorization=authorization)
        origin = urlsplit(authorization.redirect_uri)
        return pages.ask_consent(
            action=_AUTHORIZE,
            ticket=ticket,
            client=name_of(authorization.client_id, request),
            address=f"this computer ({origin.netloc})",
            age_s=None,
            who=who,
            # CSP, 2.4: a source cannot be an IPv6 address, so what it allows then is the scheme.
            forms_to="http:" if ":" in (origin.hostname or "") else f"{origin.scheme}://{origin.netloc}",
        )

    async def _decided(self, request: Request, base: str, form: dict[str, str], *, device: bool) -> Response:
        now, ticket = self._runtime.clock.now(), form.get("ticket", "")
        question = await self._grants.answered(ticket, browser_of(request, base), now)
        if question is None or (question.device is not None) is not device:
            return pages.sorry(
                "This question has been answered, or took too long. Begin again in your program.", status=400
            )
        # Whatever is not exactly "allow" is no.
        allow = form.get("decision") == "allow"
        if device:
            if not await self._grants.decide_device(question, ticket, now, allow=allow):
                return pages.sorry("The code has ended meanwhile. Begin again in your program.", status=400)
            return pages.done(allow)
        return await self._answer_program(base, question, ticket, now, allow=allow)

    async def _answer_program(self, base: str, question: Question, ticket: str, now: int, *, allow: bool) -> Response:
        asked = question.authorization
        assert asked is not None
        if not allow:
            return _back(
                base, asked.redirect_uri, asked.state, error="access_denied", said="it was denied in the browser"
            )
        code = await self._grants.make_code(question, ticket, now)
        return _back(base, asked.redirect_uri, asked.state, code=code)


def _as_page(route: _Route) -> _Route:
    """Errors as pages: whoever reads them is a person."""

    @wraps(route)
    async def answered(request: Request) -> Response:
        try:
            return await route(request)
        except OAuthError as error:
            return pages.sorry(error.message, status=error.status, headers=dict(error.headers))
        except StoreUnavailable:
            return pages.sorry("The gateway cannot keep anything right now. Try again shortly.", status=503)

    return answered


def _back(
    base: str, redirect_uri: str, state: str | None, *, code: str = "", error: str = "", said: str = ""
) -> Response:
    """The answer to the program, at its own loopback address (RFC 6749, 4.1.2; RFC 9207)."""
    fields = {"code": code, "error": error, "error_description": said, "state": state or "", "iss": base}
    target = f"{redirect_uri}?{urlencode({name: value for name, value in fields.items() if value})}"
    return RedirectResponse(
        target, status_code=303, headers={"cache-control": "no-store", "referrer-policy": "no-referrer"}
    )


def _refused(refusal: Refusal) -> Response:
    headers = {"retry-after": str(refusal.retry_after_s)} if refusal.retry_after_s is not None else None
    return pages.sorry(refusal.message, status=refusal.status, headers=headers)
