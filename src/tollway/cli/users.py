"""`tollway users`: administrators that are known to the gateway alone."""

import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.options import Data, Json, Token, Url

users = typer.Typer(
    help="Administrators with a password of this gateway. People of the identity provider get roles in the settings.",
    no_args_is_help=True,
)

_Name = Annotated[str, typer.Argument(metavar="NAME")]
_Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="owner, admin or finance; may be repeated. [admin]", show_default=False),
]


@users.command("add")
def add(
    name: _Name, role: _Roles = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Make one. The password is asked for, or read from standard input."""
    from tollway.cli.shown import say

    body = {"name": name, "roles": role or ["admin"], "password": _password(name)}

    def shown(answer: Any) -> None:
        say(f"{answer['name']} may sign in. Roles: {', '.join(answer['roles'])}.")

    _do("post", "/api/v1/users", body, url, token, data, json, shown)


@users.command("list")
def listed(url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Who there is."""
    from tollway.cli.shown import instant, rows, say, table

    def shown(answer: Any) -> None:
        if not answer["items"]:
            say("There is nobody. Make an administrator with: tollway users add NAME --role owner")
            return
        made = table(
            "Local administrators", *((name, "left") for name in ("name", "roles", "may sign in", "since", "by"))
        )
        rows(
            made,
            [
                [u["name"], ", ".join(u["roles"]), "yes" if u["enabled"] else "no", instant(u["created_at"]), u["by"]]
                for u in answer["items"]
            ],
        )

    _do("get", "/api/v1/users", None, url, token, data, json, shown)


@users.command("password")
def password(name: _Name, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Give another password; whoever is signed in with the old one is signed out."""
    from tollway.cli.shown import say

    body = {"password": _password(name)}

    def shown(answer: Any) -> None:
        say(f"{answer['name']} has another password.")

    _do("patch", _path(name), body, url, token, data, json, shown)


@users.command("remove")
def remove(name: _Name, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Take one out, and end its sessions."""
    from tollway.cli.shown import say

    def shown(answer: Any) -> None:
        say(f"{answer['name']} is gone.")

    _do("delete", _path(name), None, url, token, data, json, shown)


def _password(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True))
    # Whoever writes it twice, as it is asked for, means it once.
    lines = set(sys.stdin.read().strip("\r\n").splitlines())
    if len(lines) > 1:
        raise typer.BadParameter("standard input has several lines; a password is one.", param_hint="password")
    return lines.pop() if lines else ""


def _path(name: str) -> str:
    return f"/api/v1/users/{quote(name, safe='')}"


def _do(
    method: str,
    path: str,
    body: Any,
    url: str | None,
    token: str | None,
    data: str | None,
    json: bool,
    show: Any,
) -> None:
    from tollway.cli.questions import Asking, answer_with

    def ask(client: Any) -> Any:
        return getattr(client, method)(path, *(() if body is None else (body,)))

    raise typer.Exit(answer_with(Asking(url, token, data, json), ask, show))
