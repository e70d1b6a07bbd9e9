"""What the demo shows: the same numbers the budgets are enforced by, read from the running gateway."""

from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tollway.budgets.budget import Budget
from tollway.budgets.holds import Claim, holds
from tollway.cli.shown import bar, share
from tollway.demo.traffic import Refused, Traffic
from tollway.ledger.reservation import Balance
from tollway.money import display, dollars
from tollway.running import Runtime
from tollway.storage.protocol import Filter, SpendRow

_TRIES = 5
"""To have the books and the budgets of one moment, while requests go on."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """The company at one moment."""

    elapsed_s: int
    requests: int
    by_who: Sequence[SpendRow]
    by_model: Sequence[SpendRow]
    total: int
    """Nanodollars."""
    budgets: tuple[tuple[Budget, Balance], ...]
    """Those that are not split, and of a split one the account with the least left."""
    refused: int
    first_refusal: Refused | None


async def take(runtime: Runtime, traffic: Traffic, elapsed_s: int) -> Picture:
    """A picture of now, with everything settled so far in it."""
    picture = await _taken(runtime, traffic, elapsed_s)
    for _ in range(_TRIES - 1):
        if _spent(picture.budgets) == _spent(_budgets(runtime)):
            break
        picture = await _taken(runtime, traffic, elapsed_s)
    return picture


def _budgets(runtime: Runtime) -> tuple[tuple[Budget, Balance], ...]:
    return tuple((budget, _tightest(runtime, budget)) for budget in runtime.snapshot.budgets)


def _spent(budgets: Sequence[tuple[Budget, Balance]]) -> list[int]:
    return [balance.spent for _, balance in budgets]


async def _taken(runtime: Runtime, traffic: Traffic, elapsed_s: int) -> Picture:
    # If the budgets stand behind the questions as before them, nothing was settled between: the figures are of one moment.
    budgets = _budgets(runtime)
    await runtime.store.ledger.flush()
    records = runtime.store.records
    whole = await records.spend(Filter(), ())
    return Picture(
        elapsed_s=elapsed_s,
        requests=traffic.sent,
        by_who=await records.spend(Filter(), ("user", "service")),
        by_model=await records.spend(Filter(), ("provider", "model")),
        total=whole[0].spent if whole else 0,
        budgets=budgets,
        refused=len(traffic.refused),
        first_refusal=traffic.refused[0] if traffic.refused else None,
    )


def _tightest(runtime: Runtime, budget: Budget) -> Balance:
    ledger, now = runtime.store.ledger, runtime.clock.now()
    accounts = tuple(ledger.accounts(budget.id)) if budget.split_by else (budget.id,)
    balances = ledger.balances(holds((Claim(budget, accounts),), 0, now, runtime.calendar))
    return min(balances, key=lambda b: b.available, default=Balance(budget.id, 0, 0, budget.limit))


def line(picture: Picture) -> str:
    """The picture in one line, for what is no terminal."""
    tight = [
        f"{budget.name}{_watched(budget)} {display(balance.spent)} of {display(balance.limit)}"
        for budget, balance in picture.budgets
    ]
    return (
        f"{picture.elapsed_s:>3} s  {picture.requests:>4} requests  {display(picture.total)} spent  |  "
        f"{', '.join(tight)}  |  {picture.refused} refused"
    )


def screen(picture: Picture, url: str) -> RenderableType:
    """The picture for a terminal."""
    head = Text.assemble(
        ("Tollway demo  ", "bold"),
        f"{url}   {picture.elapsed_s} s   {picture.requests} requests   ",
        (f"{display(picture.total)} spent", "bold"),
        f"   {picture.refused} refused   Ctrl-C ends it",
    )
    sides = Table.grid(padding=(0, 4), expand=False)
    sides.add_row(
        spend_table("Who", picture.by_who, picture.total), spend_table("Model", picture.by_model, picture.total)
    )
    parts: list[RenderableType] = [head, Text(), sides, Text(), budget_table(picture.budgets)]
    if picture.first_refusal is not None:
        parts += [Text(), Panel(Text(refusal_text(picture.first_refusal)), title="The first refusal", expand=False)]
    return Group(*parts)


def spend_table(heading: str, rows: Sequence[SpendRow], total: int) -> Table:
    table = _table((heading, "left"), ("spent", "right"), ("share", "right"), ("requests", "right"))
    for row in rows:
        known = [value for value in row.group if value is not None]
        name = "/".join(known) if heading == "Model" else (known[0] if known else "(nobody)")
        table.add_row(Text(name), display(row.spent), share(row.spent, total), f"{row.entries:,}")
    return table


def budget_table(budgets: Sequence[tuple[Budget, Balance]]) -> Table:
    table = _table(
        ("Budget", "left"),
        ("# spent  = held  . left", "left"),
        ("spent", "right"),
        ("held", "right"),
        ("left", "right"),
    )
    for budget, balance in budgets:
        whose = balance.account.partition("[")[2].rstrip("]").partition("=")[2]
        name = f"{budget.name}{': ' + whose if whose else ''}{_watched(budget)}"
        full = balance.available <= 0
        drawn = Text(bar(balance.spent, balance.held, balance.limit), style="red" if full else "green")
        left = display(balance.available)
        if full:
            left += ", over" if balance.available < 0 else ", full"
        table.add_row(Text(name), drawn, display(balance.spent), display(balance.held), left)
    return table


def _watched(budget: Budget) -> str:
    return " (watched)" if budget.mode == "monitor" else ""


def refusal_text(refused: Refused) -> str:
    """The whole message, and what came with it."""
    retry = f", retry after {int(refused.retry_after):,} s" if refused.retry_after is not None else ""
    return f"{refused.person.who} ({refused.person.model}): {refused.status} {refused.code}{retry}\n{refused.message}"


def exact(amount: int) -> str:
    """To the nanodollar."""
    return f"${dollars(amount)}"


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, justify in columns:
        table.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    return table
