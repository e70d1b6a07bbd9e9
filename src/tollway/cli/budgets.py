"""`tollway budgets`: what is left, and what an administrator does about it at once."""

import shlex
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.options import By, Data, Json, Token, Url

budgets = typer.Typer(
    help="Every budget: spent, held, left, and when it resets. Freezes, increases and grants.",
    invoke_without_command=True,
)

_Budget = Annotated[str, typer.Argument(metavar="BUDGET", help="Its id.", show_default=False)]
_Account = Annotated[
    str | None,
    typer.Option(
        "--account", help='One account, such as "each[user=ann]"; without it, all of them.', show_default=False
    ),
]
_Reason = Annotated[str, typer.Option("--reason", help="For the audit log.", show_default=False)]
_WhyFrozen = Annotated[
    str,
    typer.Option(
        "--reason", help="For the audit log; callers who are refused are told why it was frozen.", show_default=False
    ),
]
_Amount = Annotated[
    str, typer.Argument(metavar="USD", help="What is added to the limit: 25 or 0.50.", show_default=False)
]

_LENGTH = "24h"
"""How long an increase is for that names no end."""


@budgets.callback()
def all_budgets(
    context: typer.Context, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Every budget: spent, held, left, and when it resets."""
    if context.invoked_subcommand is None:
        list_budgets(url, token, data, json)


@budgets.command("list")
def list_budgets(url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Every budget: spent, held, left, and when it resets."""
    from tollway.cli.questions import Asking, show_budgets

    raise typer.Exit(show_budgets(Asking(url, token, data, json)))


@budgets.command("show")
def show(budget: _Budget, url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Everything about one budget and its accounts."""
    from tollway.cli.budget_shown import show_budget
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    path = f"{_path(budget)}?hits=true"
    raise typer.Exit(answer_with(asking, lambda client: client.get(path), show_budget))


def _freezing(name: str, told: Callable[[str, Any], list[str]], does: str) -> None:
    """Adds one of the two commands that a freeze begins and ends with."""

    @budgets.command(name, help=does)
    def freezing(
        budget: _Budget,
        account: _Account = None,
        reason: _WhyFrozen = "",
        by: By = None,
        url: Url = None,
        token: Token = None,
        data: Data = None,
        json: Json = False,
    ) -> None:
        asked = Asked(url, token, data, json, by)
        body = {"account": account, "reason": reason}
        _tell(asked, _path(budget, name), body, lambda answer: told(budget, answer))

    # The command is known to the application by its name alone.
    del freezing


def _frozen(budget: str, answer: Any) -> list[str]:
    already = "" if answer["changed"] else " already"
    frozen = answer["control"]["account"]
    undo = ["tollway", "budgets", "unfreeze", budget, *(("--account", frozen) if frozen is not None else ())]
    return [f"{_of(answer['control'])} is frozen{already}. Undo it with: {shlex.join(undo)}"]


def _unfrozen(_: str, answer: Any) -> list[str]:
    return [f"{_of(control)} is no longer frozen." for control in answer["ended"][:1]]


_freezing("freeze", _frozen, "Refuse everything that costs money, from the next request on.")
_freezing("unfreeze", _unfrozen, "End a freeze.")


# A negative amount is told why it is wrong, rather than that there is no such option.
_WITH_AMOUNT = {"ignore_unknown_options": True}


@budgets.command("increase", context_settings=_WITH_AMOUNT)
def increase(
    budget: _Budget,
    amount: _Amount,
    length: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="LENGTH", help=f"30m, 24h, 7d; {_LENGTH} without it and --until.", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="RFC 3339, or a date (UTC), instead of --for.", show_default=False)
    ] = None,
    account: _Account = None,
    reason: _Reason = "",
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Raise a limit for a time."""
    asked: dict[str, Any] = {"account": account, "amount_usd": amount, "reason": reason}
    if until is not None:
        from tollway.cli.questions import read_instant
        from tollway.cli.shown import complain

        try:
            asked["until"] = read_instant("--until", until)
        except ValueError as error:
            complain(f"{error}.")
            raise typer.Exit(1) from None
    if length is not None or until is None:
        asked["for"] = length or _LENGTH
    _tell(Asked(url, token, data, json, by), _path(budget, "increases"), asked, _raised)


@budgets.command("grant", context_settings=_WITH_AMOUNT)
def grant(
    budget: _Budget,
    amount: _Amount,
    account: _Account = None,
    reason: _Reason = "",
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Raise a limit until the current window ends."""
    asked = {"account": account, "amount_usd": amount, "reason": reason, "for": "window"}
    _tell(Asked(url, token, data, json, by), _path(budget, "increases"), asked, _raised)


@budgets.command("increases")
def increases(
    budget: _Budget,
    end: Annotated[str | None, typer.Option(metavar="ID", help="End this one now.", show_default=False)] = None,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """The increases of a budget that are not over; or end one."""
    from tollway.cli.budget_shown import show_increases
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import say

    path = _path(budget, "increases")
    if end is None:
        asking = Asking(url, token, data, json)
        raise typer.Exit(answer_with(asking, lambda client: client.get(path), show_increases))

    def told(answer: Any) -> None:
        for control in answer["ended"]:
            say(f"The increase of {_of(control)} has ended.", *answer["warnings"])

    ending = f"{path}/{quote(end, safe='')}"
    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda client: client.delete(ending, actor=by), told))


class Asked:
    """Whom to ask, how to show it, and in whose name."""

    def __init__(self, url: str | None, token: str | None, data: str | None, json: bool, by: str | None) -> None:
        self.url, self.token, self.data, self.json, self.by = url, token, data, json, by


def _tell(asked: Asked, path: str, body: dict[str, Any], told: Callable[[Any], list[str]]) -> None:
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import say

    def shown(answer: Any) -> None:
        say(*told(answer), *(f"Note: {warning}" for warning in answer["warnings"]))

    given = {name: value for name, value in body.items() if value is not None}
    asking = Asking(asked.url, asked.token, asked.data, asked.json)
    raise typer.Exit(answer_with(asking, lambda client: client.post(path, given, actor=asked.by), shown))


def _raised(answer: Any) -> list[str]:
    from tollway.cli.shown import amount, instant

    control = answer["control"]
    return [
        f"The limit of {_of(control)} is {amount(control['amount_usd'])} higher until {instant(control['until'])}.",
        f"End it sooner with: tollway budgets increases {control['budget']} --end {control['id']}",
    ]


def _of(control: Any) -> str:
    return str(control["account"] or f"all of {control['budget']}")


def _path(budget: str, *rest: str) -> str:
    return "/".join(["/api/v1/budgets", quote(budget, safe=""), *rest])
