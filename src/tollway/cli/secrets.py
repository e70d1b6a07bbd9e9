"""`tollway secrets`: the keys of providers in the gateway's safe."""

import sys
from typing import Annotated, Any

import typer

from tollway.cli.options import Data, Json, Token, Url

secrets = typer.Typer(help="Keys of providers that the gateway keeps, sealed.", no_args_is_help=True)

_Named = Annotated[str, typer.Argument(metavar="PROVIDER[/ALIAS]", help="Such as openai, or openai/second.")]
_Gateway = Annotated[
    str | None, typer.Option("--gateway", metavar="SLUG", help="Only this gateway uses it.", show_default=False)
]
_By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="In whose name, for the audit log.", show_default=False)
]


@secrets.command("set")
def put(
    named: _Named,
    gateway: _Gateway = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="RFC 3339, or a date (UTC).", show_default=False)
    ] = None,
    by: _By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Store a provider's key: asked for, or read from standard input. It is never shown again."""
    from tollway.cli.questions import Asking, answer_with, read_instant
    from tollway.cli.shown import complain, say

    provider, _, alias = named.partition("/")
    body: dict[str, Any] = {"provider": provider, "alias": alias or "default", "gateway": gateway}
    if expires is not None:
        try:
            body["expires_at"] = read_instant("--expires", expires)
        except ValueError as error:
            complain(f"{error}.")
            raise typer.Exit(1) from None
    body["secret"] = (
        typer.prompt(f"The key of {named}", hide_input=True) if sys.stdin.isatty() else sys.stdin.read().strip()
    )

    def shown(answer: Any) -> None:
        say(f"{answer['id']} is stored, sealed, and in use from now on.", *_notes(answer))

    raise typer.Exit(
        answer_with(Asking(url, token, data, json), lambda c: c.post("/api/v1/provider-keys", body, actor=by), shown)
    )


@secrets.command("list")
def listed(url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """What is kept, and how it fares. No secret is shown."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import instant, rows, say, table

    def shown(answer: Any) -> None:
        items = answer["items"]
        if not items:
            say("No provider has a key. Store one with: tollway secrets set openai")
            return
        made = table(
            "Keys of providers",
            *((name, "left") for name in ("key", "ends in", "status", "last used", "expires", "from")),
        )
        rows(
            made,
            [
                [
                    item["id"],
                    item["preview"] or "-",
                    item["status"],
                    instant(item["last_used_at"]) if item["managed_by"] == "store" else "-",
                    instant(item["expires_at"]),
                    "settings" if item["managed_by"] == "file" else item["by"],
                ]
                for item in items
            ],
        )

    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda c: c.get("/api/v1/provider-keys"), shown))


@secrets.command("delete")
def delete(
    named: _Named,
    gateway: _Gateway = None,
    by: _By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Take a stored key out; no request goes out with it from then on."""
    from urllib.parse import quote, urlencode

    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import say

    provider, _, alias = named.partition("/")
    path = f"/api/v1/provider-keys/{quote(provider, safe='')}/{quote(alias or 'default', safe='')}"
    if gateway is not None:
        path = f"{path}?{urlencode({'gateway': gateway})}"

    def shown(answer: Any) -> None:
        say(f"{answer['id']} is gone; requests do not go out with it any more.", *_notes(answer))

    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda c: c.delete(path, actor=by), shown))


@secrets.command("rotate")
def rotate(
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make another master key first, where the gateway keeps its own.")
    ] = False,
    by: _By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Wrap every stored key under the master key in force, while requests go on; then the old one is needed no more."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import say

    def shown(answer: Any) -> None:
        say(f"{answer['wrapped']} of the stored keys were wrapped anew.", *_notes(answer))

    raise typer.Exit(
        answer_with(
            Asking(url, token, data, json),
            lambda c: c.post("/api/v1/provider-keys/rotate", {"new_key": new_key}, actor=by),
            shown,
        )
    )


def _notes(answer: Any) -> list[str]:
    return [f"Note: {warning}" for warning in answer["warnings"]]
