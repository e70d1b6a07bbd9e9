"""`tollway alerts`: what was told, a test of a channel, and snoozes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from tollway.cli.options import Data, Json, Token, Url

alerts = typer.Typer(help="What was told, and to whom.", no_args_is_help=True)

_LENGTH = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@alerts.command("list")
def list_alerts(
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 20,
    budget: Annotated[str | None, typer.Option(help="Only this budget, by its id.", show_default=False)] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """What was told, newest first."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import instant, rows, say, table

    def show(answer: Any) -> None:
        made = table("Alerts, newest first", ("at", "left"), ("what", "left"), ("channels", "left"), ("id", "left"))
        rows(
            made,
            [[instant(each["at"]), each["title"], _arrived(each), each["id"]] for each in answer["items"]],
        )
        if answer["next"] is not None:
            say("There are more; ask for them with --limit.")

    asked = {"limit": limit, "budget": budget}
    raise typer.Exit(
        answer_with(Asking(url, token, data, json), lambda client: client.get("/api/v1/alerts", asked), show)
    )


@alerts.command("test")
def test(
    channel: Annotated[str, typer.Argument(help="The name of a channel in the settings.", show_default=False)],
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Send a test to a channel; exit code 1 where it did not arrive."""
    from tollway.cli.questions import Asking, answered
    from tollway.cli.shown import complain, say, show_json

    asking = Asking(url, token, data, json)
    answer = answered(asking, lambda client: client.post("/api/v1/alerts/test", {"channel": channel}))
    if answer is None:
        raise typer.Exit(1)
    if json:
        show_json(answer)
    elif answer["arrived"]:
        say(f"The test has arrived at {channel}.")
    else:
        complain(f"The test did not reach {channel}: {answer['error']}.")
    raise typer.Exit(0 if answer["arrived"] else 1)


@alerts.command("snooze")
def snooze(
    target: Annotated[
        str | None,
        typer.Argument(help='A budget\'s id, an account, or "*". Without it: what is snoozed now.', show_default=False),
    ] = None,
    length: Annotated[str, typer.Option("--for", metavar="LENGTH", help="30m, 4h, 2d; 0m ends it.")] = "4h",
    by: Annotated[str, typer.Option(help="Who asks.")] = "command line",
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Keep alerts without sending them, for a time."""
    from tollway.cli.client import Client
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import instant, rows, say, table

    asking = Asking(url, token, data, json)

    def show_all(answer: Any) -> None:
        made = table("Snoozed now", ("target", "left"), ("until", "left"), ("by", "left"))
        rows(made, [[each["target"], instant(each["until"]), each["by"]] for each in answer["items"]])

    if target is None:
        raise typer.Exit(answer_with(asking, lambda client: client.get("/api/v1/alerts/snoozes"), show_all))

    def ask(client: Client) -> Any:
        until = until_of(length, datetime.now(UTC)).isoformat()
        return client.post("/api/v1/alerts/snooze", {"target": target, "until": until, "by": by})

    def show(answer: Any) -> None:
        say(f"Alerts of {answer['target']} are kept and not sent until {instant(answer['until'])}.")

    raise typer.Exit(answer_with(asking, ask, show))


def _arrived(alert: Any) -> str:
    """Each channel with how the alert stands there."""
    states = {each["channel"]: each for each in alert.get("deliveries", [])}
    return ", ".join(f"{name}{_state(states.get(name))}" for name in alert["channels"]) or "(kept only)"


def _state(delivery: Any) -> str:
    if delivery is None:
        return ""
    if delivery["state"] == "arrived":
        return ": arrived"
    tries = f"{delivery['attempts']} {'try' if delivery['attempts'] == 1 else 'tries'}"
    return f": GIVEN UP after {tries}" if delivery["state"] == "given_up" else f": waiting, {tries}"


def until_of(length: str, now: datetime) -> datetime:
    """The instant that is `length` after `now`. Raises ValueError naming the option."""
    found = _LENGTH.fullmatch(length)
    if found is None:
        raise ValueError(f"--for: {length!r} is no length of time; write 30m, 4h or 2d")
    return now + timedelta(**{_UNITS[found[2]]: int(found[1])})
