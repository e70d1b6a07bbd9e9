"""Signing in: `tollway login`, `logout`, `whoami`, `env`, `token`."""

import contextlib
import os
import re
import shlex
import sys
import time
import webbrowser
from collections.abc import Callable
from typing import Any, cast

import msgspec

from tollway.cli import oauth
from tollway.cli.client import Unreachable, find_url
from tollway.cli.logins import Kept, Logins, LoginsUnusable, find_logins
from tollway.cli.oauth import NotSignedIn
from tollway.cli.shown import amount, complain, instant, rows, say, show_json, table

FRESH_S = 360
"""A token that is handed to another program is good for this long at least: Claude Code asks for one every five minutes."""
SHELLS = ("sh", "fish", "powershell")
_FAILURES = (NotSignedIn, Unreachable, LoginsUnusable, ValueError)


def sign_in(url: str | None, *, browser: bool, opens: bool | None, logins: Logins | None = None) -> int:
    """Signs somebody in. `browser`: at a loopback address; else by a code. `opens`: whether to open a browser; `None`: where
    somebody sits before it."""
    logins = logins or find_logins()
    try:
        where = _url(url)
        server = oauth.discover(where)
        shows = is_attended() if opens is None else opens
        if browser or server.device is None:
            if server.authorization is None:
                raise NotSignedIn(f"The gateway at {where} signs nobody in.")
            body = oauth.by_loopback(
                server,
                lambda target: _show(["Open this page in a browser on this machine:", f"  {target}"], target, shows),
            )
        else:
            code = oauth.begin_device(server)
            lines = [f"Open {code.url} and type this code:", "", f"    {code.user_code}", ""]
            lines.append(f"or open {code.complete_url}")
            _show(lines, code.complete_url, shows)
            body = oauth.await_device(server, code)
        kept = oauth.kept_of(where, server.token, server.revocation, body, int(time.time()))
        with logins.locked():
            before = logins.find(where)
            logins.put(kept)
        if before is not None and before.refresh_token != kept.refresh_token:
            # It is forgotten here either way, and ends by itself where the gateway does not answer.
            oauth.revoke(before)
    except _FAILURES as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("Not signed in.")
        return 130
    say(f"Signed in at {where} as {kept.user or 'somebody'}.")
    say("Next: tollway whoami, or tollway env for what to set for your SDKs.")
    return 0


def sign_out(url: str | None, *, logins: Logins | None = None) -> int:
    """Ends the login at the gateway, and forgets it here; 1 where the gateway could not be told."""
    logins = logins or find_logins()
    try:
        with logins.locked():
            kept = logins.find(_given(url))
            if kept is None:
                say("Nobody is signed in.")
                if url is not None:
                    logins.drop(_url(url))
                return 0
            told = oauth.revoke(kept)
            logins.drop(kept.url)
    except _FAILURES as error:
        complain(str(error))
        return 1
    if told:
        say(f"Signed out of {kept.url}.")
        return 0
    complain(
        f"Forgotten here, but {kept.url} could not be told: its tokens are good until they end. Ask its administrator to "
        "end them if somebody else may have them."
    )
    return 1


def show_token(url: str | None, *, logins: Logins | None = None) -> int:
    """Prints an access token, and nothing else."""
    try:
        kept = current(logins or find_logins(), _given(url))
    except _FAILURES as error:
        complain(str(error))
        return 1
    print(kept.access_token)
    return 0


def show_environment(url: str | None, *, shell: str | None, logins: Logins | None = None) -> int:
    """Prints what the SDKs read, as commands of a shell."""
    chosen = shell or guessed_shell(os.environ)
    if chosen not in SHELLS:
        complain(f"--shell: {chosen!r} is none of {', '.join(SHELLS)}")
        return 2
    try:
        kept = current(logins or find_logins(), _given(url))
    except _FAILURES as error:
        complain(str(error))
        return 1
    for name, value in environment_of(kept).items():
        print(exported(name, value, chosen))
    return 0


def show_who(url: str | None, *, as_json: bool, logins: Logins | None = None) -> int:
    """Who is signed in where, and what they may still spend."""
    try:
        kept = current(logins or find_logins(), _given(url))
        answer = oauth.budget(kept)
        if answer.status != 200:
            said = answer.body.get("error")
            message = said.get("message") if isinstance(said, dict) else None  # type: ignore[union-attr]
            why = oauth.plain(str(message)) if message else answer.description  # type: ignore[arg-type]
            raise NotSignedIn(f"{kept.url} does not let you in: {why}")
        budgets = _budgets(kept.url, answer.body)
    except _FAILURES as error:
        complain(str(error))
        return 1
    if as_json:
        show_json(
            {
                "url": kept.url,
                "user": kept.user,
                "groups": list(kept.groups),
                "gateways": list(kept.gateways),
                "token_ends_at": kept.ends_at,
                "budgets": budgets,
            }
        )
        return 0
    say(
        f"You are      {kept.user}",
        f"at           {kept.url}",
        f"in groups    {', '.join(kept.groups) or 'none'}",
        f"on gateways  {', '.join(kept.gateways) or 'all'}",
    )
    if not budgets:
        say("No budget counts you.")
        return 0
    made = table(
        "Your budgets",
        ("budget", "left"),
        ("left", "right"),
        ("spent", "right"),
        ("limit", "right"),
        ("resets", "left"),
    )
    rows(
        made,
        [
            [
                str(each["budget"]) + (" (frozen)" if each["frozen"] else ""),
                amount(each["left_usd"]) if each["limit_usd"] is not None else "unlimited",
                amount(each["spent_usd"]),
                amount(each["limit_usd"]) if each["limit_usd"] is not None else "unlimited",
                instant(each["resets_at"]),
            ]
            for each in budgets
        ],
    )
    return 0


