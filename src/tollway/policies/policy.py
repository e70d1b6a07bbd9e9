"""A policy: who, which models, under which condition, and what then."""

from typing import Literal

import msgspec

from tollway.budgets.budget import Guarantee, OnUnpriced
from tollway.budgets.window import Window
from tollway.match import Facts, Match, only_itself
from tollway.policies.actor import Actor
from tollway.policies.condition import Condition


class Resource(msgspec.Struct, frozen=True):
    """Models, providers, or models of providers; everything where neither is named."""

    models: tuple[str, ...] = ()
    """In lower case, as `provider/model` or bare; `*` stands for any characters but "/"."""
    providers: tuple[str, ...] = ()
    """Slugs, in full."""

    def matches(self, facts: Facts) -> bool:
        """Whether it is about a request whose target has these facts."""
        return self._serves(facts) and (not self.models or Match("model", self.models).holds(facts))

    def permits(self, facts: Facts) -> bool:
        """The same, where the model is only what it is itself: not another that costs as much."""
        return self.matches(only_itself(facts))

    def may_match(self, facts: Facts) -> bool:
        """The same of a request that names no model, where the model that it means might be one of these."""
        return self._serves(facts)

    def _serves(self, facts: Facts) -> bool:
        if not self.providers:
            return True
        provider = facts.get("provider")
        return provider is not None and not {name.lower() for name in provider.values}.isdisjoint(self.providers)

    @property
    def text(self) -> str:
        """In words that say it whole: the same resource has the same text."""
        models, providers = ", ".join(sorted(set(self.models))), ", ".join(sorted(set(self.providers)))
        if not models:
            return f"provider {providers}" if providers else "*"
        return f"{models} of provider {providers}" if providers else models


class NoLimit(msgspec.Struct, frozen=True):
    """It may, and its bucket is not checked."""


class Block(msgspec.Struct, frozen=True):
    """It may not. `excepted`: it may use nothing but the resource."""

    excepted: bool = False


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """It may, while its bucket has spent less than this."""

    amount: int
    """Nanodollars in each window, above zero."""
    window: Window
    on_unpriced: OnUnpriced = "block"
    guarantee: Guarantee = "hard"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    actor: Actor
    resource: Resource
    condition: Condition
    action: NoLimit | Block | Limit
    gateway: str | None = None
    """The slug of the only gateway it is for; its bucket counts there alone. `None`: one bucket for all gateways."""
    enabled: bool = True


Kind = Literal["no-limit", "block", "block-except", "limit"]


def kind_of(policy: Policy) -> Kind:
    match policy.action:
        case NoLimit():
            return "no-limit"
        case Block(excepted=excepted):
            return "block-except" if excepted else "block"
        case Limit():
            return "limit"
