"""`tollway analytics`: rollups, made anew and compared with the ledger. Both read the store of a gateway that is stopped."""

from typing import Annotated, Any

import typer

from tollway.cli.options import Data, Database, Json

analytics = typer.Typer(help="The rollups that analytics are added up from.", no_args_is_help=True)

_STOPPED = "The gateway must be stopped."


@analytics.command("rebuild")
def rebuild(data: Data = None, database: Database = None, json: Json = False) -> None:
    """Add the ledger up anew; figures of the request log, which may be gone by now, stay. The gateway must be stopped.

    Killed in the middle, it leaves everything as it was.
    """
    from tollway.cli.shown import count, say, show_json
    from tollway.storage.sql.rebuilt import rebuild as add_up

    done = _in_store(data, database, add_up)
    if json:
        show_json({"entries": done})
    else:
        say(f"{count(done)} ledger entries were added up anew.")


@analytics.command("verify")
def verify(
    data: Data = None,
    database: Database = None,
    json: Json = False,
    most: Annotated[int, typer.Option(help="How many differences to tell.", min=1, max=10_000)] = 20,
) -> None:
    """Compare rollups with the ledger, hour by hour, to the nanodollar; exit code 1 on any difference, and where entries that
    they lack cannot be taken in.

    The gateway must be stopped.
    """
    from tollway.cli.shown import complain, count, say, show_json
    from tollway.storage.sql.verified import verify as compare

    found = _in_store(data, database, compare)
    if json:
        show_json(
            {
                "ok": not found.differences and found.stuck is None,
                "entries": found.entries,
                "behind": found.behind,
                "stuck": found.stuck,
                "differences": list(found.differences),
            }
        )
    elif found.stuck is not None:
        complain(f"{count(found.behind)} ledger entries are not in the rollups and cannot be taken in: {found.stuck}.")
        say("Make them anew: tollway analytics rebuild")
    elif not found.differences:
        behind = f"; {count(found.behind)} are not in them yet" if found.behind else ""
        say(f"Rollups equal the {count(found.entries)} ledger entries that are in them, to the nanodollar{behind}.")
    else:
        for words in found.differences[:most]:
            complain(words)
        say(f"{count(len(found.differences))} differences. Make them anew: tollway analytics rebuild")
    if found.differences or found.stuck is not None:
        raise typer.Exit(1)


def _in_store(data: str | None, database: str | None, work: Any) -> Any:
    """What `work` says of the store; leaves with 2 where it cannot be used."""
    from tollway.cli.shown import complain
    from tollway.errors import SettingsInvalid, StoreUnavailable
    from tollway.settings import read_settings

    try:
        return work(read_settings({"data": data, "database": database}).place)
    except (StoreUnavailable, SettingsInvalid) as error:
        complain(f"{str(error).rstrip('.')}. {_STOPPED}")
        raise typer.Exit(2) from None
