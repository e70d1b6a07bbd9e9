"""`tollway simulate` and `tollway suggest`: what budgets would have said to the past, and what limits it suggests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from tollway.cli.client import Client
from tollway.cli.questions import Asking, answer_with, read_instant
from tollway.cli.shown import amount, count, instant, rows, say, table

ANSWER_S = 1800.0
"""How long an answer about a long past may take."""


def show_simulation(
    asking: Asking, *, budgets: str | None, since: str | None, until: str | None, suggest: bool = False
) -> int:
    """0 once it is shown, 1 where nobody could be asked or the budgets cannot be used."""

    def ask(client: Client) -> Any:
        body: dict[str, Any] = {"suggest": suggest}
        if budgets is not None:
            body["budgets"] = read_proposed(Path(budgets))
        if since is not None:
            body["since"] = read_instant("--since", since)
        if until is not None:
            body["until"] = read_instant("--until", until)
        return client.post("/api/v1/simulate", body, timeout_s=ANSWER_S)

    return answer_with(asking, ask, _show)


def show_suggestion(asking: Asking, budget: str, *, days: int | None, accounts: int) -> int:
    """0 once it is shown, 1 where nobody could be asked or there is no such budget."""

    def ask(client: Client) -> Any:
        query = {"days": days, "accounts": accounts}
        return client.get(f"/api/v1/budgets/{quote(budget, safe='')}/suggestion", query, timeout_s=ANSWER_S)

    return answer_with(asking, ask, _show_suggestions)


def read_proposed(path: Path) -> list[Any]:
    """The budgets of a YAML or JSON file: a whole settings file, or a list alone. Raises ValueError naming the file."""
    import yaml

    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"--budgets: {str(path)!r} cannot be read: {error}") from None
    found = cast(dict[str, Any], written).get("budgets") if isinstance(written, dict) else written
    if not isinstance(found, list):
        raise ValueError(f"--budgets: {str(path)!r} has no list of budgets; write them under budgets:")
    # What JSON has no word for, such as a date, is text to a budget.
    return cast(list[Any], json.loads(json.dumps(found, default=str)))


def _show(answer: Any) -> None:
    whose = "Proposed budgets" if answer["proposed"] else "Budgets in force"
    say(f"{whose}, {instant(answer['since'])} to {instant(answer['until'])}", f"  {answer['total']['text']}")
    if answer["in_force"] is not None:
        say(f"  In force: {answer['in_force']['total']['text']}")
    if answer["total"]["requests"] == 0:
        say(
            "  The ledger has no requests of this time; name another with --since (without it: the last calendar month)."
        )
    say("")
    _budgets(whose, answer["budgets"])
    if answer["in_force"] is not None:
        say("")
        _budgets("In force", answer["in_force"]["budgets"])
    for budget in answer["budgets"]:
        if budget["blocked"] or budget["downgraded"] or budget["clamped"]:
            say("", budget["text"])
        if budget["blocked"]:
            say(f"  first at {instant(budget['first_blocked_at'])}")
            for title, groups in (("users", "by_user"), ("models", "by_model"), ("accounts", "by_account")):
                said = [
                    f"{group['name'] or '(none)'}: {count(group['requests'])}, {amount(group['amount_usd'])}"
                    for group in budget[groups]
                ]
                say(f"  {title:<9} {'; '.join(said)}")
    for suggestions in answer["suggestions"] or ():
        say("")
        _show_suggestions(suggestions)


def _budgets(title: str, budgets: Sequence[Any]) -> None:
    made = table(
        title,
        ("budget", "left"),
        ("limit", "right"),
        ("requests", "right"),
        ("spent", "right"),
        ("blocked", "right"),
        ("blocked cost", "right"),
        ("peak", "right"),
        ("", "left"),
    )
    rows(made, [_budget_cells(budget) for budget in budgets])


def _budget_cells(budget: Any) -> list[str]:
    peak = budget["peak"]
    unknown = f" + {count(budget['blocked_unpriced'])} unknown" if budget["blocked_unpriced"] else ""
    notes = [
        "off" if not budget["enabled"] else "only watches" if budget["mode"] == "monitor" else "",
        *(f"{count(budget[deed])} {deed}" for deed in ("warned", "slowed", "downgraded", "clamped") if budget[deed]),
    ]
    return [
        budget["name"],
        amount(budget["limit_usd"]),
        count(budget["requests"]),
        amount(budget["spent_usd"]),
        count(budget["blocked"]),
        amount(budget["blocked_usd"]) + unknown,
        f"{peak['percent']} %" if peak is not None and peak["percent"] is not None else "-",
        ", ".join(note for note in notes if note),
    ]


def _show_suggestions(answer: Any) -> None:
    unit = answer["unit"]
    made = table(
        f"{answer['name']}: {answer['window']}, limit {amount(answer['limit_usd'])}",
        ("account", "left"),
        ("suggested", "right"),
        ("1.5 x median", "right"),
        ("p95 window", "right"),
        (f"median {unit}", "right"),
        (f"p95 {unit}", "right"),
        (f"{unit}s with spend", "right"),
        ("", "left"),
    )
    cells = [
        [
            account["account"],
            *(
                amount(account[name]) if account[name] is not None else "-"
                for name in ("suggested_usd", "from_median_usd", "p95_window_usd", "median_usd", "p95_usd")
            ),
            f"{count(account['units'])} of {count(account['observed'])}",
            account["needed"] or "",
        ]
        for account in answer["accounts"]
    ]
    rows(made, cells)
    if answer["accounts_total"] > len(answer["accounts"]):
        say(f"{count(answer['accounts_total'] - len(answer['accounts']))} more accounts: see --accounts.")
    if answer["suggested_usd"] is not None:
        say(f"Suggested for every account: {amount(answer['suggested_usd'])}.")
    else:
        say(f"Nothing can be suggested: {answer['needed']}.")
