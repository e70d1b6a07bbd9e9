"""How the command line shows one budget, its accounts and its increases."""

from typing import Any

from tollway.cli.shown import amount, bar, count, instant, rows, say, share, table
from tollway.money import parse


def show_budget(budget: Any) -> None:
    """Everything that the API tells of a budget."""
    notes = [
        *(["only watches"] if budget["mode"] == "monitor" else []),
        *(["switched off"] if not budget["enabled"] else []),
        *(["FROZEN"] if budget["frozen"] else []),
    ]
    say(
        f"{budget['name']}{' (' + ', '.join(notes) + ')' if notes else ''}",
        f"  id         {budget['id']}",
        f"  limit      {amount(budget['limit_usd'])}, {budget['window_text']}",
        *([f"  inside     {budget['parent']}"] if budget["parent"] else []),
        *([f"  for each   {' and '.join(budget['split_by'])}"] if budget["split_by"] else []),
        *(
            f"  where      {match['attribute']} {'is not' if match['negated'] else 'is'} {' or '.join(match['patterns'])}"
            for match in budget["where"]
        ),
        *(
            f"  override   {', '.join(each['values'].values())}: {_limit(each['limit_usd'])}"
            for each in budget["overrides"]
        ),
        *(f"  at {action['at_percent']:>3} %   {_deed(action)}" for action in budget["actions"]),
        *([f"  carries    up to {amount(budget['carry_over_usd'])}"] if budget["carry_over_usd"] else []),
        *([f"  note       {budget['note']}"] if budget["note"] else []),
    )
    if budget["last_hit"] is not None:
        say(f"  last hit   {instant(budget['last_hit']['at'])}, {budget['last_hit']['request_id']}")
    for control in budget["controls"]:
        say(f"  {_control(control)}")
    made = table(
        "",
        ("account", "left"),
        ("", "left"),
        ("spent", "right"),
        ("held", "right"),
        ("left", "right"),
        ("limit", "right"),
        ("used", "right"),
        ("resets", "left"),
    )
    rows(made, [_account(each, budget["window_text"]) for each in budget["accounts"]])
    for each in budget["accounts"]:
        if each.get("limit_note"):
            say(f"{each['account']}: {each['limit_note']}")
    if budget["accounts_total"] > len(budget["accounts"]):
        say(f"{count(budget['accounts_total'] - len(budget['accounts']))} more accounts.")


def show_increases(answer: Any) -> None:
    """The increases in force."""
    made = table(
        "Increases in force",
        ("of", "left"),
        ("by", "right"),
        ("until", "left"),
        ("who", "left"),
        ("why", "left"),
        ("id", "left"),
    )
    rows(
        made,
        [
            [
                each["account"] or f"all of {each['budget']}",
                amount(each["amount_usd"]),
                instant(each["until"]),
                each["by"],
                each["reason"],
                each["id"],
            ]
            for each in answer["items"]
        ],
    )


def _account(account: Any, window: str) -> list[str]:
    limited = account["limit_usd"] is not None
    spent, held = parse(account["spent_usd"]), parse(account["held_usd"])
    limit = parse(account["limit_usd"]) if limited else 0
    return [
        account["account"] + (" (frozen)" if account["frozen"] else ""),
        bar(spent, held, limit) if limited else "",
        amount(account["spent_usd"]),
        amount(account["held_usd"]),
        limit_of(account, "available_usd"),
        limit_of(account, "limit_usd"),
        share(spent, limit) if limited else "-",
        instant(account["resets_at"]) if account["resets_at"] is not None else window,
    ]


def _control(control: Any) -> str:
    of = control["account"] or "all accounts"
    why = f": {control['reason']}" if control["reason"] else ""
    if control["kind"] == "freeze":
        return f"frozen     {of}, since {instant(control['since'])} by {control['by']}{why}"
    return f"increase   {of}, {amount(control['amount_usd'])} until {instant(control['until'])} by {control['by']}{why}"


def _deed(action: Any) -> str:
    to = {"slow": f" by {action['delay_ms']} ms", "downgrade": f" to {action['to']}"}.get(action["do"], "")
    whom = f", {action['priority']} and below" if action["priority"] else ""
    return f"{action['do']}{to}{whom}"


def limit_of(account: Any, name: str) -> str:
    """An amount of an account that depends on its limit; a dash where several are possible."""
    # An older gateway tells no note.
    return "-" if account.get("limit_note") else _limit(account[name])


def _limit(usd: str | None) -> str:
    return "no limit" if usd is None else amount(usd)
