"""`tollway cache`: what is kept of answers, and letting go of it."""

from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from tollway.cli.options import Data, Json, Token, Url

cache = typer.Typer(help="Answers that are kept to be given again.", no_args_is_help=True)


@cache.command("show")
def show(url: Url = None, token: Token = None, data: Data = None, json: Json = False) -> None:
    """How many answers are kept, and what they saved since the gateway started."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import amount, count, instant, rows, say, table

    def show_it(answer: Any) -> None:
        made = table(
            f"Kept answers at {instant(answer['at'])}",
            ("gateway", "left"),
            ("kept for", "right"),
            ("shared by", "left"),
            ("entries", "right"),
            ("size", "right"),
            ("hits", "right"),
            ("misses", "right"),
            ("saved", "right"),
        )
        rows(
            made,
            [
                [
                    each["gateway"],
                    f"{count(each['ttl_s'])} s" if each["ttl_s"] else "as asked" if each["by_headers"] else "off",
                    {"none": "everybody", "team": "teams", "user": "nobody"}[each["scope"]],
                    count(each["entries"]),
                    megabytes(each["bytes"]),
                    count(each["hits"]),
                    count(each["misses"]),
                    amount(each["saved_usd"]),
                ]
                for each in answer["gateways"]
            ],
        )
        say(
            f"{count(answer['entries'])} answers, {megabytes(answer['bytes'])} of {megabytes(answer['limit_bytes'])}; "
            f"{count(answer['evicted'])} gave way to others. Exactly saved: {answer['saved_usd']} US dollars."
        )
        if answer["unpriced_hits"]:
            say(f"What {count(answer['unpriced_hits'])} hits saved is not known: their answers have no price.")

    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda client: client.get("/api/v1/cache"), show_it))


@cache.command("purge")
def purge(
    gateway: Annotated[str | None, typer.Option(help="Only what this gateway keeps.", show_default=False)] = None,
    provider: Annotated[str | None, typer.Option(help="Only what this provider answered.", show_default=False)] = None,
    key: Annotated[
        str | None, typer.Option(help="Only what callers named so (tollway-cache-key).", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of it.")] = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Let go of kept answers."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import complain, count, say

    narrowed = [(name, value) for name, value in (("gateway", gateway), ("provider", provider), ("key", key)) if value]
    if bool(narrowed) == every:
        complain("Say which: --gateway, --provider or --key, or --all for every answer.")
        raise typer.Exit(2)
    path = f"/api/v1/cache?{urlencode(narrowed)}" if narrowed else "/api/v1/cache"

    def show_it(answer: Any) -> None:
        say(f"{count(answer['purged'])} answers are gone.", *answer["warnings"])

    raise typer.Exit(answer_with(Asking(url, token, data, json), lambda client: client.delete(path), show_it))


def megabytes(size: int) -> str:
    """A size for people: "1.5 MB"."""
    tenths = (size * 10 + 524_288) // 1_048_576
    return f"{tenths // 10:,}.{tenths % 10} MB"
