"""What a path means: which gateway, which provider, which API. Pure; the server asks it before anything else.

| path                                              | meaning                                             |
|---------------------------------------------------|-----------------------------------------------------|
| `/{provider}/{path}`                              | that provider's own API                             |
| `/v1/{account}/{gateway}/{provider}/{path}`       | the same, as Cloudflare writes it                   |
| `/v1/{account}/{gateway}/compat/{path}`           | unified, as Cloudflare writes it                    |
| `/v1/{account}/{gateway}`                         | an array of such calls, the first that answers counts |
| `/v1/chat/completions`, `/v1/messages`, ...       | unified: the model's name chooses the provider      |
| `/chat/completions`, `/models/{m}:generateContent`| the same, for clients that leave the version out    |
"""

import re
from typing import final
from urllib.parse import unquote

import msgspec

from tollway.providers.batches import KINDS, job_call
from tollway.providers.registry import classify, codec_for
from tollway.proxy.shorthand import NoSuchPath, as_provider
from tollway.request import Api, Dialect
from tollway.snapshot import Snapshot


@final
class Call(msgspec.Struct, frozen=True):
    """A path that is model traffic."""

    gateway: str
    provider: str | None
    """`None` on a unified path."""
    dialect: Dialect
    api: Api
    path: str
    """Provider-side, starting with "/"."""


@final
class Models(msgspec.Struct, frozen=True):
    """A list of the models that can be called, answered by Tollway itself."""

    gateway: str
    dialect: Dialect
    model: str | None
    """One model's card; `None` for the list."""


@final
class Steps(msgspec.Struct, frozen=True):
    """Cloudflare's universal endpoint: the body is an array of calls, which are tried in turn."""

    gateway: str
    dialect: Dialect = "openai"


@final
class OwnBudget(msgspec.Struct, frozen=True):
    """What the caller itself may still spend, answered by Tollway."""

    gateway: str
    dialect: Dialect = "openai"


# First segments behind /v1 that name an API and not a Cloudflare account.
_UNIFIED: dict[str, Dialect | None] = {
    "chat": "openai",
    "responses": "openai",
    "completions": "openai",
    "embeddings": "openai",
    "images": "openai",
    "audio": "openai",
    "moderations": "openai",
    "rerank": "openai",
    "models": None,
    "messages": "anthropic",
    "batches": "openai",
    "files": "openai",
}
# An encoded separator, dot or control character is read by one server and not by the next; so is what is not ASCII.
_UNSAFE = re.compile(
    r"//|/\.{1,2}(?:/|$)|\\|;|%2[fFeE3]|%5[cC]|%3[bBfF]|%[01][0-9a-fA-F]|%7[fF]|%(?![0-9a-fA-F]{2})|[^!-~]"
)
# What every key may read of the one account behind the provider's key.
_SHARED = re.compile(r"/models(?:/[^/:]+)*$")
# What belongs to the whole account, by a segment of its path: making one is as bad as reading one.
_ACCOUNT_WIDE = frozenset(
    {
        "assistants", "batches", "cachedcontents", "containers", "conversations", "corpora", "evals", "files",
        "filesearchstores", "fine_tuning", "operations", "organization", "organizations", "projects", "skills",
        "connectors", "datasets", "embed-jobs", "finetuning", "threads", "uploads", "users", "vector_stores",
    }
)  # fmt: skip
# The same by words that a deployment or a model may well be called by: at the start of a path, or behind its version alone. What
# an agent of Mistral's answers is metered as a chat is; a first interaction (Google) is an answer, one by its id the account's.
_ACCOUNT_ROOT = re.compile(
    r"(?:^|/v\d[^/]*)/(?:agents(?!/completions/*$)|batch|environments|interactions(?=/+[^/])|libraries|memory_stores|prompts"
    r"|sessions|vaults|(?:audio/)?voices|audio/voice_consents)(?:/|$)"
)
_OLLAMA_READS = ("/api/tags", "/api/version", "/api/ps")
_OWN_MODELS = re.compile(r"/api/(?:blobs|copy|create|delete|pull|push)(?:/|$)")
"""What changes the models of an Ollama server."""
_STORED_ANSWER = re.compile(r"/(?:responses/[^/]+/cancel|chat/completions/[^/]+)/*$")
_TUNED_CALL = re.compile(r"/tunedmodels/[^/:]+:(?:generatecontent|streamgeneratecontent|counttokens)$")
_GOOGLE_MODEL = re.compile(r"/models/.+:[A-Za-z]+$")
_VERTEX_CALL = re.compile(
    r"/v1(?:beta1)?/projects/[^/]+/locations/[^/]+/(?:publishers/[^/]+/models/[^/]+:(?!batch|predictlongrunning)[a-z]+"
    r"|endpoints/openapi/(?:chat/completions|embeddings))"
)
_ARN = re.compile(r"/model/arn(?::|%3a)[^/?]*", re.IGNORECASE)


