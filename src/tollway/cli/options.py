"""The options that commands share: one name, one meaning, one help text."""

from typing import Annotated

import typer

from tollway.settings import SETTINGS

HELP = {row.name: f"{row.help} [{row.environment}; {row.default or 'none'}]" for row in SETTINGS}
"""Process setting → what `--help` says of it."""

Config = Annotated[str | None, typer.Option("--config", metavar="FILE", help=HELP["config"], show_default=False)]
Data = Annotated[str | None, typer.Option("--data", metavar="DIR", help=HELP["data"], show_default=False)]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Where the store is in PostgreSQL. [TOLLWAY_DATABASE_URL, where no list of processes shows it; none]",
        show_default=False,
    ),
]
Url = Annotated[
    str | None,
    typer.Option("--url", help="The running gateway. [TOLLWAY_URL; http://127.0.0.1:8787]", show_default=False),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        help="The administrator token. [TOLLWAY_ADMIN_TOKEN; the file admin-token in the data folder]",
        show_default=False,
    ),
]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who asks, for the audit log.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print what the API says.")]
Since = Annotated[
    str | None,
    typer.Option(help="From this instant on: RFC 3339, or a date (UTC), or 30m, 24h, 7d ago.", show_default=False),
]
Until = Annotated[str | None, typer.Option(help="Up to this instant, as --since.", show_default=False)]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FIELD=VALUE",
        help="Only this gateway, provider, model, user, key, service, group or metadata.<key>; may be repeated.",
        show_default=False,
    ),
]
