"""Every command with its options; what it does is in a module of its own, imported when it is run."""

from pathlib import Path
from typing import Annotated

import typer

from tollway.cli.alerts import alerts
from tollway.cli.analytics import analytics
from tollway.cli.audit import audit
from tollway.cli.auto import auto
from tollway.cli.budgets import budgets
from tollway.cli.cache import cache
from tollway.cli.export import export
from tollway.cli.export_jobs import export_jobs
from tollway.cli.keys import keys, service_tokens
from tollway.cli.login_commands import login_commands
from tollway.cli.logs import logs
from tollway.cli.options import HELP, Config, Data, Json, Since, Token, Until, Url, Where
from tollway.cli.policies import policies
from tollway.cli.price_commands import prices
from tollway.cli.rates import rates
from tollway.cli.routes import routes
from tollway.cli.secrets import secrets
from tollway.cli.statements import statements
from tollway.cli.store import store
from tollway.cli.users import users

app = typer.Typer(
    name="tollway",
    help="A self-hosted AI gateway that keeps AI spend inside dollar budgets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help: drawing boxes would take longer than all else that --help does.
    rich_markup_mode=None,
    add_completion=False,
)
app.add_typer(keys, name="keys")
app.add_typer(service_tokens, name="service-tokens")
app.add_typer(policies, name="policies")
app.add_typer(rates, name="rates")
app.add_typer(prices, name="prices")
app.add_typer(routes, name="routes")
app.add_typer(login_commands)
app.add_typer(alerts, name="alerts")
app.add_typer(analytics, name="analytics")
app.add_typer(store, name="store")
app.add_typer(budgets, name="budgets")
app.add_typer(audit, name="audit")
app.add_typer(auto, name="auto")
app.add_typer(cache, name="cache")
app.add_typer(export, name="export")
app.add_typer(export_jobs, name="export-jobs")
app.add_typer(secrets, name="secrets")
app.add_typer(statements, name="statements")
app.add_typer(users, name="users")


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    if version:
        from tollway import __version__

        print(f"tollway {__version__}")
        raise typer.Exit


@app.command()
def serve(
    config: Config = None,
    host: Annotated[str | None, typer.Option(help=HELP["host"], show_default=False)] = None,
    port: Annotated[str | None, typer.Option(help=HELP["port"], show_default=False)] = None,
    data: Data = None,
    database: Annotated[str | None, typer.Option(metavar="URL", help=HELP["database"], show_default=False)] = None,
    durability: Annotated[
        str | None, typer.Option(metavar="relaxed|strict", help=HELP["durability"], show_default=False)
    ] = None,
    drain: Annotated[str | None, typer.Option(metavar="SECONDS", help=HELP["drain"], show_default=False)] = None,
    drain_delay: Annotated[
        str | None, typer.Option(metavar="SECONDS", help=HELP["drain_delay"], show_default=False)
    ] = None,
    audit_anchors: Annotated[
        str | None, typer.Option(metavar="FILE", help=HELP["audit_anchors"], show_default=False)
    ] = None,
    cache_size: Annotated[str | None, typer.Option(metavar="MB", help=HELP["cache_size"], show_default=False)] = None,
    cache_memory: Annotated[
        str | None, typer.Option(metavar="MB", help=HELP["cache_memory"], show_default=False)
    ] = None,
    log_retention_days: Annotated[
        str | None, typer.Option(metavar="DAYS", help=HELP["log_retention_days"], show_default=False)
    ] = None,
    log_retention_rows: Annotated[
        str | None, typer.Option(metavar="REQUESTS", help=HELP["log_retention_rows"], show_default=False)
    ] = None,
    body_retention_days: Annotated[
        str | None, typer.Option(metavar="DAYS", help=HELP["body_retention_days"], show_default=False)
    ] = None,
    body_retention_requests: Annotated[
        str | None, typer.Option(metavar="REQUESTS", help=HELP["body_retention_requests"], show_default=False)
    ] = None,
    bodies_size: Annotated[str | None, typer.Option(metavar="MB", help=HELP["bodies_size"], show_default=False)] = None,
    export_dir: Annotated[
        str | None, typer.Option(metavar="FOLDER", help=HELP["export_dir"], show_default=False)
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="debug|info|warning|error", help=HELP["log_level"], show_default=False)
    ] = None,
) -> None:
    """Run the gateway until it is told to stop.

    SIGTERM drains, SIGHUP reloads the settings.
    """
    from tollway.cli.serve import run

    given = {
        "host": host,
        "port": port,
        "data": data,
        "database": database,
        "config": config,
        "durability": durability,
        "drain": drain,
        "drain_delay": drain_delay,
        "audit_anchors": audit_anchors,
        "cache_size": cache_size,
        "cache_memory": cache_memory,
        "log_retention_days": log_retention_days,
        "log_retention_rows": log_retention_rows,
        "body_retention_days": body_retention_days,
        "body_retention_requests": body_retention_requests,
        "bodies_size": bodies_size,
        "export_dir": export_dir,
        "log_level": log_level,
    }
    raise typer.Exit(run(given))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Where the demo's gateway listens; 0 takes any free port.", min=0)] = 0,
    once: Annotated[bool, typer.Option("--once", help="Leave after the first refusal and the summary.")] = False,
) -> None:
    """Watch budgets work, without a key or a network.

    A fake provider, a real gateway, people who spend, and a budget that stops them.
    """
    from tollway.demo.run import run

    raise typer.Exit(run(port=port, once=once))