def surface(
    method: str, raw_path: str, snapshot: Snapshot, *, anthropic: bool, gateway: str
) -> Call | Models | OwnBudget | Steps | NoSuchPath:
    """What `raw_path` (as sent, still percent-encoded) asks for.

    `anthropic`: the caller sent `anthropic-version`; it decides the shape of a list of models. `gateway`: the slug to
    use where the path names none.
    """
    # The slash of `provider/model` comes encoded from SDKs that ask for one model's card.
    before, models, name = raw_path.partition("/models/")
    raw_path = before + models + name.replace("%2F", "/").replace("%2f", "/")
    # An AWS resource name has slashes of its own, which are written encoded.
    plain = _ARN.sub(lambda arn: arn[0].replace("%2F", "").replace("%2f", ""), raw_path)
    if not raw_path.startswith("/") or _UNSAFE.search(plain) is not None:
        return NoSuchPath(
            "path_invalid", f"The path {raw_path!r} has an empty, dotted or encoded segment; write it plainly."
        )
    segments = raw_path.split("/")[1:]
    twice = segments[:2] == ["v1", "v1"] and len(segments) > 2 and segments[2] in _UNIFIED
    if twice and snapshot.gateway(segments[2]) is None:
        return _twice(raw_path, "anthropic" if anthropic else _UNIFIED[segments[2]])
    if segments[0] == "v1" and len(segments) >= 4 and segments[1] not in _UNIFIED and segments[3]:
        gateway, provider = segments[2], segments[3]
        rest = "/" + "/".join(segments[4:])
        if provider == "compat":
            return _unified(method, "/v1" + rest, gateway, snapshot, anthropic=anthropic)
        return _native(method, provider, rest, gateway, snapshot)
    if segments[0] == "v1" and len(segments) in (3, 4) and segments[1] not in _UNIFIED and not any(segments[3:]):
        return Steps(segments[2]) if method == "POST" else _not_allowed(method, raw_path, "POST")
    if segments[0] == "compat":
        return _unified(method, "/v1/" + "/".join(segments[1:]), gateway, snapshot, anthropic=anthropic)
    if segments[0] in ("v1", "v1beta") or segments[0] in _UNIFIED:
        if segments[0] not in ("v1", "v1beta"):
            raw_path = f"/v1beta{raw_path}" if _GOOGLE_MODEL.search(raw_path) is not None else f"/v1{raw_path}"
        return _unified(method, raw_path, gateway, snapshot, anthropic=anthropic)
    return _native(method, segments[0], "/" + "/".join(segments[1:]), gateway, snapshot)


def _twice(path: str, dialect: Dialect | None) -> NoSuchPath:
    """What a client asks for that adds "/v1" to a base URL which has it already, as Anthropic's do."""
    way_out = "leave /v1 out of the base URL (ANTHROPIC_BASE_URL): this client adds it itself"
    if dialect != "anthropic":
        way_out = "write it once in the base URL"
    return NoSuchPath("path_unknown", f'The path "{path[:200]}" has /v1 twice; {way_out}.', dialect=dialect or "openai")


def _native(method: str, provider: str, path: str, gateway: str, snapshot: Snapshot) -> Call | NoSuchPath:
    found = snapshot.provider(provider)
    if found is None:
        known = ", ".join(f"/{slug}/…" for slug in sorted(snapshot.providers)) or "none"
        return NoSuchPath(
            "path_unknown",
            f'Nothing is served at "/{provider}{path}". Unified paths are /v1/chat/completions, /v1/responses, /v1/embeddings, '
            f"/v1/messages, /v1/models; providers: {known}.",
        )
    if path.startswith("/v1/v1/") and found.family in ("openai", "anthropic"):
        return _twice(f"/{provider}{path}", found.family)
    written = as_provider(found, path)
    if isinstance(written, NoSuchPath):
        return written
    path = written
    if _REALTIME.search(path) is not None:
        return _REALTIME_UNSUPPORTED
    if path == "/":
        return NoSuchPath("path_unknown", f'Add the provider\'s own path behind "/{provider}".')
    job = job_call(found.family, method, path) if found.kind in KINDS else None
    if job is not None:
        return Call(gateway, found.slug, found.family, job.api, job.path)
    reads = method in ("GET", "HEAD") and (
        _SHARED.search(unquote(path)) is not None or (found.family == "ollama" and path in _OLLAMA_READS)
    )
    if (method in ("GET", "HEAD", "DELETE") and not reads) or _account_wide(path):
        return _not_shared(method, path, provider)
    api = classify(found.family, method, path)
    return Call(gateway, provider, codec_for(api).dialect, api, path)


