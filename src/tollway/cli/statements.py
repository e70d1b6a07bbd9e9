"""`tollway statements`: what a month is charged to whom, as a table and as a file; its freeze, and adjustments."""

from typing import Annotated

import typer

from tollway.cli.options import Data, Json, Token, Url

statements = typer.Typer(help="What a month is charged to each team, user or cost centre.", no_args_is_help=True)

_Month = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-10.", show_default=False)]
_By = Annotated[
    str,
    typer.Option("--by", metavar="DIMENSION", help="team, user, gateway, cost_center, key, service, metadata.<key>."),
]
_Value = Annotated[
    str | None,
    typer.Option("--value", help='Of one team, user, ... alone; "" for what has none.', show_default=False),
]
_Zone = Annotated[
    str | None,
    typer.Option(
        "--timezone", help="Whose months: Europe/Berlin. [that of earlier freezes; else UTC]", show_default=False
    ),
]
_Word = Annotated[str, typer.Option("--word", help="Why; it stays with it for ever.", show_default=False)]
_Actor = Annotated[
    str | None, typer.Option("--actor", metavar="NAME", help="Who asks, for the audit log.", show_default=False)
]


@statements.command("show")
def show(
    month: Annotated[
        str | None,
        typer.Argument(metavar="[MONTH]", help="Such as 2026-10. [the one that is running]", show_default=False),
    ] = None,
    by: _By = "team",
    value: _Value = None,
    timezone: _Zone = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """What a month is charged to each, or, with --value, what one statement says."""
    from tollway.cli.questions import Asking
    from tollway.cli.statements_shown import show_month, show_one

    asking = Asking(url, token, data, json)
    if value is None:
        raise typer.Exit(show_month(asking, month=month, by=by, timezone=timezone))
    raise typer.Exit(show_one(asking, month=month, by=by, value=value, timezone=timezone))


@statements.command("list")
def list_frozen(
    by: Annotated[
        str | None, typer.Option("--by", metavar="DIMENSION", help="Only by this.", show_default=False)
    ] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """The months that were frozen, the latest first."""
    from tollway.cli.questions import Asking
    from tollway.cli.statements_shown import show_frozen

    raise typer.Exit(show_frozen(Asking(url, token, data, json), by))


@statements.command("freeze")
def freeze(
    month: _Month,
    word: _Word,
    by: _By = "team",
    timezone: _Zone = None,
    actor: _Actor = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Freeze all statements of a month that is over, for ever. What is booked for it later is charged in a later month."""
    from tollway.cli.questions import Asking
    from tollway.cli.statements_shown import freeze_month

    asked = {"by": by, "word": word, "timezone": timezone}
    raise typer.Exit(freeze_month(Asking(url, token, data, json), month, asked, actor))


@statements.command("download")
def download(
    month: _Month,
    by: _By = "team",
    value: _Value = None,
    form: Annotated[str, typer.Option("--format", metavar="pdf|csv|json", help="PDF needs tollway[reports].")] = "pdf",
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="[statement-MONTH-VALUE.FORMAT]", show_default=False),
    ] = None,
    timezone: _Zone = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
) -> None:
    """Write a statement, or all of a month, into a file."""
    from tollway.cli.questions import Asking
    from tollway.cli.statements_shown import write_document

    query = [("by", by), ("format", form)]
    query += [(name, given) for name, given in (("value", value), ("timezone", timezone)) if given is not None]
    name = (
        "all"
        if value is None
        else "".join(each if each.isalnum() or each in "-_.@" else "-" for each in value) or "none"
    )
    target = output or f"statement-{month}-{name}.{form}"
    raise typer.Exit(write_document(Asking(url, token, data, False), month, query, target))


@statements.command("adjust")
def adjust(
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The team, user, cost centre ...", show_default=False)],
    amount: Annotated[
        str, typer.Option("--amount", metavar="USD", help="12.50 is charged, -12.50 is given back.", show_default=False)
    ],
    word: _Word,
    by: _By = "team",
    month: Annotated[
        str | None,
        typer.Option("--month", help="The month it belongs to. [the one that is running]", show_default=False),
    ] = None,
    timezone: _Zone = None,
    name: Annotated[
        str | None,
        typer.Option("--id", help="A name of your own: the same is never booked twice.", show_default=False),
    ] = None,
    actor: _Actor = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Charge an amount, or give it back: an entry of the ledger with its reason."""
    from tollway.cli.questions import Asking
    from tollway.cli.statements_shown import book

    asked = {
        "by": by,
        "value": value,
        "amount_usd": amount,
        "word": word,
        "month": month,
        "timezone": timezone,
        "id": name,
    }
    raise typer.Exit(book(Asking(url, token, data, json), asked, actor))
