"""What a running gateway is asked from the command line: spend, budgets, logs."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from tollway.cli.budget_shown import limit_of
from tollway.cli.client import Client, Refused, Unreachable, find_token, find_url
from tollway.cli.shown import (
    amount,
    bar,
    charged,
    complain,
    count,
    instant,
    is_narrow,
    rows,
    say,
    share,
    show_json,
    table,
)
from tollway.errors import SettingsInvalid
from tollway.money import parse
from tollway.settings import read_settings

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_Answer = TypeVar("_Answer")
_MOST_PAGES = 100
"""Of one listing: some ten seconds."""


class Asking(NamedTuple):
    """Whom to ask, and how to show the answer."""

    url: str | None
    token: str | None
    data: str | None
    as_json: bool

    def client(self) -> Client:
        """Raises ValueError, SettingsInvalid or Unreachable, in words for people."""
        url = find_url(self.url)
        folder = Path(read_settings({"data": self.data}).data)
        token = find_token(self.token, folder)
        if token is None:
            raise Unreachable(
                f"No administrator token for {url}: there is no {folder / 'admin-token'}. Give --token, "
                "TOLLWAY_ADMIN_TOKEN, or --data with the gateway's data folder"
            )
        return Client(url, token)


def show_spend(asking: Asking, *, by: str, since: str | None, until: str | None, where: Sequence[str]) -> int:
    def ask(client: Client) -> Any:
        try:
            return client.get("/api/v1/spend", [*narrowed(since, until, where), ("group_by", by)])
        except Refused as error:
            # What is wrong is told by the option that was written.
            raise Refused(error.status, error.code, str(error).replace("group_by:", "--by:", 1)) from None

    def show(answer: Any) -> None:
        fields: list[str] = answer["group_by"]
        made = table(
            "Spend",
            *((field, "left") for field in fields),
            ("spent (USD)", "right"),
            ("share", "right"),
            ("entries", "right"),
            ("unpriced", "right"),
            ("input tokens", "right"),
            ("output tokens", "right"),
        )
        total = answer["total"]
        whole = parse(total["spent_usd"])
        cells = [
            [*((row["group"][field] or "(none)") for field in fields), *_spend_cells(row, whole)]
            for row in answer["rows"]
        ]
        cells.append([*(["total"] + [""] * (len(fields) - 1) if fields else []), *_spend_cells(total, whole)])
        rows(made, cells)
        say(f"Exact total: {total['spent_usd']} US dollars.")
        if total["unpriced"]:
            say(f"{count(total['unpriced'])} requests have no price and are not in it: see tollway doctor.")
        if total["counted_input_tokens"] or total["counted_output_tokens"]:
            say(
                f"* {count(total['counted_input_tokens'])} input and {count(total['counted_output_tokens'])} output tokens "
                "were told by no provider but counted by their bytes, as of answers that were cut."
            )
        if total["untold"]:
            say(f"{count(total['untold'])} answers told no usage, and their tokens are not known.")

    return answer_with(asking, ask, show)


def show_budgets(asking: Asking) -> int:
    def show(answer: Any) -> None:
        made = table(
            f"Budgets at {instant(answer['at'])}",
            ("budget", "left"),
            ("", "left"),
            ("spent", "right"),
            ("held", "right"),
            ("left", "right"),
            ("limit", "right"),
            ("used", "right"),
            ("resets", "left"),
        )
        cells: list[list[str]] = []
        for budget in answer["items"]:
            for account in budget["accounts"]:
                cells.append(_budget_cells(budget, account))
            if not budget["accounts"]:
                cells.append([_budget_name(budget), "nobody yet", "", "", "", amount(budget["limit_usd"]), "", ""])
            if budget["accounts_total"] > len(budget["accounts"]):
                more = budget["accounts_total"] - len(budget["accounts"])
                cells.append([f"{budget['name']}: {count(more)} more accounts", *[""] * 7])
        rows(made, cells)
        say("# spent   = held by requests under way   . left")

    return answer_with(asking, lambda client: client.get("/api/v1/budgets"), show)


def show_logs(
    asking: Asking,
    *,
    limit: int,
    given: Mapping[str, str | None],
    since: str | None,
    until: str | None,
    where: Sequence[str],
) -> int:
    def ask(client: Client) -> Any:
        asked = [*narrowed(since, until, where), *((name, value) for name, value in given.items() if value is not None)]
        page = client.get("/api/v1/logs", [*asked, ("limit", str(limit))])
        items: list[Any] = page["items"]
        for _ in range(_MOST_PAGES):
            # A search looks at so many requests at a time, so a page of it may be short.
            if page["next"] is None or len(items) >= limit:
                break
            more = [("limit", str(limit - len(items))), ("cursor", page["next"])]
            page = client.get("/api/v1/logs", [*asked, *more])
            items += page["items"]
        return {"items": items, "next": page["next"]}

    def show(answer: Any) -> None:
        if is_narrow():
            say("Requests, newest first", "")
            for log in answer["items"]:
                cost = charged(log)
                why = f"  {log['code']}" if log["code"] else ""
                say(
                    f"{instant(log['at'])}  {log['status']}  {cost}  {_model(log)}",
                    f"    {log['user'] or log['service'] or '(none)'}  {_milliseconds(log['durations']['total_us'])}{why}",
                    f"    {log['request_id']}",
                )
            return
        made = table(
            "Requests, newest first",
            ("at", "left"),
            ("who", "left"),
            ("model", "left"),
            ("status", "right"),
            ("cost", "right"),
            ("took", "right"),
            ("why", "left"),
            ("request id", "left"),
        )
        rows(
            made,
            [
                [
                    instant(log["at"]),
                    log["user"] or log["service"] or "(none)",
                    _model(log),
                    str(log["status"]),
                    charged(log),
                    _milliseconds(log["durations"]["total_us"]),
                    log["code"],
                    log["request_id"],
                ]
                for log in answer["items"]
            ],
        )
        if answer["next"] is not None:
            say("There are more; ask for them with --limit, --since or --until.")

    return answer_with(asking, ask, show)


def show_log(asking: Asking, request_id: str) -> int:
    def show(log: Any) -> None:
        durations = log["durations"]
        waited = f", waited {_milliseconds(durations['waited_us'])}" if durations["waited_us"] else ""
        say(
            f"Request   {log['request_id']} at {instant(log['at'])}",
            f"  call      {log['method']} {log['path']} on gateway {log['gateway']}",
            f"  answer    {log['status']}{' ' + log['code'] if log['code'] else ''}"
            f"{', streamed' if log['streamed'] else ''}",
            f"  who       {log['user'] or log['service'] or 'nobody in particular'}, key {log['key'] or 'none'}",
            f"  model     {_model(log)}, answered by {log['response_model'] or 'nobody'}",
            f"  took      {_milliseconds(durations['total_us'])}, of which Tollway {_milliseconds(durations['overhead_us'])}{waited}",
        )
        if log["bodies"]:
            parts = ", ".join(f"{body['part']} {count(body['kept'])} bytes" for body in log["bodies"])
            say(f"  bodies    {parts}; --body shows them")
        said = [{1: "good", -1: "bad"}.get(log["feedback"], "")]
        said += [f"score {log['score']:g}" if log["score"] is not None else ""]
        said += [f"{name}={value}" for name, value in log["added_metadata"].items()]
        if any(said):
            say(f"  said      {', '.join(part for part in said if part)}")
        charge = log["charge"]
        if charge is None:
            said = {"unknown": "no price is known", "kept": "nothing: the answer was kept"}.get(
                log["billing"], charged(log)
            )
            say(f"  cost      {said}")
        else:
            say(
                f"  cost      {charge['amount_usd']} US dollars, {charge['basis']}, price {charge['price_id'] or 'none'}"
            )
            if len(log["attempts"]) > 1:
                say("    of all tries together")
            for line in charge["lines"]:
                per = f"{amount(line['unit_price']['amount_usd'])} per {count(line['unit_price']['per'])}"
                say(f"    {line['meter']}: {count(line['quantity'])} at {per} = {line['amount_usd']}")
        for hold in log["holds"]:
            say(f"  held      {held(hold, charge)}")
        for tried in log["attempts"] if len(log["attempts"]) > 1 else ():
            booked = "" if tried["amount_usd"] is None else f", {tried['amount_usd']} US dollars"
            how = " ".join(str(part) for part in (tried["outcome"], tried["status"], tried["code"]) if part)
            say(f"  try {tried['number']}     {tried['provider']}/{tried['model']}: {how}{booked}")
        for decision in log["decisions"]:
            said = ", ".join(part for part in (decision["code"], decision["rule"], decision["detail"]) if part)
            say(f"  {decision['step']:<9} {decision['outcome']}{': ' + said if said else ''}")
        for entry in log["entries"]:
            shown = "no price" if entry["amount_usd"] is None else f"{entry['amount_usd']} US dollars"
            say(f"  ledger    {entry['kind']}: {shown} on {', '.join(entry['accounts']) or 'no budget'}")

    return answer_with(asking, lambda client: client.get(f"/api/v1/logs/{_segment(request_id)}"), show)


def answered(asking: Asking, ask: Callable[[Client], _Answer]) -> _Answer | None:
    """What the gateway says, or `None` once the reason why not has been told."""
    try:
        return ask(asking.client())
    except Unreachable as error:
        complain(f"{error}. Start one with: tollway serve")
    except Refused as error:
        complain(f"{error}" if error.status != 401 else f"{error} Give --token or --data.")
    except (ValueError, SettingsInvalid) as error:
        complain(f"{error}.")
    return None


def read_instant(option: str, text: str, now: datetime | None = None) -> str:
    """An RFC 3339 instant from what a person writes. Raises ValueError naming the option."""
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            moment = (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        elif len(text) == 10:
            moment = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f'{option}: {text!r} has no zone; write "{moment.isoformat()}Z"')
    if moment is None:
        raise ValueError(f'{option}: {text!r} is no instant; write "2026-07-01", "2026-07-01T13:00:00Z" or "24h"')
    return moment.isoformat()


def pairs_of(option: str, written: Sequence[str]) -> list[tuple[str, str]]:
    """`name=value` options as pairs. Raises ValueError naming the option."""
    found: list[tuple[str, str]] = []
    for text in written:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ValueError(f"{option}: {text!r} is not of the form name=value")
        found.append((name, value))
    return found


def answer_with(asking: Asking, ask: Callable[[Client], Any], show: Callable[[Any], None]) -> int:
    """Asks, and shows what the gateway says, as JSON where that is wanted; 1 where it could not be asked."""
    answer = answered(asking, ask)
    if answer is None:
        return 1
    if asking.as_json:
        show_json(answer)
    else:
        show(answer)
    return 0


def narrowed(since: str | None, until: str | None, where: Sequence[str]) -> list[tuple[str, str]]:
    """The options that narrow a question down, as parameters of the API. Raises ValueError naming the option."""
    found = pairs_of("--where", where)
    if since is not None:
        found.append(("since", read_instant("--since", since)))
    if until is not None:
        found.append(("until", read_instant("--until", until)))
    return found


def _spend_cells(row: Any, whole: int) -> list[str]:
    spent = parse(row["spent_usd"])
    return [
        amount(row["spent_usd"]),
        share(spent, whole),
        count(row["entries"]),
        count(row["unpriced"]),
        tokens(row, "input"),
        tokens(row, "output"),
    ]


def tokens(row: Any, direction: str) -> str:
    """A count, with a star where some of it was counted here; "unknown" is not zero."""
    known = row[f"{direction}_tokens"]
    if known is None:
        return "unknown" if row["untold"] else "-"
    return f"{count(known)}{'*' if row[f'counted_{direction}_tokens'] else ''}"


def _budget_cells(budget: Any, account: Any) -> list[str]:
    spent, held = parse(account["spent_usd"]), parse(account["held_usd"])
    limited = account["limit_usd"] is not None
    limit = parse(account["limit_usd"]) if limited else 0
    values = ", ".join(account["values"].values())
    frozen = " (frozen)" if account["frozen"] else ""
    return [
        f"{_budget_name(budget)}{': ' + values if values else ''}{frozen}",
        bar(spent, held, limit) if limited else "",
        amount(account["spent_usd"]),
        amount(account["held_usd"]),
        limit_of(account, "available_usd"),
        limit_of(account, "limit_usd"),
        share(spent, limit) if limited else "-",
        instant(account["resets_at"]) if account["resets_at"] is not None else budget["window_text"],
    ]


def _budget_name(budget: Any) -> str:
    notes = ["watched"] if budget["mode"] == "monitor" else []
    notes += [] if budget["enabled"] else ["off"]
    return f"{budget['name']}{' (' + ', '.join(notes) + ')' if notes else ''}"


def _model(log: Any) -> str:
    if log["request_model"] is None:
        return log["provider"] or "(none)"
    return "/".join(name for name in (log["provider"], log["request_model"]) if name)


def _milliseconds(microseconds: int) -> str:
    return f"{microseconds // 1000:,}.{microseconds % 1000 // 100} ms"


def held(hold: Any, charge: Any) -> str:
    """A hold of the API's log, and how it followed the answer where it did."""
    limited = f" of {amount(hold['limit_usd'])}" if hold["limit_usd"] is not None else ""
    watched = "" if hold["enforced"] else ", only watched"
    said = f"{amount(hold['amount_usd'])}{limited} on {hold['account']}{watched}"
    if hold["raises"] is None:
        return said
    times = {0: "never raised", 1: "raised once"}.get(hold["raises"], f"raised {count(hold['raises'])} times")
    settled = f", settled at {amount(charge['amount_usd'])} ({charge['basis']})" if charge is not None else ""
    return f"{said}; {times}, {amount(hold['last_usd'])} at the end{settled}"


def _segment(text: str) -> str:
    return quote(text, safe="")
