"""`tollway export`: analytics, ledger entries, the request log and FOCUS as files."""

from collections.abc import Sequence
from typing import Annotated

import typer

from tollway.cli.options import Data, Since, Token, Until, Url, Where

export = typer.Typer(help="Write what was spent, and what was asked, to a file.", no_args_is_help=True)

Month = Annotated[
    str | None, typer.Option(help="A month: 2026-10 (UTC, or the zone of analytics).", show_default=False)
]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where to; - is standard output.")]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="csv|parquet|ndjson", help="[the ending of the file, or csv]", show_default=False),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="csv: texts as they are, even where a spreadsheet would take them for formulas.")
]


@export.command("analytics")
def analytics(
    output: Output = "-",
    month: Month = None,
    since: Since = None,
    until: Until = None,
    by: Annotated[str, typer.Option(help="Up to two of model, user, team, key, metadata.<key> ...")] = "",
    grain: Annotated[str, typer.Option(help="none, hour, day, week or month.")] = "day",
    metrics: Annotated[str, typer.Option(help="Of cost, tokens, requests, errors, cache, latency. [all]")] = "",
    timezone: Annotated[str, typer.Option(help="An IANA zone.")] = "UTC",
    limit: Annotated[
        int | None, typer.Option(help="How many groups; all others are one row.", show_default=False)
    ] = None,
    where: Where = None,
    format_: Format = None,
    raw: Raw = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
) -> None:
    """Sums by time and dimensions. Each column of rows adds up to the total."""
    asked = [("by", by), ("grain", grain), ("metrics", metrics), ("timezone", timezone)]
    asked += [] if limit is None else [("limit", str(limit))]
    _export("analytics", asked, ("from", "to"), output, month, since, until, where, format_, raw, (url, token, data))


@export.command("entries")
def entries(
    output: Output = "-",
    month: Month = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    format_: Format = None,
    raw: Raw = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
) -> None:
    """Ledger entries, newest first: their amounts add up to what was spent."""
    _export("entries", [], ("since", "until"), output, month, since, until, where, format_, raw, (url, token, data))


@export.command("logs")
def logs(
    output: Output = "-",
    month: Month = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    format_: Format = None,
    raw: Raw = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
) -> None:
    """The request log, newest first."""
    _export("logs", [], ("since", "until"), output, month, since, until, where, format_, raw, (url, token, data))


@export.command("focus")
def focus(
    output: Output = "-",
    month: Month = None,
    since: Since = None,
    until: Until = None,
    version: Annotated[str, typer.Option(help="1.2, 1.3 or 1.4 of FOCUS.")] = "1.2",
    strict: Annotated[bool, typer.Option("--strict", help="1.2 without the columns that 1.3 added.")] = False,
    where: Where = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|parquet", help="[the ending of the file, or csv]", show_default=False),
    ] = None,
    raw: Raw = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
) -> None:
    """Ledger entries in the FinOps Foundation's form: a row for each meter, whose BilledCost adds up to what was spent."""
    asked = [("version", version), *([("strict", "true")] if strict else [])]
    _export("focus", asked, ("from", "to"), output, month, since, until, where, format_, raw, (url, token, data))


def _export(
    what: str,
    asked: Sequence[tuple[str, str]],
    names: tuple[str, str],
    output: str,
    month: str | None,
    since: str | None,
    until: str | None,
    where: Sequence[str] | None,
    form: str | None,
    raw: bool,
    whom: tuple[str | None, str | None, str | None],
) -> None:
    """Leaves with 1 where the file could not be had."""
    from tollway.cli.export_file import Wanted, export_file

    wanted = Wanted(
        what=what,
        query=[*asked, *([("spreadsheet", "false")] if raw else [])],
        since_name=names[0],
        until_name=names[1],
        output=output,
        month=month,
        since=since,
        until=until,
        where=where or [],
        form=form,
    )
    raise typer.Exit(export_file(wanted, *whom))
