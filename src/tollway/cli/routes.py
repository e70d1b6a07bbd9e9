"""`tollway routes`: what callers may name as `dynamic/{name}`: saved, deployed, rolled back, checked."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.options import By, Data, Json, Token, Url

routes = typer.Typer(
    help="Dynamic routes, called as dynamic/NAME: list, save, check, deploy and roll back.", invoke_without_command=True
)

_Route = Annotated[str, typer.Argument(metavar="ROUTE", help="Its id.", show_default=False)]
_File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="JSON or YAML: a route, or the list of its elements; - for standard input.",
        show_default=False,
    ),
]
_Comment = Annotated[str | None, typer.Option("--comment", metavar="TEXT", show_default=False)]
_PATH = "/api/v1/routes"


def _path(route: str, *rest: str) -> str:
    return "/".join((_PATH, quote(route, safe=""), *(quote(part, safe="") for part in rest)))


@routes.callback()
def all_routes(
    context: typer.Context, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Every route, and whether it is in force."""
    if context.invoked_subcommand is None:
        list_routes(url, token, data, json)


@routes.command("list")
def list_routes(url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Every route, and whether it is in force."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.routes_shown import show_routes

    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda client: client.get(_PATH), show_routes))


@routes.command("show")
def show(route: _Route, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """One route, element by element."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.routes_shown import show_route

    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda client: client.get(_path(route)), show_route))


@routes.command("versions")
def versions(route: _Route, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Every version that is kept, the newest first."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.routes_shown import show_versions

    path = _path(route, "versions")
    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda client: client.get(path), show_versions))


@routes.command("save")
def save(
    file: _File,
    name: Annotated[
        str | None, typer.Option("--name", help="Of a new route, where the file does not say it.", show_default=False)
    ] = None,
    gateway: Annotated[
        str | None, typer.Option("--gateway", metavar="SLUG", help="The only one it is for.", show_default=False)
    ] = None,
    route: Annotated[
        str | None,
        typer.Option(
            "--route", metavar="ID", help="Save a version of this one, whatever its name.", show_default=False
        ),
    ] = None,
    deploy: Annotated[bool, typer.Option("--deploy", help="Also put it in force.")] = False,
    comment: _Comment = None,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Save a route, or a further version of it. Nothing is served by it until it is deployed."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.routes_asked import read_file, save_route
    from tollway.cli.routes_shown import show_saved

    try:
        written = read_file(file)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    given = {"name": name, "gateway": gateway, "comment": comment}
    written |= {field: value for field, value in given.items() if value is not None}
    asking = Asking(url, token, data, json)
    raise typer.Exit(
        answer_with(asking, lambda client: save_route(client, written, route, deploy=deploy, by=by), show_saved)
    )


@routes.command("deploy")
def deploy(
    route: _Route,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Its id; the newest one without it.", show_default=False)
    ] = None,
    comment: _Comment = None,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Put a version in force, with the next request."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.routes_asked import deploy_version
    from tollway.cli.routes_shown import show_deployed

    asking = Asking(url, token, data, json)
    raise typer.Exit(
        answer_with(asking, lambda client: deploy_version(client, route, version, comment, by), show_deployed)
    )


@routes.command("rollback")
def rollback(
    route: _Route,
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION]", help="Its id; the one in force before without it.", show_default=False),
    ] = None,
    comment: _Comment = None,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Put the version in force again that was before."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.routes_asked import deploy_version, version_before
    from tollway.cli.routes_shown import show_deployed

    def ask(client: Any) -> Any:
        return deploy_version(client, route, version or version_before(client, route), comment, by)

    raise typer.Exit(answer_with(Asking(url, token, data, json), ask, show_deployed))


@routes.command("delete")
def delete(
    route: _Route, by: By = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Take a route out at once, with all of its versions."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.routes_shown import show_deleted

    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.delete(_path(route), actor=by), show_deleted))


@routes.command("validate")
def validate(file: _File, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Everything that is wrong with a route, and where; exits with 1 if anything is. Nothing is saved."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.routes_asked import read_file, validated
    from tollway.cli.routes_shown import show_validated

    try:
        written = read_file(file)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    wrong = False

    def ask(client: Any) -> Any:
        nonlocal wrong
        answer = validated(client, written)
        wrong = not answer["valid"]
        return answer

    ended = answer_with(Asking(url, token, data, json), ask, show_validated)
    raise typer.Exit(ended or int(wrong))