@app.command()
def init(
    config: Annotated[str, typer.Option(metavar="FILE", help="The settings file to write.")] = "tollway.yaml",
) -> None:
    """Write settings to start from, and a gateway key.

    Nothing is overwritten.
    """
    from tollway.cli.local import init_settings

    raise typer.Exit(init_settings(Path(config)))


@app.command()
def check(config: Config = None, data: Data = None) -> None:
    """Read the settings and say what they mean; nothing is started."""
    from tollway.cli.local import check_settings

    raise typer.Exit(check_settings(config, data))


@keys.command("make")
def keys_make() -> None:
    """Print a new gateway key. It is not stored: put it into a variable or file that the settings name."""
    from tollway.cli.local import make_one_key

    raise typer.Exit(make_one_key())


@app.command()
def spend(
    by: Annotated[
        str,
        typer.Option(
            help="gateway, provider, model, user, group, team, key, service, kind, day, hour, metadata.<key>."
        ),
    ] = "model",
    since: Since = None,
    until: Until = None,
    where: Where = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Where the money went."""
    from tollway.cli.questions import Asking, show_spend

    raise typer.Exit(show_spend(Asking(url, token, data, json), by=by, since=since, until=until, where=where or []))


app.command()(logs)


@app.command()
def explain(
    model: Annotated[str, typer.Option(help="Such as openai/gpt-4o-mini.")],
    key: Annotated[
        str | None, typer.Option(help="Ask as this gateway key (its name, never its secret).", show_default=False)
    ] = None,
    user: Annotated[str | None, typer.Option(help="Ask as this person.", show_default=False)] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A group of that person; may be repeated.", show_default=False)
    ] = None,
    service: Annotated[str | None, typer.Option(help="Ask as this service.", show_default=False)] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="The output cap the caller sends.", min=1, show_default=False)
    ] = None,
    prompt: Annotated[str, typer.Option(help="What is asked; its length decides the bound.")] = "Hello!",
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What the caller declares; may be repeated.", show_default=False),
    ] = None,
    gateway: Annotated[str, typer.Option(help="The gateway's slug.")] = "default",
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """What would happen to a request, and why.

    Nothing is held, sent or logged. Exit code 3 where the request would be refused.
    """
    from tollway.cli.explain import show_explanation

    raise typer.Exit(
        show_explanation(
            url=url,
            token=token,
            data=data,
            as_json=json,
            model=model,
            caller={"key": key, "user": user, "service": service, "groups": group or []},
            max_tokens=max_tokens,
            prompt=prompt,
            metadata=metadata or [],
            gateway=gateway,
        )
    )


@app.command()
def simulate(
    budgets: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Budgets to propose: a settings file, or a list of budgets; those in force where it is not given.",
            show_default=False,
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    suggest: Annotated[bool, typer.Option("--suggest", help="Also what limits the same past suggests.")] = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """What budgets would have blocked in the past: by default in the last calendar month.

    Nothing is written, and no budget changes.
    """
    from tollway.cli.questions import Asking
    from tollway.cli.simulate import show_simulation

    asking = Asking(url, token, data, json)
    raise typer.Exit(show_simulation(asking, budgets=budgets, since=since, until=until, suggest=suggest))


@app.command()
def suggest(
    budget: Annotated[str, typer.Argument(help="The id of a budget.")],
    days: Annotated[
        int | None,
        typer.Option(help="How many days to look back. [28; 92 for a month]", min=7, max=366, show_default=False),
    ] = None,
    accounts: Annotated[int, typer.Option(help="How many accounts to list.", min=0, max=10_000)] = 100,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """What limit the past suggests for a budget, and for each of its accounts."""
    from tollway.cli.questions import Asking
    from tollway.cli.simulate import show_suggestion

    raise typer.Exit(show_suggestion(Asking(url, token, data, json), budget, days=days, accounts=accounts))


@app.command()
def doctor(config: Config = None, data: Data = None, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Look for what is wrong; exit 1 if anything is.

    Settings, data folder, gateway, ledger, providers, prices and clocks.
    """
    from tollway.cli.doctor import examine

    raise typer.Exit(examine(config=config, data=data, url=url, token=token, as_json=json))
