from tollway.budgets.budget import Budget
from tollway.budgets.window import Total

BUDGET = Budget(id="b", name="B", limit=1, window=Total())


def test_a_budget_refuses_before_the_call_unless_it_is_told_otherwise() -> None:
    assert (BUDGET.mode, BUDGET.guarantee, BUDGET.on_unpriced, BUDGET.enabled) == ("enforce", "hard", "block", True)


def test_a_budget_counts_everything_unless_it_is_told_otherwise() -> None:
    assert (BUDGET.gateway, BUDGET.parent, BUDGET.where, BUDGET.split_by) == (None, None, (), ())
    assert (BUDGET.untagged, BUDGET.attributes, BUDGET.alerts) == ("skip", "any", ())


def test_a_budget_never_contains_what_was_spent() -> None:
    assert not {"spent", "held", "balance", "available"} & set(Budget.__struct_fields__)
