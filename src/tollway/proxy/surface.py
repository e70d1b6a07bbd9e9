"""What a path means: which gateway, which provider, which API. Pure; the server asks it before anything else.

| path                                              | meaning                                             |
|---------------------------------------------------|-----------------------------------------------------|
| `/{provider}/{path}`                              | that provider's own API                             |
| `/v1/{account}/{gateway}/{provider}/{path}`       | the same, as Cloudflare writes it                   |
| `/v1/{account}/{gateway}/compat/{path}`           | unified, as Cloudflare writes it                    |
| `/v1/chat/completions`, `/v1/messages`, ...       | unified: the model's name chooses the provider      |
| `/chat/completions`, `/models/{m}:generateContent`| the same, for clients that leave the version out    |
"""

import re
from urllib.parse import unquote

import msgspec

from tollway.gateway import Family
from tollway.providers.registry import classify
from tollway.request import Api
from tollway.snapshot import Snapshot


class Call(msgspec.Struct, frozen=True):
    """A path that is model traffic."""

    gateway: str
    provider: str | None
    """`None` on a unified path."""
    family: Family
    api: Api
    path: str
    """Provider-side, starting with "/"."""


class Models(msgspec.Struct, frozen=True):
    """A list of the models that can be called, answered by Tollway itself."""

    gateway: str
    family: Family
    model: str | None
    """One model's card; `None` for the list."""


class OwnBudget(msgspec.Struct, frozen=True):
    """What the caller itself may still spend, answered by Tollway."""

    gateway: str
    family: Family = "openai"


class NoSuchPath(msgspec.Struct, frozen=True):
    """Nothing is served there; `code` of `errors.REASONS`."""

    code: str
    message: str
    allow: str = ""
    """The methods that are served there, where it is only the method that is not."""


# First segments behind /v1 that name an API and not a Cloudflare account.
_UNIFIED = {
    "chat": "openai",
    "responses": "openai",
    "completions": "openai",
    "embeddings": "openai",
    "models": None,
    "messages": "anthropic",
}
# An encoded separator, dot or control character is read by one server and not by the next; so is what is not ASCII.
_UNSAFE = re.compile(
    r"//|/\.{1,2}(?:/|$)|\\|;|%2[fFeE3]|%5[cC]|%3[bBfF]|%[01][0-9a-fA-F]|%7[fF]|%(?![0-9a-fA-F]{2})|[^!-~]"
)
# What every key may read of the one account behind the provider's key.
_SHARED = re.compile(r"/models(?:/[^/]+)*$")
# What belongs to the whole account, by a segment of its path: making one is as bad as reading one.
_ACCOUNT_WIDE = frozenset(
    {
        "assistants", "batches", "cachedcontents", "containers", "conversations", "corpora", "evals", "files",
        "filesearchstores", "fine_tuning", "operations", "organization", "organizations", "projects", "skills",
        "threads", "uploads", "users", "vector_stores",
    }
)  # fmt: skip
_STORED_ANSWER = re.compile(r"/(?:responses/[^/]+/cancel|chat/completions/[^/]+)/*$")
_TUNED_CALL = re.compile(r"/tunedmodels/[^/:]+:(?:generatecontent|streamgeneratecontent|counttokens)$")
_GOOGLE_MODEL = re.compile(r"/models/.+:[A-Za-z]+$")
_VERSION = re.compile(r"/v1(?:alpha|beta)?[0-9]*(?=/)")


def surface(
    method: str, raw_path: str, snapshot: Snapshot, *, anthropic: bool, gateway: str
) -> Call | Models | OwnBudget | NoSuchPath:
    """What `raw_path` (as sent, still percent-encoded) asks for.

    `anthropic`: the caller sent `anthropic-version`; it decides the shape of a list of models. `gateway`: the slug to
    use where the path names none.
    """
    # The slash of `provider/model` comes encoded from SDKs that ask for one model's card.
    before, models, name = raw_path.partition("/models/")
    raw_path = before + models + name.replace("%2F", "/").replace("%2f", "/")
    if not raw_path.startswith("/") or _UNSAFE.search(raw_path) is not None:
        return NoSuchPath(
            "path_invalid", f"The path {raw_path!r} has an empty, dotted or encoded segment; write it plainly."
        )
    segments = raw_path.split("/")[1:]
    if segments[0] == "v1" and len(segments) >= 4 and segments[1] not in _UNIFIED:
        gateway, provider = segments[2], segments[3]
        rest = "/" + "/".join(segments[4:])
        if provider == "compat":
            return _unified(method, "/v1" + rest, gateway, anthropic=anthropic)
        return _native(method, provider, rest, gateway, snapshot)
    if segments[0] == "compat":
        return _unified(method, "/v1/" + "/".join(segments[1:]), gateway, anthropic=anthropic)
    if segments[0] in ("v1", "v1beta") or segments[0] in _UNIFIED:
        if segments[0] not in ("v1", "v1beta"):
            raw_path = f"/v1beta{raw_path}" if _GOOGLE_MODEL.search(raw_path) is not None else f"/v1{raw_path}"
        return _unified(method, raw_path, gateway, anthropic=anthropic)
    return _native(method, segments[0], "/" + "/".join(segments[1:]), gateway, snapshot)


