"""`tollway keys` and `tollway service-tokens`: credentials made, listed, rotated and ended in a running gateway."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.options import By, Data, Json, Token, Url

keys = typer.Typer(help="Gateway keys: made, listed, rotated and revoked while the gateway runs.", no_args_is_help=True)
service_tokens = typer.Typer(
    help="Service tokens: a client id and a client secret for an agent or a CI job.", no_args_is_help=True
)

_Credential = Annotated[str, typer.Argument(metavar="NAME", help="Its name or its id.", show_default=False)]
_New = Annotated[
    str,
    typer.Argument(metavar="NAME", help="What budgets and logs know it by; it never changes.", show_default=False),
]
_Owner = Annotated[str | None, typer.Option("--owner", help="Who answers for it.", show_default=False)]
_Team = Annotated[str | None, typer.Option("--team", help="Kept as metadata.team.", show_default=False)]
_Project = Annotated[str | None, typer.Option("--project", help="Kept as metadata.project.", show_default=False)]
_Groups = Annotated[list[str] | None, typer.Option("--group", help="May be repeated.", show_default=False)]
_Metadata = Annotated[
    list[str] | None, typer.Option("--metadata", metavar="NAME=VALUE", help="May be repeated.", show_default=False)
]
_Gateways = Annotated[
    list[str] | None,
    typer.Option("--gateway", metavar="SLUG", help="It opens these alone; may be repeated.", show_default=False),
]
_Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="PATTERN",
        help="It may use these alone: openai/gpt-4o*; may be repeated.",
        show_default=False,
    ),
]
_Addresses = Annotated[
    list[str] | None,
    typer.Option(
        "--address",
        metavar="CIDR",
        help="It may be used from these networks alone; may be repeated.",
        show_default=False,
    ),
]
_Priority = Annotated[str | None, typer.Option("--priority", metavar="batch|standard|production", show_default=False)]
_Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="WHEN", help="In 12h, 90d, 52w; or at an RFC 3339 instant.", show_default=False),
]
_Note = Annotated[str | None, typer.Option("--note", help="For those who read it later.", show_default=False)]
_Grace = Annotated[
    str, typer.Option("--grace", metavar="LENGTH", help="For so long the old secret still opens; 0 if it has leaked.")
]
_OnlyTeam = Annotated[str | None, typer.Option("--team", help="Only of this team.", show_default=False)]
_OnlyOwner = Annotated[str | None, typer.Option("--owner", help="Only of this owner.", show_default=False)]
_OnlyState = Annotated[
    str | None,
    typer.Option("--state", metavar="active|disabled|expired|revoked", help="Only these.", show_default=False),
]


@keys.command("create")
def create_key(
    name: _New,
    user: Annotated[str | None, typer.Option("--user", help="The person it is for.", show_default=False)] = None,
    service: Annotated[str | None, typer.Option("--service", help="Or the service.", show_default=False)] = None,
    owner: _Owner = None,
    team: _Team = None,
    project: _Project = None,
    group: _Groups = None,
    metadata: _Metadata = None,
    gateway: _Gateways = None,
    model: _Models = None,
    address: _Addresses = None,
    priority: _Priority = None,
    expires: _Expires = None,
    custom_cost: Annotated[bool, typer.Option("--custom-cost", help="It may say what its requests cost.")] = False,
    note: _Note = None,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a key, and show it this once."""
    asked = _asked(owner, team, project, group, metadata, gateway, model, address, priority, expires, note)
    asked |= {"name": name, "user": user, "service": service, "custom_cost": custom_cost or None}
    _post(_Noun(keys, "keys", "key"), "", asked, by, (url, token, data, json))


