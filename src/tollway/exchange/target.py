"""Which provider and model a request is for."""

import re
from functools import lru_cache
from typing import final

import msgspec

from tollway.exchange.refusal import Refusal
from tollway.exchange.terms import PLAIN, Terms
from tollway.gateway import Provider
from tollway.providers.listed import own_name
from tollway.providers.visible import shows_every_token
from tollway.request import Ask, Dialect, InferenceRequest
from tollway.snapshot import Listed, NoRoute, Route, Snapshot


@final
class Target(msgspec.Struct, frozen=True):
    """Where one attempt goes."""

    route: Route
    rename: bool
    """The provider knows the model by another name than the caller wrote."""
    listed: Listed
    """How the price book knows the model."""
    terms: Terms = PLAIN
    """How it is priced, besides by the price book."""
    visible: bool = True
    """What it streams shows every token it bills, so that a cut stream can be counted by its bytes."""

    @property
    def provider(self) -> Provider:
        return self.route.provider

    @property
    def model(self) -> str | None:
        return self.route.model

    @property
    def name(self) -> str:
        """The canonical `provider/model`."""
        return f"{self.provider.slug}/{self.model}" if self.model is not None else self.provider.slug


# Providers trim a name, or drop what is empty in it, before they look it up.
_ODD = re.compile(r"//|^/|/$|^\s|\s$|/\s|\s/")
LONGEST_MODEL = 256
"""Characters. A name goes into accounts, ledger entries and messages, and is matched with the patterns of rules."""


def choose(request: InferenceRequest, ask: Ask, snapshot: Snapshot, now: int) -> Target | Refusal:
    """The target that the path or the model's name means, or why there is none."""
    odd = unfit(ask.model) if ask.model is not None else None
    if odd is not None:
        return odd
    if not ask.model and request.api == "openai.moderations":
        judge = _moderates(request, snapshot)
        if judge is not None:
            return on_route(Route(judge, _MODERATION), True, request, ask, snapshot, now)
    if request.provider is not None:
        provider = snapshot.provider(request.provider)
        if provider is None:
            known = ", ".join(sorted(snapshot.providers)) or "none"
            return Refusal(
                code="provider_unknown", message=f'No provider "{request.provider}" is configured; there are: {known}.'
            )
        # On a provider's own path a model may still be written `provider/model`, as on the unified ones.
        own = f"{request.provider}/"
        if (
            ask.model is not None
            and own < ask.model
            and ask.model.startswith(own)
            and provider.kind not in _OWN_SLASHES
        ):
            model = own_name(provider.kind, ask.model.removeprefix(own))
            return on_route(Route(provider, model), model != ask.model, request, ask, snapshot, now)
        return on_route(Route(provider, ask.model), False, request, ask, snapshot, now)
    if not ask.model:
        return Refusal(
            code="model_missing",
            message='The request names no model. Set "model" to provider/model, for example "openai/gpt-4o-mini".',
        )
    route = snapshot.route(ask.model, request.dialect, now)
    if type(route) is NoRoute:
        return Refusal(code=route.code, message=route.message)
    # Cohere's OpenAI-compatible paths have no rerank; its own has.
    elsewhere_only = request.api == "openai.rerank" and route.provider.family == "cohere"
    if request.dialect not in route.provider.roots or elsewhere_only:
        speaks = [_PATHS[dialect] for dialect in route.provider.roots if dialect in _PATHS and not elsewhere_only]
        elsewhere = f"/{route.provider.slug}/…, with the provider's own path"
        return Refusal(
            code="translation_unsupported",
            message=f'"{ask.model}" is served by provider "{route.provider.slug}", which does not speak the '
            f"{request.dialect} API of this path. Call it on {' or '.join([*speaks, elsewhere])}, "
            f"or name a model of a provider that speaks {request.dialect}.",
        )
    return on_route(route, route.model != ask.model, request, ask, snapshot, now)


_MODERATION = "omni-moderation-latest"
"""What OpenAI itself judges with where no model is named (API reference, "Create moderation"). It costs nothing."""


