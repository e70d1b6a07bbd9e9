"""`tollway prices`: the commands about what models cost, with their options."""

from typing import Annotated

import typer

from tollway.cli.options import Config, Data, Json, Since, Token, Until, Url, Where

prices = typer.Typer(help="What models cost, and what to do where that is wrong.", no_args_is_help=True)

_Provider = Annotated[str | None, typer.Option("--provider", help="Only this provider.", show_default=False)]
_Name = Annotated[str, typer.Argument(metavar="PROVIDER/MODEL", help="Such as openai/gpt-4o-mini.", show_default=False)]


@prices.command("list")
def list_prices(
    provider: _Provider = None,
    model: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only these names; * stands for anything.", show_default=False)
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """What models cost now, settings included: US dollars for a million tokens."""
    from tollway.cli.prices import show_list

    raise typer.Exit(show_list(config, provider=provider, model=model, as_json=json))


@prices.command("show")
def show(name: _Name, config: Config = None, json: Json = False) -> None:
    """Everything that is known of one model's price."""
    from tollway.cli.prices import show_model

    raise typer.Exit(show_model(config, name, as_json=json))


@prices.command("diff")
def diff(provider: _Provider = None, config: Config = None, json: Json = False) -> None:
    """Where the two public price lists disagree, and which of them is used."""
    from tollway.cli.prices import show_diff

    raise typer.Exit(show_diff(config, provider=provider, as_json=json))


@prices.command("unpriced")
def unpriced(url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """Models without a price: those that requests of the last 30 days named, and those of the settings."""
    from tollway.cli.price_questions import show_unpriced
    from tollway.cli.questions import Asking

    raise typer.Exit(show_unpriced(Asking(url, token, data, json)))


@prices.command("rerate")
def rerate(
    since: Since = None,
    until: Until = None,
    where: Where = None,
    unknown_tier: Annotated[
        str | None,
        typer.Option(
            metavar="TIER",
            help="The service tier to take where the ledger does not tell it: standard, flex, priority.",
            show_default=False,
        ),
    ] = None,
    apply: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", help="Book the corrections of the preview with this token.", show_default=False),
    ] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """What past requests cost at the prices of now.

    Entries of the past never change: corrections are booked beside them, and only with --apply.
    """
    from tollway.cli.price_questions import show_rerate
    from tollway.cli.questions import Asking

    asking = Asking(url, token, data, json)
    raise typer.Exit(
        show_rerate(asking, since=since, until=until, where=where or [], unknown_tier=unknown_tier, apply=apply)
    )


@prices.command("override")
def override(
    name: Annotated[
        str, typer.Argument(metavar="PROVIDER/MODEL", help="The model may have * in it.", show_default=False)
    ],
    of_input: Annotated[
        str | None, typer.Option("--input", metavar="USD", help="A million input tokens.", show_default=False)
    ] = None,
    of_output: Annotated[
        str | None, typer.Option("--output", metavar="USD", help="A million output tokens.", show_default=False)
    ] = None,
    meter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METER=USD",
            help="Another field of the entry, such as cache_read=0.3; may be repeated.",
            show_default=False,
        ),
    ] = None,
    discount: Annotated[
        str | None, typer.Option(metavar="15%", help="Off the list price, whatever it is.", show_default=False)
    ] = None,
    markup: Annotated[
        str | None, typer.Option(metavar="5%", help="On top of the list price.", show_default=False)
    ] = None,
    free: Annotated[bool, typer.Option("--free", help="It costs nothing.")] = False,
    begins: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="From then on; a date is its midnight, UTC.", show_default=False),
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="The first instant without it.", show_default=False)
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take out what the settings say of this name.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change; write nothing.")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Let the running gateway read its settings again.")] = False,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
) -> None:
    """Write a price of your own into the settings file, which keeps its comments and its order."""
    from tollway.cli.price_override import Change, write_override
    from tollway.cli.questions import Asking

    change = Change(
        name=name,
        amounts={"input": of_input, "output": of_output, "discount": discount, "markup": markup},
        meters=meter or [],
        free=free,
        begins=begins,
        ends=ends,
        remove=remove,
    )
    asking = Asking(url, token, data, False) if reload else None
    raise typer.Exit(write_override(change, config, data, dry_run=dry_run, reload=asking))
