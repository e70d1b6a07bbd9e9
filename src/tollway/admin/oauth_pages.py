"""The pages of signing in: HTML without a script, readable on a phone, by day and by night.

Whatever comes from somebody else is text. The policy of each page lets nothing be loaded, and nobody frame it.
"""

import secrets
from functools import cache
from html import escape
from importlib import resources

from starlette.responses import HTMLResponse

from tollway.admin.oauth_asked import NO_STORE
from tollway.identity.secrets import USER_CODE_LENGTH


@cache
def _style() -> str:
    return resources.files("tollway.admin").joinpath("sign_in.css").read_text(encoding="utf-8")


def page(
    title: str,
    inner: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    forms_to: str = "",
    goes_to: str | None = None,
) -> HTMLResponse:
    """A page. `inner` is HTML; `forms_to`: another origin that the answer to a form may send the browser to; `goes_to`:
    where the browser goes on to by itself."""
    nonce = secrets.token_urlsafe(16)
    refresh = f'<meta http-equiv="refresh" content="0;url={escape(goes_to)}">' if goes_to is not None else ""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{refresh}'
        f'<style nonce="{nonce}">{_style()}</style></head><body><main><div class="card">'
        f'<p class="name">Tollway</p><h1>{escape(title)}</h1>{inner}</div></main></body></html>'
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'{f' {forms_to}' if forms_to else ''}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    found = {
        **NO_STORE,
        "content-security-policy": policy,
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        # Not "no-referrer": a form would then be sent with the Origin "null".
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        **(headers or {}),
    }
    return HTMLResponse(html, status_code=status, headers=found)


def ask_code(
    typed: str = "", wrong: str = "", *, status: int = 200, headers: dict[str, str] | None = None
) -> HTMLResponse:
    """Where somebody types the code that their program shows."""
    hint = (
        "<p>Check that your program shows exactly this code. If you did not start a sign-in yourself, close this page.</p>"
        if typed and not wrong
        else "<p>Type the code that your program shows.</p>"
    )
    error = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return page(
        "Sign in on a device",
        f'{error}{hint}<form method="post" action="/oauth/device"><label for="code">Code</label>'
        f'<input type="text" id="code" name="user_code" value="{escape(typed)}" required autocomplete="off" '
        f'autocapitalize="characters" spellcheck="false" maxlength="{USER_CODE_LENGTH + 4}" placeholder="XXXX-XXXX">'
        '<div class="row"><button class="go" type="submit">Continue</button></div></form>',
        status=status,
        headers=headers,
    )


def go_on(url: str, headers: dict[str, str]) -> HTMLResponse:
    """Sends the browser to the identity provider: as a page of its own, since the policy of the one before lets its form
    lead nowhere else, however often the identity provider sends the browser on."""
    link = f'<a class="button go" href="{escape(url)}" rel="noreferrer">Go to sign-in</a>'
    return page(
        "Sign in with your company",
        f'<p>You are being taken to your identity provider.</p><div class="row">{link}</div>',
        headers=headers,
        goes_to=url,
    )


def ask_consent(
    *, action: str, ticket: str, client: str, address: str, age_s: int | None, who: str, forms_to: str = ""
) -> HTMLResponse:
    """Whether the program may act as the person who signed in. `age_s`: how long ago it asked."""
    rows = [("Program", client), ("Asked from", address or "an address that is not known")]
    if age_s is not None:
        rows.append(("When", "less than a minute ago" if age_s < 60 else f"{age_s // 60} min ago"))
    rows.append(("You are", who))
    told = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return page(
        "Did you start this?",
        "<p>A program asks to use this AI gateway as you, and to spend your budget.</p>"
        f"<dl>{told}</dl>"
        "<p>Allow it only if you have just started the sign-in yourself, on your own computer. If somebody sent you a code or "
        "a link, deny it.</p>"
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="ticket" value="{escape(ticket)}">'
        '<div class="row"><button type="submit" name="decision" value="deny">Deny</button>'
        '<button class="go" type="submit" name="decision" value="allow">Yes, allow</button></div></form>',
        forms_to=forms_to,
    )


def done(allowed: bool) -> HTMLResponse:
    if allowed:
        return page("You are signed in", "<p>Go back to your program; you can close this page.</p>")
    return page("Denied", "<p>The program gets nothing. If you did not start this, tell your administrator.</p>")


def sorry(message: str, *, status: int, headers: dict[str, str] | None = None) -> HTMLResponse:
    """Why it goes no further."""
    return page("That did not work", f'<p role="alert">{escape(message)}</p>', status=status, headers=headers)
