"""Attributes that issuers make lists of: refused wherever a rule would need one value of them."""

from collections.abc import Iterable, Sequence

from tollway.budgets.budget import Budget
from tollway.errors import SettingsInvalid
from tollway.identity.issuer import Trusted
from tollway.match import METADATA
from tollway.policies.fields import Path, dotted
from tollway.policies.policy import Policy
from tollway.rates.limit import RateLimit


def check_lists(
    issuers: Trusted, budgets: Sequence[Budget], limits: Sequence[RateLimit], policies: Sequence[Policy]
) -> None:
    """Raises SettingsInvalid naming the rule, the attribute and the way out."""
    lists = {name: issuer.name for issuer in issuers.all() for name in issuer.claims.lists}
    if not lists:
        return
    for budget in budgets:
        actions = (match for action in budget.actions for match in action.where)
        names = [*(match.attribute for match in (*budget.where, *actions)), *budget.split_by]
        _check_metadata(names, lists, f'budget "{budget.name}"')
    for limit in limits:
        names = [*(match.attribute for match in limit.where), *limit.split_by]
        _check_metadata(names, lists, f'rate limit "{limit.name}"')
    for policy in policies:
        where = f'policy "{policy.name}"'
        used: Iterable[Path] = (*policy.condition.used, *policy.actor.needed)
        _check_metadata((dotted(path).removeprefix("verified.") for path in used), lists, where)
        for path in policy.actor.needed:
            if path[:2] == ("cf", "custom") and path[2] in lists:
                raise SettingsInvalid(
                    f'{where}, actor: {dotted(path)} is a list by issuer "{lists[path[2]]}" (claims.lists), and a bucket has one '
                    f'name; name it yourself, and say who is in it in the condition: "x" in {dotted(path)}.'
                )


def _check_metadata(names: Iterable[str], lists: dict[str, str], where: str) -> None:
    for name in names:
        attribute = name.removeprefix(METADATA)
        if attribute != name and attribute in lists:
            raise SettingsInvalid(
                f'{where}: {name} is a list by issuer "{lists[attribute]}" (claims.lists), which only conditions of policies see: '
                f'"x" in cf.custom.{attribute}. Where one value is meant, move it to claims.metadata.'
            )
