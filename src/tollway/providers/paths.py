"""Where at a provider a request goes: the path behind its base URL."""

import re
from functools import lru_cache
from urllib.parse import quote, unquote

from tollway.request import Dialect

VERSION = re.compile(r"/v[0-9][0-9a-z]*(?=/|$)")
"""A version at the front of a path: /v1, /v1beta, /v2."""

_DEPLOYMENT = re.compile(r"(?:/[^/]+)*?/openai/deployments/([^/]+)/")
_HAS_VERSION = re.compile(r"/v[0-9][0-9a-z]*(?=/|$)")
_CALL = re.compile(
    r"/(?:chat/completions|completions|embeddings|responses|responses/compact|messages|messages/count_tokens|rerank|moderations"
    r"|images/[a-z]+|audio/[a-z]+)$"
)
"""What a client appends to its base URL: a path that is no more than this leaves the way there to Tollway."""


def unversioned(path: str) -> str:
    """`path` without the version in front of it."""
    found = VERSION.match(path)
    return path[found.end() :] if found is not None else path


def unified_path(base_path: str, root: str, dialect: Dialect, path: str, model: str | None) -> str:
    """A unified path at a provider whose API of that dialect has the root `root`.

    `{model}` in a root is the model's name there: an Azure deployment.
    """
    if dialect == "google" and not root:
        return native_path(base_path, "google", "", path)
    return base_path + _with_model(root, model) + unversioned(path)


def _with_model(root: str, model: str | None) -> str:
    return root.replace("{model}", quote(model or "", safe="")) if "{model}" in root else root


def native_path(base_path: str, family: Dialect, root: str | None, path: str, model: str | None = None) -> str:
    """A provider's own path, as the caller wrote it behind the provider's name.

    Callers write it as the provider's SDK does, whose base URL may or may not end in a version, or in even more; a part
    that stands in the base URL already is not repeated. `root` is where the API that the path speaks begins there, and
    is filled in where the caller left it out; `None` where the provider has no such API. `model` stands for `{model}`.
    """
    find = _remembered_path if len(path) <= _LONGEST_REMEMBERED else _native_path
    return find(base_path, family, root, path, model)


def _native_path(base_path: str, family: Dialect, root: str | None, path: str, model: str | None) -> str:
    if root and path.startswith(f"{root}/"):
        return base_path + path
    said = _said_already(base_path, path)
    if said:
        return base_path + path[len(said) :]
    version = VERSION.match(path)
    if version is not None and _HAS_VERSION.search(base_path) is not None and not root:
        return base_path + (path[version.end() :] if _same_api(version[0], base_path, family) else path)
    if version is None and family == "google" and path.startswith("/models") and not _HAS_VERSION.search(base_path):
        return f"{base_path}/v1beta{path}"
    call = unversioned(path)
    if root and not base_path.endswith(root) and _CALL.fullmatch(call) is not None:
        return base_path + _with_model(root, model) + call
    return base_path + path


def deployment_in(path: str) -> str | None:
    """The deployment that a path of Azure OpenAI names; whatever model a body names beside it is not looked at there."""
    return _named(path)[0] if len(path) <= _LONGEST_REMEMBERED else _read_names(path)[0]


def model_in(path: str) -> str | None:
    """The model that a path of an OpenAI-like provider names beside the body, as Hugging Face's, Databricks' and Fireworks' may.

    `None` where it names none, and for Azure's deployments, which `deployment_in` tells.
    """
    return _named(path)[1] if len(path) <= _LONGEST_REMEMBERED else _read_names(path)[1]


_LONGEST_REMEMBERED = 256
"""Characters of a path that is read once, and not with each request: clients use few paths."""
_remembered_path = lru_cache(maxsize=1024)(_native_path)


def _read_names(path: str) -> tuple[str | None, str | None]:
    """What `deployment_in` and `model_in` tell of a path."""
    deployed = _DEPLOYMENT.match(path)
    deployment = unquote(deployed[1]) if deployed is not None else None
    plain = unquote(path.partition("?")[0]).rstrip("/")
    if _DEPLOYMENT.match(plain) is not None:
        return deployment, None
    found = next((found for pattern in _MODEL_IN if (found := pattern.search(plain)) is not None), None)
    names = found is not None and found[1].partition("/")[0] not in _NO_MODELS
    return deployment, found[1] if found is not None and names else None


_named = lru_cache(maxsize=4096)(_read_names)


_MODEL_IN = (
    re.compile(r"/(accounts/[^/]+/(?:models|deployments)/[^/]+)"),
    re.compile(r"/engines/([^/]+)/"),
    re.compile(r"/models/(.+?)(?:/v\d\w*/.*|/pipeline/.*|/(?:chat/completions|completions|embeddings|responses))?$"),
    re.compile(r"/serving-endpoints/([^/]+)/"),
    re.compile(r"/([^/]+)/invocations$"),
)
_NO_MODELS = frozenset(
    {"chat", "completions", "embeddings", "responses", "images", "audio", "rerank", "info", "serving-endpoints"}
)
"""What may stand in a model's place at providers that name none there: Azure's `/models/chat/completions`."""


def _said_already(base_path: str, path: str) -> str:
    """The end of the base URL's path that the caller's path begins with: all of it, or from its version on."""
    segments = base_path.split("/")
    for start in range(1, len(segments)):
        end = "/" + "/".join(segments[start:])
        if path.startswith(f"{end}/") and (start == 1 or _HAS_VERSION.search(end) is not None):
            return end
    return ""


def _same_api(version: str, base_path: str, family: Dialect) -> bool:
    """Whether the version that a caller wrote means the one in the base URL."""
    return version == "/v1" or base_path.endswith(version) or (family == "google" and version.startswith("/v1"))
