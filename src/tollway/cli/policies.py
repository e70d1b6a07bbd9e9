"""`tollway policies`: who may use what, tried on anybody, committed and rolled back."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.options import By, Data, Json, Token, Url

policies = typer.Typer(
    help="Who may use which model, and for how much: list, save, try, commit and roll back.",
    invoke_without_command=True,
)

_Policy = Annotated[str, typer.Argument(metavar="POLICY", help="Its id.", show_default=False)]
_PATH = "/api/v1/policies"


@policies.callback()
def all_policies(
    context: typer.Context, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Every policy in force, and every draft."""
    if context.invoked_subcommand is None:
        list_policies(url, token, data, json)


@policies.command("list")
def list_policies(url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Every policy in force, and every draft."""
    from tollway.cli.policies_shown import show_policies
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.get(_PATH, {"includeStaging": "true"}), show_policies))


@policies.command("show")
def show(policy: _Policy, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """One policy, in full."""
    from tollway.cli.policies_shown import show_policy
    from tollway.cli.questions import Asking, answer_with

    path = f"{_PATH}/{quote(policy, safe='')}"
    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda client: client.get(path), show_policy))


@policies.command("simulate")
def simulate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="provider/model.", show_default=False)],
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID", help="cf.user.id and user.", show_default=False)
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="cf.user.email.", show_default=False)] = None,
    group: Annotated[list[str], typer.Option("--group", help="One of cf.user.groups; repeat it.")] = [],  # noqa: B006
    service: Annotated[str | None, typer.Option("--service", help="cf.service.", show_default=False)] = None,
    country: Annotated[str | None, typer.Option("--country", help="cf.country, two letters.")] = None,
    metadata: Annotated[
        list[str], typer.Option("--metadata", metavar="KEY=VALUE", help="metadata.KEY; repeat it.")
    ] = [],  # noqa: B006
    spent: Annotated[
        list[str], typer.Option("--spent", metavar="POLICY=USD", help="What a policy's bucket has spent; repeat it.")
    ] = [],  # noqa: B006
    gateway: Annotated[str, typer.Option("--gateway", help="Its slug.")] = "default",
    staging: Annotated[bool, typer.Option("--staging", help="As if every draft were committed.")] = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """What the policies say of a caller and a model. What was really spent is not asked; `tollway explain` asks it."""
    from tollway.cli.policies_shown import show_simulation
    from tollway.cli.questions import Asking, answer_with, pairs_of

    try:
        declared, used = dict(pairs_of("--metadata", metadata)), dict(pairs_of("--spent", spent))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    person: dict[str, Any] = {"id": user, "email": email, "groups": group or None}
    cf: dict[str, Any] = {"service": service, "country": country}
    asked = {
        "identity": {"cf": {**_given(cf), "user": _given(person)}, "metadata": declared},
        "model": model,
        "gateway": gateway,
        "bucketUsage": {name: {"spent": usd} for name, usd in used.items()},
        "includeStaging": staging,
    }
    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.post(f"{_PATH}/simulate", asked), show_simulation))


@policies.command("save")
def save_policies(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help='YAML or JSON, one policy or several; "-" reads them.', show_default=False),
    ],
    commit: Annotated[
        bool, typer.Option("--commit", help="Put them in force at once; otherwise they are staged.")
    ] = False,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Create policies, or change those of the same ids: each one's fields in the place of its own."""
    from tollway.cli.policies_saved import read_policies, save, show_saved
    from tollway.cli.questions import Asking, answer_with

    def ask(client: Any) -> Any:
        return save(client, read_policies(file), commit=commit, by=by)

    raise typer.Exit(answer_with(Asking(url, token, data, json), ask, show_saved))


@policies.command("commit")
def commit(by: By = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Put every draft in force that can be; exits with 1 where one cannot."""
    from tollway.cli.policies_shown import show_committed
    from tollway.cli.questions import Asking, answer_with

    failed = False

    def shown(answer: Any) -> None:
        nonlocal failed
        failed = bool(answer["failed"])
        if not json:
            show_committed(answer)

    def ask(client: Any) -> Any:
        answer = client.post(f"{_PATH}/commit", None, actor=by)
        shown(answer)
        return answer

    ended = answer_with(Asking(url, token, data, json), ask, lambda _: None)
    raise typer.Exit(ended or int(failed))


@policies.command("rollback")
def rollback(
    revision: Annotated[
        int,
        typer.Argument(metavar="REVISION", help="Of the settings whose policies are wanted again.", show_default=False),
    ],
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Put the policies of an earlier revision of the settings in force again; nothing else of them changes."""
    from tollway.cli.policies_shown import show_rolled_back
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    body = {"revision": revision}
    raise typer.Exit(
        answer_with(asking, lambda client: client.post(f"{_PATH}/rollback", body, actor=by), show_rolled_back)
    )


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
