"""`tollway store`: where the store is. Its commands work on the store of a gateway that is stopped."""

from typing import Annotated

import typer

from tollway.cli.options import Data, Json

store = typer.Typer(help="Where the ledger and all else that is counted is kept.", no_args_is_help=True)


@store.command("copy")
def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            help="An empty PostgreSQL database: postgresql://user:password@host/database.",
            envvar="TOLLWAY_COPY_TO",
            show_envvar=False,
            show_default=False,
        ),
    ],
    data: Data = None,
    json: Json = False,
) -> None:
    """Copy the store of a data folder into a PostgreSQL database, all of it or nothing. The gateway must be stopped.

    The folder stays as it is. Start the gateway with TOLLWAY_DATABASE_URL and the same folder afterwards: secrets, kept answers and
    bodies are still there. The URL can also be in TOLLWAY_COPY_TO, where no list of processes shows it.
    """
    from tollway.cli.shown import complain, count, say, show_json
    from tollway.errors import SettingsInvalid, StoreUnavailable
    from tollway.settings import read_settings
    from tollway.storage.opening import of_postgres

    def told(table: str, rows: int) -> None:
        if not json and rows:
            say(f"{table:<12} {count(rows)}")

    try:
        settings = read_settings({"data": data, "database": to})
        rows = of_postgres("copied").copy(settings.data, settings.database, told)
    except (StoreUnavailable, SettingsInvalid) as error:
        complain(f"{str(error).replace('--database', '--to').rstrip('.')}.")
        raise typer.Exit(2) from None
    if json:
        show_json({"rows": rows})
    else:
        say(f"{count(rows)} rows were copied, and add up to the same nanodollars.")
