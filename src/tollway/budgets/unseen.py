"""Budgets that select by model, for a request of which nobody here knows the model: they might be meant to count it."""

from collections.abc import Iterable, Iterator, Sequence

from tollway.budgets.budget import Budget
from tollway.match import HIDDEN_MODEL, Facts, all_hold, globbed


def hides_model(facts: Facts) -> bool:
    """Whether any model may be behind a request of these facts: it names none, or one by a name of its owner's."""
    return "model" not in facts or HIDDEN_MODEL in facts


def unseen_budgets(budgets: Iterable[Budget], facts: Facts) -> Iterator[Budget]:
    """The enforced budgets that would count the request if its model were one of theirs, or had a name to be split by.

    Those that count what has no price apart are not among them: they stop nothing of which the cost is not known.
    """
    for budget in budgets:
        if (
            budget.enabled
            and budget.mode == "enforce"
            and budget.on_unpriced != "count"
            and _might_count(budget, facts)
        ):
            yield budget


def may_mean(patterns: Sequence[str], facts: Facts) -> bool:
    """Whether one of these patterns of models may be of a model that the provider of these facts serves."""
    provider = facts.get("provider")
    names = {name.lower() for name in provider.values} if provider is not None else set[str]()
    for pattern in patterns:
        head, slash, _ = pattern.partition("/")
        # A name without a provider may be any provider's; so may one with an author, of a reseller's.
        if not slash or any(globbed(head, name) for name in names) or names.isdisjoint(_WITHOUT_AUTHORS):
            return True
    return False


# All others, and servers of one's own, may have models whose own names begin with an author, who may be called as a
# provider is.
_WITHOUT_AUTHORS = frozenset(
    {
        "openai", "anthropic", "google", "mistral", "cohere", "deepseek", "xai", "moonshotai", "alibaba", "zai", "voyageai",
        "jina", "minimax", "ai21", "writer", "azure", "aws-bedrock", "cerebras",
    }
)  # fmt: skip


def _might_count(budget: Budget, facts: Facts) -> bool:
    proven = budget.attributes == "verified"
    of_model = [match for match in budget.where if match.attribute == "model" and not match.holds(facts, proven=proven)]
    split = "model" in budget.split_by and "model" not in facts and budget.untagged == "skip"
    if not of_model and not split:
        return False
    if not all_hold([match for match in budget.where if match.attribute != "model"], facts, proven=proven):
        return False
    if any(not match.negated and not may_mean(match.patterns, facts) for match in of_model):
        return False
    lacking = [name for name in budget.split_by if name != "model" and name not in facts]
    return not lacking or budget.untagged == "bucket"
