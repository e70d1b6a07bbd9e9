"""A request for a provider that does not speak its caller's API: put into the words of one that it does."""

from collections.abc import Generator
from typing import Any, cast

import msgspec

from tollway.exchange.case import Candidate, Case
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Command, Unavailable
from tollway.exchange.target import on_route
from tollway.exchange.translate_steps import Translate, TranslateBack
from tollway.gateway import Provider
from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.providers.weight import is_heavy
from tollway.request import Api, Ask, Dialect, InferenceRequest
from tollway.snapshot import NoRoute, Route
from tollway.translate.codec import Answering, Told
from tollway.translate.conversation import Kind
from tollway.translate.wanted import Wanted

_KINDS: frozenset[Api] = frozenset({"openai.chat", "openai.responses", "anthropic.messages", "google.generate"})
_BY_DIALECT: dict[Dialect, Kind] = {
    "openai": "openai.chat",
    "anthropic": "anthropic.messages",
    "google": "google.generate",
}
# What only means something to the provider that the caller thinks it talks to.
_OF_A_PROVIDER = (b"anthropic-", b"openai-", b"x-stainless-", b"x-goog-", b"x-api-", b"x-codex-", b"x-claude-code-")
_ANTHROPIC = (b"anthropic-version", b"2023-06-01")
_NOT_TAKEN = {"mistral": ("user", "seed", "prompt_cache_key")}
"""Fields of OpenAI's chat to which a provider that speaks it answers 422."""
_JSON = (b"content-type", b"application/json")


def api_there(api: Api, provider: Provider) -> Kind | None:
    """The API of `provider` that a request of `api` has to be put into; `None` where it goes as it is, or cannot go at all."""
    if api not in _KINDS:
        return None
    dialect = codec_for(api).dialect
    if dialect in provider.roots:
        # OpenAI's two are one dialect; not everybody who speaks the one speaks the other.
        known = provider.apis
        if api == "openai.chat" or not known or api in known or "openai.chat" not in known:
            return None
        # Its own API says more than the one it has for OpenAI's callers.
        own = _BY_DIALECT.get(provider.family)
        return own if own in known else "openai.chat"
    for there in (provider.family, *provider.roots):
        kind = _BY_DIALECT.get(there)
        if kind is not None and there in provider.roots:
            return kind
    return None


def prepared(case: Case, request: InferenceRequest, model: str | None) -> Generator[Command, Any, None]:
    """Has a large request put into other words elsewhere, if `model` is called by another API; `in_other_api` finds them then."""
    if model is None or request.provider is not None or not is_heavy(request.body, request.content_type):
        return
    route = case.snapshot.route(model, request.dialect, case.now)
    api = api_there(request.api, route.provider) if not isinstance(route, NoRoute) else None
    if api is None or isinstance(route, NoRoute):
        return
    wanted = _wanted(case, request, route, api)
    if wanted not in case.worded:
        case.worded[wanted] = yield Translate(wanted, request.body)


def _wanted(case: Case, request: InferenceRequest, route: Route, api: Kind) -> Wanted:
    provider, model = route.provider, route.model or ""
    listed = case.snapshot.listed(provider, route.model, case.now)
    most = case.snapshot.book.limits(listed.provider, listed.model).max_output_tokens
    default = case.snapshot.gateways[request.gateway].default_output_tokens
    return Wanted(
        source=cast("Kind", request.api),
        target=api,
        path=request.upstream_path,
        query=request.query,
        model=model,
        known_as=provider.behind(model),
        max_tokens=default if most is None else min(most, default),
        without=(*_NOT_TAKEN.get(provider.kind, ()), *(() if provider.asks_usage else ("stream_options",))),
        now_s=case.now // 1000,
    )


def in_other_api(case: Case, request: InferenceRequest, ask: Ask, route: Route, api: Kind) -> Candidate | Refusal:
    """The candidate that asks the same of `route` in the words of `api`, or what cannot be said there."""
    # Only who needs it has it in memory.
    from tollway.translate.conversation import Untranslatable
    from tollway.translate.worded import worded

    provider, model = route.provider, route.model or ""
    wanted = _wanted(case, request, route, api)
    found = case.worded.get(wanted)
    if found is None:
        try:
            found = worded(wanted, request.body)
        except Untranslatable as error:
            found = error
        except ValueError as error:
            found = Malformed(str(error))
    if isinstance(found, Untranslatable):
        return Refusal(
            code="translation_unsupported",
            rule=provider.slug,
            message=f'"{provider.slug}/{model}" is called by another API ({api}), which cannot carry this request: {found}.',
            details={"field": found.field, "api": api},
        )
    if isinstance(found, Malformed):
        return Refusal(code="body_invalid", message=found.message)
    if isinstance(found, Unavailable):
        return Refusal(
            code="overloaded", message=f"The body cannot be translated now. {found.message}", retry_after_s=1
        )
    sent = found.sent
    codec = codec_for(api)
    kept = [
        header
        for header in request.headers
        if not header[0].startswith(_OF_A_PROVIDER) and header[0] not in (b"content-type", b"content-length")
    ]
    inner = msgspec.structs.replace(
        request,
        api=api,
        dialect=codec.dialect,
        upstream_path=sent.path,
        query=sent.query,
        body=sent.body,
        content_type=_JSON[1],
        headers=(*kept, _JSON, *((_ANTHROPIC,) if codec.dialect == "anthropic" else ())),
    )
    asked = found.ask
    if asked is None:
        asked = codec.read_ask(inner.upstream_path, inner.query, inner.content_type, inner.body)
    if isinstance(asked, Malformed):
        return Refusal(code="body_invalid", message=asked.message)
    # The name is the provider's own by now, and stands in the body or the path.
    target = on_route(Route(provider, route.model), False, inner, asked, case.snapshot, case.now)
    if isinstance(target, Refusal):
        return target
    return Candidate(
        request=inner, ask=asked, target=target, translation=found.translation, lost=sent.lost, asked=request
    )


def back(translation: Answering, status: int, body: bytes) -> Generator[Command, Any, Told | Unavailable]:
    """A whole answer in the caller's words; a large one is put into them elsewhere."""
    if not is_heavy(body):
        return translation.told(status, body)
    return (yield TranslateBack(translation, status, body))