def _account_wide(path: str) -> bool:
    """Whether `path` names what every key of the provider's account shares: its files, batches, stored answers."""
    # As the provider will read it: letters may be written encoded too.
    plain = unquote(path).lower()
    if _VERTEX_CALL.fullmatch(plain) is not None:
        return False
    segments = [segment.partition(":")[0] for segment in plain.split("/")]
    if (
        not _ACCOUNT_WIDE.isdisjoint(segments)
        or _ACCOUNT_ROOT.search("/".join(segments)) is not None
        or _OWN_MODELS.match(plain) is not None
        or _STORED_ANSWER.search(plain) is not None
    ):
        return True
    return "tunedmodels" in segments and _TUNED_CALL.search(plain) is None


_REALTIME = re.compile(
    r"/realtime(?:/|$)|/auth_?tokens?(?:/|$|:)|BidiGenerateContent|/chatkit/sessions(?:/|$)|/client_secrets(?:/|$)|/ephemeral",
    re.IGNORECASE,
)
_REALTIME_UNSUPPORTED = NoSuchPath(
    "realtime_unsupported",
    "Realtime sessions are not served: neither the session nor the short-lived keys that open one at the provider could be held "
    "to a budget. Use /v1/responses or /v1/chat/completions with audio, or /v1/audio/transcriptions and /v1/audio/speech.",
)


def _not_shared(method: str, path: str, provider: str) -> NoSuchPath:
    return NoSuchPath(
        "path_unknown",
        f'{method} {path} is not forwarded: it would show or change what belongs to the whole account of "{provider}" '
        "(files, batches, stored answers), and every gateway key shares that account. Models can be listed; a batch, or a file for "
        "one, that was made through this gateway can be called by its id.",
    )


_JOB_PATH = re.compile(r"/v1/(?:messages/batches|batches|files)(?:/|$)")


def _unified_job(method: str, path: str, gateway: str, snapshot: Snapshot) -> Call | NoSuchPath | None:
    """Batches and files name no model, so their path must leave no doubt whose they are; `None` for other paths."""
    if _JOB_PATH.match(path) is None:
        return None
    family: Dialect = "anthropic" if path.startswith("/v1/messages") else "openai"
    job = job_call(family, method, path)
    if job is None:
        return _not_shared(method, path, family)
    speaking = [
        provider.slug
        for provider in snapshot.providers.values()
        if provider.family == family and provider.kind in KINDS
    ]
    if len(speaking) != 1:
        behind = " or ".join(f"/{slug}{path}" for slug in sorted(speaking)) or f"/{{provider}}{path}"
        count = "several providers" if speaking else "no provider"
        return NoSuchPath(
            "path_unknown", f'"{path}" names no provider, and {count} here could be meant; call {behind}.'
        )
    return Call(gateway, speaking[0], family, job.api, job.path)


def _not_allowed(method: str, path: str, allow: str) -> NoSuchPath:
    return NoSuchPath("method_not_allowed", f"{method} is not served at {path}; use {allow}.", allow=allow)


def _unified(
    method: str, path: str, gateway: str, snapshot: Snapshot, *, anthropic: bool
) -> Call | Models | OwnBudget | NoSuchPath:
    segments = path.split("/")[2:]
    if _REALTIME.search(path) is not None:
        return _REALTIME_UNSUPPORTED
    if _GOOGLE_MODEL.search(path) is not None:
        if _account_wide(path):
            return _not_shared(method, path, "google")
        if method == "POST":
            return Call(gateway, None, "google", classify("google", method, path), path)
        if not classify("google", "POST", path).endswith(".other"):
            return _not_allowed(method, path, "POST")
    if segments and segments[0] == "models":
        if method not in ("GET", "HEAD"):
            return _not_allowed(method, path, "GET, HEAD")
        dialect: Dialect = "google" if path.startswith("/v1beta") else "anthropic" if anthropic else "openai"
        return Models(gateway, dialect, "/".join(segments[1:]) or None)
    if segments == ["budget"]:
        return OwnBudget(gateway) if method == "GET" else _not_allowed(method, path, "GET")
    job = _unified_job(method, path, gateway, snapshot)
    if job is not None:
        return job
    named = _UNIFIED.get(segments[0]) if segments else None
    if named is None or path.startswith("/v1beta") or segments == ["chat"]:
        return NoSuchPath(
            "path_unknown",
            f'Nothing is served at "{path}". Unified paths are /v1/chat/completions, /v1/responses, /v1/completions, '
            "/v1/embeddings, /v1/images/…, /v1/audio/…, /v1/moderations, /v1/rerank, /v1/messages, /v1/messages/count_tokens, "
            "/v1/models and /v1beta/models/{model}:generateContent; a provider's own paths are behind its name, such as "
            "/cohere/v2/chat.",
        )
    api = classify(named, "POST", path)  # type: ignore[arg-type]
    if api.endswith(".other"):
        return NoSuchPath(
            "path_unknown",
            f'"{path}" is not served on the unified paths; put the provider\'s name in front: /{named}{path}.',
        )
    if method != "POST":
        return _not_allowed(method, path, "POST")
    return Call(gateway, None, codec_for(api).dialect, api, path)
