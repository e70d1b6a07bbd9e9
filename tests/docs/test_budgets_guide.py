"""The guide to budgets: its examples mean what it says, and it has every field."""

import re
from pathlib import Path

import world
import yaml

from tollway.budgets.budget import Budget
from tollway.document import BudgetDocument, compile_document, read_document
from tollway.snapshot import Snapshot

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "budgets.md").read_text(encoding="utf-8")


def compiled(written: str) -> Snapshot:
    document = read_document(yaml.safe_load(written))
    return compile_document(
        document, resolve=lambda name, _: f"secret-{name}", book=world.book(), pepper=b"", revision=1
    )


def test_every_example_is_one_that_the_gateway_starts_with() -> None:
    budgets: dict[str, Budget] = {}
    for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.S):
        budgets |= {budget.name: budget for budget in compiled(block).budgets}
    assert budgets["engineering, each"].parent == "company"
    assert budgets["each"].overrides[2].limit is None
    assert [action.do for action in budgets["team"].actions] == ["warn", "block", "slow", "downgrade"]
    assert budgets["research"].carry_over == 250_000_000_000


def test_every_field_of_a_budget_is_in_the_guide() -> None:
    told = {field for field in BudgetDocument.__struct_fields__ if f"`{field}`" in GUIDE or f"{field}:" in GUIDE}
    assert set(BudgetDocument.__struct_fields__) - told == set()