def upstream_path(base_path: str, family: Family, path: str) -> str:
    """`path` behind a provider's base URL, whose own path may or may not end in the version the caller writes."""
    if family == "openai":
        # As the SDK has it: the base URL ends in the version, if there is one. Google's compatible API has its own.
        return base_path + (path.removeprefix("/v1") if path.startswith("/v1/") else path)
    if _VERSION.search(f"{base_path}/", max(0, base_path.rfind("/"))) is not None:
        return base_path + _VERSION.sub("", path, count=1) if _VERSION.match(path) is not None else base_path + path
    if family == "google" and path.startswith("/models"):
        path = f"/v1beta{path}"
    elif family == "anthropic" and path.startswith("/messages"):
        path = f"/v1{path}"
    return base_path + path


def _native(method: str, provider: str, path: str, gateway: str, snapshot: Snapshot) -> Call | NoSuchPath:
    found = snapshot.provider(provider)
    if found is None:
        known = ", ".join(f"/{slug}/…" for slug in sorted(snapshot.providers)) or "none"
        return NoSuchPath(
            "path_unknown",
            f'Nothing is served at "/{provider}{path}". Unified paths are /v1/chat/completions, /v1/responses, /v1/embeddings, '
            f"/v1/messages, /v1/models; providers: {known}.",
        )
    if found.base_url.endswith("/openai/v1") and path.startswith("/openai/v1/"):
        # Groq's SDK writes the whole path of its base URL itself.
        path = path.removeprefix("/openai")
    if path == "/":
        return NoSuchPath("path_unknown", f'Add the provider\'s own path behind "/{provider}".')
    reads = method in ("GET", "HEAD") and _SHARED.search(path) is not None
    if (method in ("GET", "HEAD", "DELETE") and not reads) or _account_wide(path):
        return _not_shared(method, path, provider)
    return Call(gateway, provider, found.family, classify(found.family, method, path), path)


def _account_wide(path: str) -> bool:
    """Whether `path` names what every key of the provider's account shares: its files, batches, stored answers."""
    # As the provider will read it: letters may be written encoded too.
    plain = unquote(path).lower()
    segments = [segment.partition(":")[0] for segment in plain.split("/")]
    if not _ACCOUNT_WIDE.isdisjoint(segments) or _STORED_ANSWER.search(plain) is not None:
        return True
    return "tunedmodels" in segments and _TUNED_CALL.search(plain) is None


def _not_shared(method: str, path: str, provider: str) -> NoSuchPath:
    return NoSuchPath(
        "path_unknown",
        f'{method} {path} is not forwarded: it would show or change what belongs to the whole account of "{provider}" '
        "(files, batches, stored answers), and every gateway key shares that account. Models can be listed.",
    )


def _not_allowed(method: str, path: str, allow: str) -> NoSuchPath:
    return NoSuchPath("method_not_allowed", f"{method} is not served at {path}; use {allow}.", allow)


def _unified(method: str, path: str, gateway: str, *, anthropic: bool) -> Call | Models | OwnBudget | NoSuchPath:
    segments = path.split("/")[2:]
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
        family: Family = "google" if path.startswith("/v1beta") else "anthropic" if anthropic else "openai"
        return Models(gateway, family, "/".join(segments[1:]) or None)
    if segments == ["budget"]:
        return OwnBudget(gateway) if method == "GET" else _not_allowed(method, path, "GET")
    named = _UNIFIED.get(segments[0]) if segments else None
    if named is None or path.startswith("/v1beta"):
        return NoSuchPath(
            "path_unknown",
            f'Nothing is served at "{path}". Unified paths are /v1/chat/completions, /v1/responses, /v1/completions, '
            "/v1/embeddings, /v1/messages, /v1/messages/count_tokens, /v1/models and /v1beta/models/{model}:generateContent; "
            "a provider's other paths are behind its name, such as /openai/v1/images/generations.",
        )
    api = classify(named, "POST", path)  # type: ignore[arg-type]
    if api.endswith(".other"):
        return NoSuchPath(
            "path_unknown",
            f'"{path}" is not served on the unified paths; put the provider\'s name in front: /{named}{path}.',
        )
    if method != "POST":
        return _not_allowed(method, path, "POST")
    return Call(gateway, None, named, api, path)  # type: ignore[arg-type]
