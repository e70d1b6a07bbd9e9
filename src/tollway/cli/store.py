"""`tollway store`: where the store is. Its commands work on the store of a gateway that is stopped."""

from typing import Annotated

import typer

from tollway.cli.options import Data, Json

store = typer.Typer(help="Where the ledger and all else that is counted is kept.", no_args_is_help=True)

_IN_ENVIRONMENT = " TOLLWAY_COPY_TO and TOLLWAY_COPY_FROM in the environment count too."


@store.command("copy")
def copy(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URL",
            help="From the file into an empty PostgreSQL database: postgresql://user:password@host/database. [TOLLWAY_COPY_TO]",
            envvar="TOLLWAY_COPY_TO",
            show_envvar=False,
            show_default=False,
        ),
    ] = None,
    back: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="From a PostgreSQL database into a data folder that has no file yet. [TOLLWAY_COPY_FROM]",
            envvar="TOLLWAY_COPY_FROM",
            show_envvar=False,
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Copy the store of a data folder into a PostgreSQL database, or back, all of it or nothing. The gateway must be stopped.

    What is copied stays as it is. Start the gateway with TOLLWAY_DATABASE_URL and the same folder afterwards, or without it: secrets,
    kept answers and bodies are in the folder in either case. A URL in the environment is shown by no list of processes.
    """
    from tollway.cli.shown import complain, count, say, show_json
    from tollway.errors import SettingsInvalid, StoreUnavailable
    from tollway.settings import read_settings
    from tollway.storage.opening import of_postgres

    def told(table: str, rows: int) -> None:
        if not json and rows:
            say(f"{table:<12} {count(rows)}")

    if (to is None) is (back is None):
        complain(
            "Say one of both: --to URL for a database, or --from URL for a file." + (_IN_ENVIRONMENT if to else "")
        )
        raise typer.Exit(2)
    try:
        settings = read_settings({"data": data, "database": to or back})
        if to is not None:
            rows = of_postgres("copied").copy(settings.data, settings.database, told)
        else:
            rows = of_postgres("copied_back").copy_back(settings.database, settings.data, told)
    except (StoreUnavailable, SettingsInvalid) as error:
        complain(f"{str(error).replace('--database', '--to' if to is not None else '--from').rstrip('.')}.")
        raise typer.Exit(2) from None
    if json:
        show_json({"rows": rows})
    else:
        say(f"{count(rows)} rows were copied, and add up to the same nanodollars.")