def _moderates(request: InferenceRequest, snapshot: Snapshot) -> Provider | None:
    """Who takes a moderation that names no model: OpenAI alone, and not Mistral, whose are billed."""
    if request.upstream_path.rstrip("/").endswith("/chat/moderations"):
        return None
    if request.provider is not None:
        provider = snapshot.provider(request.provider)
        return provider if provider is not None and provider.kind == "openai" else None
    return next((provider for provider in snapshot.providers.values() if provider.kind == "openai"), None)


def unfit(model: str) -> Refusal | None:
    """Why a model's name is none: it is too long, or written so that a provider might read another one in it than a rule does."""
    if len(model) > LONGEST_MODEL:
        return Refusal(
            code="model_unknown",
            message=f"The model's name has {len(model):,} characters; send {LONGEST_MODEL} at most.",
        )
    return _odd(model)


@lru_cache(maxsize=4096)
def _odd(model: str) -> Refusal | None:
    if _ODD.search(model) is None and model.isprintable():
        return None
    plain = "/".join(part.strip() for part in model.split("/") if part.strip())
    plain = "".join(character for character in plain if character.isprintable())
    return Refusal(
        code="model_unknown",
        message=f"The model's name {msgspec.json.encode(model).decode()} has an empty part, a space beside a part, or characters "
        f'that cannot be shown. Write it as "{plain}".',
    )


def instead(request: InferenceRequest, ask: Ask, name: str, snapshot: Snapshot, now: int) -> Target | None:
    """`name` (`provider/model`) as the target of the same call; `None` where that provider cannot answer it."""
    head, _, model = name.partition("/")
    provider = snapshot.provider(head)
    if provider is None or not model or request.dialect not in provider.roots:
        return None
    if request.provider is not None and snapshot.provider(request.provider) is not provider:
        # The path is the first provider's own.
        return None
    found = on_route(Route(provider, own_name(provider.kind, model)), True, request, ask, snapshot, now)
    return found if isinstance(found, Target) else None


_OWN_SLASHES = frozenset({"openrouter", "huggingface"})
"""Providers whose models' own names begin with an author, which may be called as a provider is."""

_PATHS: dict[Dialect, str] = {
    "openai": "/v1/chat/completions or /v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/{model}:generateContent",
}


def on_route(
    route: Route, rename: bool, request: InferenceRequest, ask: Ask, snapshot: Snapshot, now: int
) -> Target | Refusal:
    """The target that `route` is for this call, or why no key opens it."""
    provider, gateway = route.provider, snapshot.gateways[request.gateway]
    alias = request.key_alias
    known = provider.auth is not None or provider.key(gateway.slug, alias, now) is not None
    if alias is not None and alias != "default" and (provider.auth is not None or not known):
        aliases = ", ".join(provider.aliases(gateway.slug)) or "none"
        return Refusal(
            code="provider_key_unknown",
            rule=provider.slug,
            message=f'Provider "{provider.slug}" has no key "{alias[:64]}" (tollway-byok-alias); it has: {aliases}.',
        )
    if not known and provider.keys:
        return Refusal(
            code="provider_key_missing",
            rule=provider.slug,
            message=f'The key of provider "{provider.slug}" that this gateway uses has expired, cannot be opened, or is another '
            "gateway's. An administrator stores another one: tollway secrets set.",
        )
    if not known and gateway.provider_keys == "configured":
        return Refusal(
            code="provider_key_missing",
            rule=provider.slug,
            message=f'Provider "{provider.slug}" has no api_key in the settings, and gateway "{gateway.slug}" does not pass '
            "callers' keys through (provider_keys: caller). Set the provider's api_key, or \"none\" if it takes none.",
        )
    listed = snapshot.listed(provider, route.model, now, request.upstream_path)
    public = listed.price_list
    if public is not None and not snapshot.book.lists(public):
        public = None
    return Target(route, rename, listed, PLAIN, visible=_visible(provider, public, listed.model, ask))


def _visible(provider: Provider, price_list: str | None, model: str, ask: Ask) -> bool:
    if provider.metered is not None:
        return provider.metered and not (ask.reasons or ask.hides)
    return shows_every_token(price_list, model, ask)