def _budgets(url: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """What the gateway says of the budgets. Raises NotSignedIn."""
    try:
        found = msgspec.convert(body.get("budgets"), list[_Budget])
        for each in found:
            for said in (each.left_usd, each.spent_usd, each.limit_usd):
                amount(said)
            instant(each.resets_at)
    except (ValueError, ArithmeticError):
        raise NotSignedIn(f"What {url} says of your budgets cannot be read; is this its version of tollway?") from None
    return [_cleaned(each) for each in body["budgets"]]


def _cleaned(said: Any) -> Any:
    """The same without what a terminal would obey."""
    match said:
        case str():
            return oauth.plain(said)
        case dict():
            return {oauth.plain(str(name)): _cleaned(value) for name, value in cast(dict[Any, Any], said).items()}
        case list():
            return [_cleaned(each) for each in cast(list[Any], said)]
        case _:
            return said


class _Budget(msgspec.Struct):
    """What is shown of one."""

    budget: str
    frozen: bool
    left_usd: str | None
    spent_usd: str | None
    limit_usd: str | None
    resets_at: str | None


def current(logins: Logins, url: str | None, *, now_s: Callable[[], float] = time.time) -> Kept:
    """The login with a token that is good for a while, refreshed if need be. Raises NotSignedIn, Unreachable, LoginsUnusable."""
    kept = logins.find(url)
    if kept is not None and _is_fresh(kept, now_s()):
        return kept
    with logins.locked():
        # Another command may have done it meanwhile.
        kept = logins.find(url)
        if kept is None:
            raise NotSignedIn(
                f"Nobody is signed in{f' at {url}' if url else ''}. Run: tollway login --url {url or 'URL'}"
            )
        if _is_fresh(kept, now_s()):
            return kept
        try:
            answer = oauth.refresh(kept)
        except Unreachable:
            return _good_still(kept, now_s())
        if answer.status == 200:
            fresh = oauth.kept_of(kept.url, kept.token_endpoint, kept.revocation_endpoint, answer.body, int(now_s()))
            logins.put(fresh, renewed=True)
            return fresh
        if answer.error == "invalid_grant":
            logins.drop(kept.url)
            raise NotSignedIn(
                f"Your login at {kept.url} has ended: {answer.description} Run: tollway login --url {kept.url}"
            )
    return _good_still(kept, now_s(), answer.description)


def environment_of(kept: Kept) -> dict[str, str]:
    """What the SDKs of OpenAI, Anthropic and Google read."""
    return {
        "OPENAI_BASE_URL": f"{kept.url}/v1",
        "OPENAI_API_KEY": kept.access_token,
        "ANTHROPIC_BASE_URL": kept.url,
        "ANTHROPIC_AUTH_TOKEN": kept.access_token,
        "GOOGLE_GEMINI_BASE_URL": kept.url,
        "GEMINI_API_KEY": kept.access_token,
    }


def exported(name: str, value: str, shell: str) -> str:
    """One variable, as a command of that shell."""
    if shell == "fish":
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{quoted}'"
    if shell == "powershell":
        # PowerShell's language reference, about_Quoting_Rules: it takes typographic quotes for plain ones.
        quoted = re.sub("(['\u2018-\u201b])", r"\1\1", value)
        return f"$env:{name} = '{quoted}'"
    return f"export {name}={shlex.quote(value)}"


def guessed_shell(environment: Any) -> str:
    """The shell that is most likely used."""
    if sys.platform == "win32":
        return "powershell"
    return "fish" if str(environment.get("SHELL", "")).endswith("/fish") else "sh"


def is_attended() -> bool:
    """Whether somebody sits before this machine's own browser."""
    remote = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
    shown = sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return sys.stdout.isatty() and shown and not remote


def _show(lines: list[str], target: str, opens: bool) -> None:
    say(*lines)
    sys.stdout.flush()
    if opens:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(target)


def _is_fresh(kept: Kept, now_s: float) -> bool:
    return kept.ends_at - now_s > min(FRESH_S, kept.lasts_s // 2)


def _good_still(kept: Kept, now_s: float, why: str = "the gateway does not answer") -> Kept:
    """The token that is there, while it is good: what cannot be refreshed now may be a moment later."""
    if kept.ends_at - now_s > 0:
        return kept
    raise Unreachable(f"Your token has ended, and {kept.url} gave no other: {why}. Try again shortly.")


def _given(url: str | None) -> str | None:
    """The gateway that was named, by option or environment; `None`: the last one that was signed in at."""
    return _url(url) if url or os.environ.get("TOLLWAY_URL") else None


def _url(url: str | None) -> str:
    """Raises ValueError for what is no URL."""
    found = find_url(url).rstrip("/")
    oauth.check_url(found)
    return found
