"""`tollway rates`: how often and how much who may ask."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.options import By, Data, Json, Token, Url

rates = typer.Typer(
    help="Rate limits: list them with their busiest buckets, set one, delete one.", invoke_without_command=True
)

_PATH = "/api/v1/rate-limits"
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

_Limit = Annotated[str, typer.Argument(metavar="LIMIT", help="Its id or its name.", show_default=False)]


@rates.callback()
def all_rates(
    context: typer.Context, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Every rate limit, with its busiest buckets."""
    if context.invoked_subcommand is None:
        list_rates(url=url, token=token, data=data, json=json)


@rates.command("list")
def list_rates(
    buckets: Annotated[int, typer.Option(help="How many buckets of each.", min=0, max=1_000)] = 3,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Every rate limit, with its busiest buckets."""
    from tollway.cli.questions import Asking, answer_with

    asking = Asking(url, token, data, json)
    raise typer.Exit(answer_with(asking, lambda client: client.get(_PATH, {"buckets": buckets}), _show))


@rates.command("set")
def set_rate(
    limit: _Limit,
    requests: Annotated[
        str | None, typer.Option("--requests", metavar="COUNT", help="At most; none for any.", show_default=False)
    ] = None,
    tokens: Annotated[
        str | None, typer.Option("--tokens", metavar="COUNT", help="At most; none for any.", show_default=False)
    ] = None,
    window: Annotated[
        str | None, typer.Option("--window", metavar="LENGTH", help="60, 90s, 10m, 1h.", show_default=False)
    ] = None,
    technique: Annotated[str | None, typer.Option("--technique", metavar="fixed|sliding", show_default=False)] = None,
    split_by: Annotated[
        list[str], typer.Option("--split-by", metavar="ATTRIBUTE", help="A bucket for each value; repeat it.")
    ] = [],  # noqa: B006
    where: Annotated[
        list[str], typer.Option("--where", metavar="ATTRIBUTE=PATTERN", help="Only such requests; repeat it.")
    ] = [],  # noqa: B006
    gateway: Annotated[str | None, typer.Option("--gateway", help="Only there; its slug.", show_default=False)] = None,
    mode: Annotated[str | None, typer.Option("--mode", metavar="enforce|monitor", show_default=False)] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on or off.", show_default=False)] = None,
    by: By = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Change a rate limit, or make one of that name. What is not given stays as it is."""
    from tollway.cli.questions import Asking, answer_with, pairs_of

    try:
        selected: dict[str, list[str]] = {}
        for name, pattern in pairs_of("--where", where):
            selected.setdefault(name, []).append(pattern)
        fields: dict[str, Any] = {
            "window_s": _seconds(window) if window is not None else None,
            "technique": technique,
            "split_by": split_by or None,
            "where": selected or None,
            "gateway": gateway,
            "mode": mode,
            "enabled": enabled,
        }
        fields = {name: value for name, value in fields.items() if value is not None}
        for name, written in (("requests", requests), ("tokens", tokens)):
            if written is not None:
                fields[name] = None if written == "none" else _count(f"--{name}", written)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None

    def ask(client: Any) -> Any:
        found = _find(client, limit)
        if found is not None:
            return client.patch(f"{_PATH}/{quote(found, safe='')}", fields, actor=by)
        if "window_s" not in fields:
            raise ValueError(f'--window: there is no rate limit "{limit}"; to make one, say its window, such as 1m')
        made = {"name": limit, **{name: value for name, value in fields.items() if value is not None}}
        return client.post(_PATH, made, actor=by)

    raise typer.Exit(answer_with(Asking(url, token, data, json), ask, _changed))


@rates.command("delete")
def delete_rate(
    limit: _Limit, by: By = None, url: Url = None, token: Token = None, data: Data = None, json: Json = False
) -> None:
    """Take a rate limit out of the settings."""
    from tollway.cli.questions import Asking, answer_with

    def ask(client: Any) -> Any:
        return client.delete(f"{_PATH}/{quote(_find(client, limit) or limit, safe='')}", actor=by)

    raise typer.Exit(answer_with(Asking(url, token, data, json), ask, _changed))


def _find(client: Any, named: str) -> str | None:
    """The id of the limit of that id, else of that name."""
    items = client.get(_PATH, {"buckets": 0})["items"]
    return next((one["id"] for field in ("id", "name") for one in items if one[field] == named), None)


def _seconds(written: str) -> int:
    number, unit = (written[:-1], written[-1]) if written[-1:] in _SECONDS else (written, "s")
    if not (number.isascii() and number.isdecimal()):
        raise ValueError(f"--window: {written!r} is no length; write 60, 90s, 10m, 1h or 1d")
    return int(number) * _SECONDS[unit]


def _count(option: str, written: str) -> int:
    digits = written.replace(",", "").replace("_", "")
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"{option}: {written!r} is no number; write digits, or none")
    return int(digits)


def _show(answer: Any) -> None:
    from tollway.cli.shown import rows, say, table

    if not answer["items"]:
        say('No rate limits. Make one: tollway rates set "per user" --requests 60 --window 1m --split-by user')
        return
    made = table("Rate limits", ("id", "left"), ("allows", "left"), ("of", "left"), ("for each", "left"),
                 ("gateway", "left"), ("state", "left"), ("busiest now", "left"))  # fmt: skip
    cells = [
        [
            one["id"],
            f"{_amounts(one)} in {one['window_s']:,} s, {one['technique']}",
            "; ".join(f"{m['attribute']} {', '.join(m['patterns'])}" for m in one["where"]) or "all",
            ", ".join(one["split_by"]) or "-",
            one["gateway"] or "all",
            "switched off" if not one["enabled"] else "monitors" if one["mode"] == "monitor" else "in force",
            "; ".join(f"{bucket['bucket'] or '(newcomers)'}: {_amounts(bucket)}" for bucket in one["busiest"]) or "-",
        ]
        for one in answer["items"]
    ]
    rows(made, cells)


def _amounts(one: Any) -> str:
    return " and ".join(f"{one[unit]:,} {unit}" for unit in ("requests", "tokens") if one[unit] is not None)


def _changed(answer: Any) -> None:
    from tollway.cli.shown import say

    if not answer["changed"]:
        say(f"{answer['id']} was so already.")
    elif answer["after"] is None:
        say(f"{answer['id']} is gone. The settings are at revision {answer['revision']}.")
    else:
        say(f"{answer['id']} is in the settings, which are at revision {answer['revision']}.")
    say(*(f"Note: {one}" for one in answer["warnings"]))
