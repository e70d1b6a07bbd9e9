"""`tollway audit`: is the money right, who changed what, and is that log whole."""

from typing import Annotated, Any, cast

import typer

from tollway.cli.options import Data, Database, Json, Token, Url

audit = typer.Typer(
    help="Is the money right: ledger, balances and counters, to the nanodollar. Exit code 1 where they differ.",
    invoke_without_command=True,
)

_VERIFY_S = 600.0
_NO_SPEND = " (counted again for a changed budget; no spend)"


@audit.callback()
def money(
    context: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the store of a gateway that is stopped; nothing is written.")
    ] = False,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Compare the ledger with the balances and the counters; exit code 1 on any difference.

    Asks a running gateway, or, with --offline, reads the store of a stopped one.
    """
    if context.invoked_subcommand is not None:
        return
    from tollway.cli.questions import Asking

    if offline:
        raise typer.Exit(_offline(data, database, as_json=json))
    raise typer.Exit(_online(Asking(url, token, data, json)))


@audit.command("log")
def log(
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 20,
    target: Annotated[
        str | None, typer.Option(help="Only of this budget, account, key, ...", show_default=False)
    ] = None,
    action: Annotated[
        str | None, typer.Option(help='Such as budget.changed; or the noun alone: "budget".', show_default=False)
    ] = None,
    before: Annotated[int | None, typer.Option(help="Only lines below this number.", show_default=False)] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Who changed what, newest first."""
    from tollway.cli.questions import Asking, answer_with
    from tollway.cli.shown import instant, rows, say, table

    def show(answer: Any) -> None:
        made = table(
            "Changes, newest first",
            ("line", "right"),
            ("at", "left"),
            ("by", "left"),
            ("what", "left"),
            ("of", "left"),
            ("from what to what", "left"),
        )
        rows(
            made,
            [
                [
                    str(line["seq"]),
                    instant(line["at"]),
                    line["by"],
                    line["action"],
                    line["target"],
                    _difference(line["before"], line["after"]) + (f" ({line['reason']})" if line["reason"] else ""),
                ]
                for line in answer["items"]
            ],
        )
        if answer["next"] is not None:
            say(f"There are more; ask for them with --before {answer['next']}.")

    asked = {"limit": limit, "target": target, "action": action, "before": before}
    raise typer.Exit(
        answer_with(Asking(url, token, data, json), lambda client: client.get("/api/v1/audit", asked), show)
    )


@audit.command("verify")
def verify(
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the store of a gateway that is stopped; nothing is written.")
    ] = False,
    anchors: Annotated[
        str | None,
        typer.Option(
            "--anchors",
            metavar="FILE",
            help="With --offline: the anchors. [TOLLWAY_AUDIT_ANCHORS; audit-anchors.jsonl in the data folder]",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="PUBLIC",
            help="With --offline: believe anchors of this public key alone; may be repeated. [the key of the data folder]",
            show_default=False,
        ),
    ] = None,
    url: Url = None,
    token: Token = None,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Is the audit log whole: compute its chain of hashes again, and compare it with its anchors.

    Exit code 1 where a line was changed, moved, taken out or cut off; 2 where that could not be found out.
    """
    from tollway.cli.audit_verified import show_verified, verified_offline
    from tollway.cli.questions import Asking, answered
    from tollway.cli.shown import complain

    if offline:
        raise typer.Exit(verified_offline(data, anchors, key or [], database=database, as_json=json))
    if anchors is not None or key:
        complain("--anchors and --key are for --offline: a running gateway knows its own.")
        raise typer.Exit(2)
    asking = Asking(url, token, data, json)
    answer = answered(asking, lambda client: client.get("/api/v1/audit/verify", timeout_s=_VERIFY_S))
    raise typer.Exit(2 if answer is None else show_verified(answer, as_json=json))


def _online(asking: Any) -> int:
    from tollway.cli.questions import answered
    from tollway.cli.shown import amount, complain, count, say, show_json

    status = answered(asking, lambda client: client.get("/api/v1/status", {"verify": "true"}, timeout_s=_VERIFY_S))
    spend = None if status is None else answered(asking, lambda client: client.get("/api/v1/spend"))
    if status is None or spend is None:
        return 1
    store, total = status["store"], spend["total"]
    figures = {
        "ok": store["ok"] and store["verified"],
        "entries": total["entries"],
        "spent_usd": total["spent_usd"],
        "unpriced": total["unpriced"],
        "open_reservations": status["open_reservations"],
        "held_usd": status["held_usd"],
        "differences": store["differences"],
    }
    if asking.as_json:
        show_json(figures)
    else:
        say(
            f"entries    {count(total['entries'])} of spend, {total['spent_usd']} US dollars; "
            f"{count(total['unpriced'])} without a price",
            f"held       {amount(status['held_usd'])} by {count(status['open_reservations'])} requests under way",
        )
    return _told(figures["ok"], store["differences"], asking.as_json, say, complain)


def _offline(data: str | None, database: str | None, *, as_json: bool) -> int:
    from tollway.cli.shown import complain, count, say, show_json
    from tollway.errors import SettingsInvalid, StoreUnavailable
    from tollway.money import dollars
    from tollway.settings import read_settings
    from tollway.storage.sql.examined import examine

    try:
        found = examine(read_settings({"data": data, "database": database}).place)
    except (StoreUnavailable, SettingsInvalid) as error:
        complain(f"{str(error).rstrip('.')}.")
        return 1
    if as_json:
        show_json(
            {
                "ok": not found.differences,
                "entries": found.entries,
                "kinds": {kind: {"entries": n, "usd": dollars(usd)} for kind, (n, usd) in found.kinds.items()},
                "accounts": found.accounts,
                "open_reservations": found.open,
                "held_usd": dollars(found.held),
                "differences": list(found.differences),
            }
        )
    else:
        say(
            *(
                f"{kind:<10} {count(n)} entries, {dollars(usd)} US dollars{_NO_SPEND if kind == 'opening' else ''}"
                for kind, (n, usd) in found.kinds.items()
            )
        )
        say(
            f"accounts   {count(found.accounts)}",
            f"held       {dollars(found.held)} US dollars by {count(found.open)} requests that nobody ended",
        )
    return _told(not found.differences, found.differences, as_json, say, complain)


def _told(ok: bool, differences: Any, as_json: bool, say: Any, complain: Any) -> int:
    if not as_json:
        if ok:
            say("Ledger, balances and counters agree to the nanodollar.")
        for words in differences:
            complain(words)
    return 0 if ok else 1


def _difference(before: Any, after: Any) -> str:
    """The fields that differ: `limit: 20 → 30`."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        said = "" if before is None and after is None else "added" if before is None else "taken out"
        return said + _increase(after if before is None else before)
    old, new = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(f"{name}: {_value(old.get(name))} → {_value(new.get(name))}" for name in names)


def _increase(control: Any) -> str:
    """`: $5.00 until ...` of an increase, nothing of anything else."""
    from tollway.cli.shown import amount, instant

    written = cast("dict[str, Any]", control) if isinstance(control, dict) else {}
    if written.get("kind") != "increase":
        return ""
    return f": {amount(written['amount_usd'])} until {instant(written['until'])}"


def _value(value: Any) -> str:
    """As a settings file writes it, on one line."""
    match value:
        case None:
            return "-"
        case bool():
            return "true" if value else "false"
        case dict():
            fields = cast("dict[str, Any]", value)
            return "{" + ", ".join(f"{name}: {_value(each)}" for name, each in fields.items()) + "}"
        case list():
            return "[" + ", ".join(_value(each) for each in cast("list[Any]", value)) + "]"
        case _:
            return str(value)