@service_tokens.command("create")
def create_service_token(
    name: _New,
    owner: _Owner = None,
    team: _Team = None,
    project: _Project = None,
    group: _Groups = None,
    metadata: _Metadata = None,
    gateway: _Gateways = None,
    model: _Models = None,
    address: _Addresses = None,
    priority: _Priority = None,
    expires: _Expires = None,
    note: _Note = None,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a service token, and show its client secret this once."""
    asked = _asked(owner, team, project, group, metadata, gateway, model, address, priority, expires, note)
    _post(
        _Noun(service_tokens, "service-tokens", "service_token"),
        "",
        asked | {"name": name},
        by,
        (url, token, data, json),
    )


class _Noun:
    """Keys or service tokens: where they are, and what an answer calls one."""

    def __init__(self, app: typer.Typer, path: str, field: str) -> None:
        self.app, self.path, self.field = app, f"/api/v1/{path}", field


_Asked = tuple[str | None, str | None, str | None, bool]
"""--url, --token, --data, --json."""


def _add_commands(noun: _Noun) -> None:
    """What both have."""

    @noun.app.command("list")
    def listed(
        owner: _OnlyOwner = None,
        team: _OnlyTeam = None,
        state: _OnlyState = None,
        url: Url = None,
        token: Token = None,
        data: Data = None,
        json: Json = False,
    ) -> None:
        """All of them, by name, with who they are for and when they were last used."""
        from tollway.cli.key_shown import all_pages, show_list
        from tollway.cli.questions import Asking, answer_with

        query = {"owner": owner, "team": team, "state": state, "limit": 500}
        asking = Asking(url, token, data, json)
        raise typer.Exit(answer_with(asking, lambda client: all_pages(client, noun.path, query), show_list))

    @noun.app.command("show")
    def show(name: _Credential, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
        """Everything about one, but what opens anything."""
        from tollway.cli.key_shown import show_one
        from tollway.cli.questions import Asking, answer_with

        asking = Asking(url, token, data, json)
        raise typer.Exit(answer_with(asking, lambda client: client.get(_one(noun, name)), show_one))

    @noun.app.command("rotate")
    def rotate(
        name: _Credential,
        grace: _Grace = "24h",
        by: By = None,
        url: Url = None,
        token: Token = None,
        data: Data = None,
        json: Json = False,
    ) -> None:
        """Make a new secret, shown this once; the old one goes on for the grace."""
        _post(noun, f"{quote(name, safe='')}/rotate", {"grace_s": _seconds(grace)}, by, (url, token, data, json))

    @noun.app.command("revoke")
    def revoke(
        name: _Credential, by: By = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False
    ) -> None:
        """End it for good, from the next request on; it stays in the list."""
        from tollway.cli.questions import Asking, answer_with

        path = f"{_one(noun, name)}/revoke"
        asking = Asking(url, token, data, json)
        raise typer.Exit(
            answer_with(asking, lambda client: client.post(path, {}, actor=by), _ended(noun, "opens nothing any more"))
        )

    @noun.app.command("delete")
    def delete(
        name: _Credential, by: By = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False
    ) -> None:
        """Revoke it and take it out of the list; its name is free again."""
        from tollway.cli.questions import Asking, answer_with

        asking = Asking(url, token, data, json)
        raise typer.Exit(
            answer_with(asking, lambda client: client.delete(_one(noun, name), actor=by), _ended(noun, "was deleted"))
        )

    def switch(verb: str, enabled: bool, said: str, purpose: str) -> None:
        @noun.app.command(verb, help=purpose)
        def switched(
            name: _Credential,
            by: By = None,
            url: Url = None,
            token: Token = None,
            data: Data = None,
            json: Json = False,
        ) -> None:
            from tollway.cli.questions import Asking, answer_with

            asking, asked = Asking(url, token, data, json), {"enabled": enabled}
            raise typer.Exit(
                answer_with(asking, lambda client: client.patch(_one(noun, name), asked, actor=by), _ended(noun, said))
            )

    switch("disable", False, "opens nothing until it is enabled", "Have it open nothing until it is enabled again.")
    switch("enable", True, "opens again", "Have it open again.")


_add_commands(_Noun(keys, "keys", "key"))
_add_commands(_Noun(service_tokens, "service-tokens", "service_token"))


def _one(noun: _Noun, name: str) -> str:
    return f"{noun.path}/{quote(name, safe='')}"


def _post(noun: _Noun, place: str, body: dict[str, Any], by: str | None, asked: _Asked) -> None:
    """Asks for a secret, and shows it."""
    from tollway.cli.key_shown import show_secret
    from tollway.cli.questions import Asking, answer_with

    path = f"{noun.path}/{place}" if place else noun.path
    given = {field: value for field, value in body.items() if value is not None}
    raise typer.Exit(answer_with(Asking(*asked), lambda client: client.post(path, given, actor=by), show_secret))


def _ended(noun: _Noun, said: str) -> Any:
    from tollway.cli.shown import say

    def shown(answer: Any) -> None:
        say(f'"{answer[noun.field]["name"]}" {said}.', *(f"Note: {warning}" for warning in answer["warnings"]))

    return shown


def _asked(
    owner: str | None,
    team: str | None,
    project: str | None,
    groups: list[str] | None,
    metadata: list[str] | None,
    gateways: list[str] | None,
    models: list[str] | None,
    addresses: list[str] | None,
    priority: str | None,
    expires: str | None,
    note: str | None,
) -> dict[str, Any]:
    from tollway.cli.questions import pairs_of, read_instant
    from tollway.cli.shown import complain

    asked: dict[str, Any] = {
        "owner": owner,
        "team": team,
        "project": project,
        "groups": groups or None,
        "gateways": gateways or None,
        "models": models or None,
        "addresses": addresses or None,
        "priority": priority,
        "note": note,
    }
    try:
        asked["metadata"] = dict(pairs_of("--metadata", metadata)) if metadata else None
        if expires is not None and expires[:1].isdigit() and expires[-1:] in "smhdw":
            asked["expires_in"] = expires
        elif expires is not None:
            asked["expires_at"] = read_instant("--expires", expires)
    except ValueError as error:
        complain(f"{error}.")
        raise typer.Exit(1) from None
    return asked


def _seconds(length: str) -> int:
    from tollway.cli.shown import complain

    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    number, unit = (length, "s") if length.isdigit() else (length[:-1], length[-1:])
    if not number.isdigit() or len(number) > 9 or unit not in units:
        complain(f"--grace: {length!r} is no length of time; write 0, 30m, 24h or 7d.")
        raise typer.Exit(1)
    return int(number) * units[unit]
