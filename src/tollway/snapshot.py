"""All settings at one moment: immutable, indexed for the questions a request asks, with a revision."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, final

import msgspec

from tollway.alerts import Channel, Rule
from tollway.budgets.budget import Budget
from tollway.budgets.index import Index
from tollway.exports.job import Job
from tollway.gateway import Gateway, Provider, Secret
from tollway.identity.issued import Issued
from tollway.identity.issuer import NO_ISSUERS, Trusted
from tollway.identity.keys import Key, digest
from tollway.identity.login import Login
from tollway.identity.roles import Administration
from tollway.match import Attribute, Facts, Match
from tollway.policies.policy import Policy
from tollway.pricing.price import PriceBook
from tollway.providers.listed import listed_as, own_name
from tollway.rates.limit import RateLimit
from tollway.request import Dialect
from tollway.routes.route import Route as DynamicRoute

_READS_LIKE: dict[Dialect, str] = {"anthropic": "claude", "google": "gem"}
"""What is in the names of all models of who made an API: Claude; Gemini and Gemma."""


@final
class Route(msgspec.Struct, frozen=True):
    """Where a request is to go: the provider, and the name by which it knows the model."""

    provider: Provider
    model: str | None


class Listed(NamedTuple):
    """How the price book knows what is asked for."""

    provider: str
    model: str
    price_list: str | None
    """The public list that holds there; `None` where none does."""


@final
class NoRoute(msgspec.Struct, frozen=True):
    """Why there is nowhere to go: `code` of `errors.REASONS`, and the message with the way out."""

    code: str
    message: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What one request is judged by, from its first step to its last."""

    revision: int
    gateways: Mapping[str, Gateway]
    providers: Mapping[str, Provider]
    provider_aliases: Mapping[str, str]
    """Other names a path or a model may use for a provider: Cloudflare's slugs, authors' names."""
    keys: Mapping[bytes, Key]
    """By the HMAC of the secret."""
    key_secrets: tuple[Secret, ...] = ()
    """What opens `keys`, to be painted over where it turns up in what is kept; nothing is compared with it."""
    pepper: bytes
    issued: Issued = msgspec.field(default_factory=Issued)
    """The keys and tokens that were issued here; what changes there is in force at once."""
    issuers: Trusted = NO_ISSUERS
    """The identity providers whose tokens open gateways."""
    login: Login | None = None
    """How people sign in here; `None` where they do not."""
    budgets: tuple[Budget, ...]
    budgets_of: Mapping[str, tuple[Budget, ...]]
    """By gateway slug: its own and the account-wide ones, enabled, ancestors first."""
    book: PriceBook
    document: str = ""
    """The settings as written, with secret references."""
    policies_of: Mapping[str, tuple[Policy, ...]] = {}
    """By gateway slug, of those that have any: its own and the account-wide ones, enabled. What none permits is refused there."""
    policies: tuple[Policy, ...] = ()
    """All that are written, in their order."""
    buckets: tuple[Budget, ...] = ()
    """What the limits of policies count on: like budgets, but claimed by `policies.buckets` alone."""
    rate_limits: tuple[RateLimit, ...] = ()
    """All that are written, in their order; those of gateways behind them."""
    rates_of: Mapping[str, tuple[RateLimit, ...]] = {}
    """By gateway slug, of those that have any: its own and those of all gateways, enabled."""
    routes: Mapping[tuple[str, str], DynamicRoute] = {}
    """By gateway slug and name: its own, and those of all gateways; also those that are switched off."""
    alert_rules: tuple[Rule, ...] = ()
    """What somebody wants to know, besides the thresholds of the budgets themselves."""
    channels: Mapping[str, Channel] = {}
    """Where alerts go, by name."""
    exports: tuple[Job, ...] = ()
    """What leaves on a schedule, also what is switched off."""
    administration: Administration = Administration()
    """Who may see and change what."""
    paths: dict[tuple[str, str, bool, str], object] = msgspec.field(
        default_factory=dict[tuple[str, str, bool, str], object]
    )
    """What paths mean; kept bounded by the server."""
    worked_out: dict[object, object] = msgspec.field(default_factory=dict[object, object])
    """What follows from these settings alone and is asked again and again; whoever writes here keeps it bounded."""
    indexes: dict[str, Index] = msgspec.field(default_factory=dict[str, Index])
    """`budgets_of`, indexed when first asked; by gateway slug."""

    def gateway(self, slug: str) -> Gateway | None:
        return self.gateways.get(slug)

    def key(self, secret: str) -> Key | None:
        """The key that `secret` opens, whether or not it is still good."""
        hashed = digest(secret, self.pepper)
        return self.keys.get(hashed) or self.issued.get(hashed)

    def is_ours(self, secret: str) -> bool:
        """Whether `secret` is a credential of this gateway's, good or not, so that it is no provider's."""
        return secret in self.issued.others or self.key(secret) is not None or self.issuers.made(secret)

    def counting(self, gateway: str, facts: Facts) -> Sequence[Budget]:
        """The budgets of a gateway that may count a request of these facts, ancestors first."""
        budgets = self.budgets_of.get(gateway, ())
        index = self.indexes.get(gateway)
        # A copy of a snapshot with other budgets shares its memory.
        if index is None or index.budgets is not budgets:
            index = self.indexes[gateway] = Index(budgets)
        return index.candidates(facts)

    def provider(self, name: str) -> Provider | None:
        """A provider by its slug or one of its other names."""
        return self.providers.get(name) or self.providers.get(self.provider_aliases.get(name, ""))

    def listed(self, provider: Provider, model: str | None, at_ms: int, path: str = "") -> Listed:
        """Under which names the price book has a model that is called at `path` of a provider.

        The provider's own name where the settings price it there, or its price list's.
        """
        behind = provider.behind(model or "")
        price_list, name = listed_as(provider.kind, provider.price_list, behind, path)
        if price_list is None or price_list == provider.slug:
            return Listed(provider.slug, name, price_list)
        own = self.book.price(provider.slug, name, at_ms=at_ms)
        return Listed(provider.slug if own is not None and own.overridden else price_list, name, price_list)

    def route(self, name: str, dialect: Dialect, at_ms: int) -> Route | NoRoute:
        """Where the model `name` of a unified path is served: `provider/model`, or a bare name one provider serves."""
        head, slash, rest = name.partition("/")
        if slash and rest:
            provider = self.provider(head)
            if provider is not None:
                return Route(provider, own_name(provider.kind, rest))
        serving = [p for p in self.providers.values() if self._serves(p, name, at_ms)]
        if not serving:
            # Nobody is known to serve it; where only one provider speaks the caller's API, its word decides.
            serving = [p for p in self.providers.values() if dialect in p.roots]
            if len(serving) != 1 or slash or (serving[0].kind == "anthropic" and not self.takes_unknown(name, dialect)):
                return NoRoute("model_unknown", self._unknown(name))
        same_api = [p for p in serving if dialect in p.roots]
        if len(same_api) > 1:
            # Who makes a model comes before those who resell it, unless the settings say of them that they serve it.
            same_api = [p for p in same_api if p.makes_models or self._named(p, name)] or same_api
        if len(same_api) == 1:
            return Route(same_api[0], name)
        if not same_api:
            # None of them can answer this caller; which one is named does not matter.
            return Route(serving[0], name)
        names = ", ".join(f'"{p.slug}/{name}"' for p in same_api)
        return NoRoute("model_ambiguous", f'Several providers serve "{name}"; name one of {names}.')

    def ways(self, name: str, at_ms: int) -> list[tuple[Dialect, Route]]:
        """By which of the APIs of chat models the model `name` can be asked for, and where it leads; OpenAI's comes first."""
        found: list[tuple[Dialect, Route]] = []
        known = True
        dialects: tuple[Dialect, ...] = ("openai", "anthropic", "google")
        for dialect in dialects:
            route = self.route(name, dialect, at_ms)
            if isinstance(route, NoRoute):
                # What chat does not know is no other API's because that has one provider alone.
                known = known and route.code != "model_unknown"
            elif known or self.takes_unknown(name, dialect):
                found.append((dialect, route))
        return found

    def takes_unknown(self, name: str, dialect: Dialect) -> bool:
        """Whether a name that nobody is known to serve may be one of the models of who made the API: it reads like one, or there
        is nobody else."""
        return len(self.providers) == 1 or _READS_LIKE.get(dialect, "") in name.lower()

    def _named(self, provider: Provider, model: str) -> bool:
        """Whether the settings say that it serves the model."""
        return Match("model", provider.models).holds({"model": Attribute((model,), "gateway")})

    def _serves(self, provider: Provider, model: str, at_ms: int) -> bool:
        if self._named(provider, model):
            return True
        if provider.deployments:
            # Only its deployments can be called, by their own names.
            return False
        found = self.listed(provider, model, at_ms)
        return found.price_list is not None and self.book.price(found.price_list, found.model, at_ms=at_ms) is not None

    def _unknown(self, name: str) -> str:
        known: Sequence[str] = sorted(self.providers)
        listed = ", ".join(known) if known else "none"
        return f'No configured provider serves "{name}"; write provider/model. Providers: {listed}.'
