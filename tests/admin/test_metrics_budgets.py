import asyncio
import time
from types import SimpleNamespace
from typing import Any

from tests.admin.exposed import Exposed

from tollway.admin.metrics_budgets import FRESH_MS, BudgetFigures
from tollway.budgets.budget import Budget
from tollway.budgets.window import Calendar, Total
from tollway.money import DOLLAR
from tollway.storage.memory import MemoryLedger
from tollway.telemetry.exposition import lines
from tollway.telemetry.samples import OTHER

NOW = 1_790_000_000_000


def budget(name: str, limit: int = 10 * DOLLAR, split: tuple[str, ...] = ()) -> Budget:
    return Budget(id=name, name=name, limit=limit, window=Total(), split_by=split)


class Gateway:
    """As much of one as budgets need."""

    def __init__(self, *budgets: Budget, accounts: int = 0) -> None:
        self.ledger = MemoryLedger()
        self.calendar = Calendar()
        self.store = SimpleNamespace(ledger=self.ledger)
        self.snapshot = SimpleNamespace(budgets=budgets)
        self.settings = SimpleNamespace(metrics_accounts=accounts)

    def spend(self, account: str, amount: int) -> None:
        self.ledger._counters.book([(account, 0)], amount)


async def shown(gateway: Any, now: int = NOW, figures: BudgetFigures | None = None) -> Exposed:
    figures = figures or BudgetFigures(gateway)
    return Exposed("".join(lines(figures.families(await figures.ask(now)), openmetrics=False)))


async def test_a_budget_is_told_as_it_refuses() -> None:
    gateway = Gateway(budget("company"))
    gateway.spend("company", 4 * DOLLAR)
    found = await shown(gateway)
    assert found.lints() == []
    of = {
        name: found.value(f"tollway_budget_{name}_usd", budget="company", account="")
        for name in ("limit", "spent", "held", "left")
    }
    assert of == {"limit": 10, "spent": 4, "held": 0, "left": 6}
    assert "tollway_budget_accounts" not in found.names()


async def test_accounts_have_no_names_unless_they_are_asked_for() -> None:
    gateway = Gateway(budget("each", split=("user",)))
    gateway.spend("each[user=alice]", 4 * DOLLAR)
    gateway.spend("each[user=bob]", 11 * DOLLAR)
    found = await shown(gateway)
    assert "alice" not in found.text and "bob" not in found.text
    assert found.value("tollway_budget_spent_usd", budget="each", account=OTHER) == 15
    assert found.value("tollway_budget_accounts", budget="each") == 2
    assert found.value("tollway_budget_accounts_exhausted", budget="each") == 1


async def test_the_fullest_are_named_where_they_are_asked_for_and_the_others_are_one() -> None:
    gateway = Gateway(budget("each", split=("user",)), budget("every", split=("user",)), accounts=2)
    for number in range(7):
        gateway.spend(f"each[user=u{number}]", (number + 1) * DOLLAR)
    gateway.spend("every[user=u0]", DOLLAR)
    found = await shown(gateway)
    named = {dict(labels)["account"] for name, labels in found.samples if name == "tollway_budget_spent_usd"}
    assert named == {"each[user=u6]", "each[user=u5]", OTHER, "every[user=u0]"}
    assert found.total("tollway_budget_spent_usd", budget="each") == 28
    assert found.value("tollway_budget_left_usd", budget="each", account="each[user=u6]") == 3


async def test_an_account_without_a_limit_has_none_to_show() -> None:
    gateway = Gateway(budget("each", split=("user",)))
    found = await shown(gateway)
    assert found.value("tollway_budget_accounts", budget="each") == 0
    assert "tollway_budget_limit_usd" not in found.names()


async def test_sums_over_accounts_are_a_minute_old_at_most_and_others_are_of_now() -> None:
    gateway = Gateway(budget("company"), budget("each", split=("user",)))
    figures = BudgetFigures(gateway)  # type: ignore[arg-type]
    await shown(gateway, figures=figures)
    for account in ("company", "each[user=a]"):
        gateway.spend(account, DOLLAR)
    soon = await shown(gateway, NOW + FRESH_MS - 1, figures)
    assert soon.value("tollway_budget_spent_usd", budget="company", account="") == 1
    assert soon.total("tollway_budget_spent_usd", budget="each") == 0
    later = await shown(gateway, NOW + FRESH_MS, figures)
    assert later.total("tollway_budget_spent_usd", budget="each") == 1


async def test_a_hundred_thousand_accounts_hold_the_loop_for_no_more_than_five_milliseconds() -> None:
    gateway = Gateway(budget("each", split=("user",)), accounts=20)
    for number in range(100_000):
        gateway.spend(f"each[user=u{number}]", number)
    longest_ns, over = 0, False

    async def others() -> None:
        nonlocal longest_ns
        while not over:
            # Processor time of this thread: what other processes do meanwhile is not in it.
            began = time.thread_time_ns()
            await asyncio.sleep(0)
            longest_ns = max(longest_ns, time.thread_time_ns() - began)

    other = asyncio.get_running_loop().create_task(others())
    found = await shown(gateway)
    over = True
    await other
    assert found.value("tollway_budget_accounts", budget="each") == 100_000
    assert longest_ns < 5_000_000
