"""Bedrock names the model and the action in the path: `/model/amazon.nova-lite-v1%3A0/converse`.

A model may be named by its id, by an id with the region of a cross-region profile before it (`us.`, `global.`), or by
an ARN, which may or may not contain the id.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from tollway.request import Api

# The first folder of models counts: a decoded ARN has slashes of its own.
_HEAD = re.compile(r"(.*?/model/)(.+)", re.DOTALL)
_ACTION = re.compile(r"[a-z-]+")
_PREFIX = re.compile(r"/bedrock-runtime/[a-z0-9-]+(?=/)")
"""How Cloudflare's gateway names the service and the region before AWS's own path."""

_ACTIONS: dict[str, Api] = {
    "converse": "bedrock.converse",
    "converse-stream": "bedrock.converse",
    "invoke": "bedrock.invoke",
    "invoke-with-response-stream": "bedrock.invoke",
    "count-tokens": "bedrock.count_tokens",
}
_STREAMING = frozenset({"converse-stream", "invoke-with-response-stream"})
_OTHER_APIS: dict[str, Api] = {
    "/openai/v1/chat/completions": "openai.chat",
    "/openai/v1/responses": "openai.responses",
    "/anthropic/v1/messages": "anthropic.messages",
}
"""Other providers' APIs that Bedrock serves as they are."""

_ARN = re.compile(r"arn:aws[^:]*:bedrock:[^:]*:[^:]*:(?:foundation-model|inference-profile)/(.+)", re.DOTALL)
_STORED_PROMPT = re.compile(r"arn:aws[^:]*:bedrock:[^:]*:[^:]*:prompt/")
_ROUTER = re.compile(r"arn:aws[^:]*:bedrock:[^:]*:[^:]*:(?:default-)?prompt-router/")
_REGION = re.compile(r"(?:global|us-gov|apac|us|eu|jp|au|ca|sa|uk|in|me|af|il|mx)\.")


class BedrockPath(NamedTuple):
    """A path in its three parts; `model` is decoded."""

    before: str
    model: str
    action: str

    @property
    def streams(self) -> bool:
        return self.action in _STREAMING

    @property
    def model_id(self) -> str:
        """The model's id where an ARN contains it, with its region's prefix; else the whole ARN."""
        return model_id(self.model)


def parted(path: str) -> BedrockPath | None:
    """The parts of `path`, its model encoded or not; None where it names no model and action."""
    head, _, action = path.partition("?")[0].rstrip("/").rpartition("/")
    # An action that decodes to more than one segment is none that AWS knows.
    parts = _HEAD.fullmatch(unquote(head))
    action = unquote(action)
    return BedrockPath(parts[1], parts[2], action) if parts is not None and _ACTION.fullmatch(action) else None


def with_model(path: str, model: str) -> str:
    """`path` with another model in it, quoted once; `path` itself where it names none, or that one already."""
    parts = parted(path)
    # An ARN stays where it stands for the model that is wanted: it may say whom AWS is to bill.
    if parts is None or model in (parts.model, parts.model_id):
        return path
    return f"{quote(parts.before)}{quote(model, safe='')}/{parts.action}"


def model_id(model: str) -> str:
    """The id in the ARN of a foundation model or of a profile that AWS made; else `model` as it is."""
    arn = _ARN.fullmatch(model)
    return arn[1] if arn is not None else model


def without_region(model: str) -> str:
    """The id without the region of a cross-region profile: `us.amazon.nova-lite-v1:0` is `amazon.nova-lite-v1:0`."""
    bare = model_id(model)
    region = _REGION.match(bare)
    return bare[region.end() :] if region is not None else bare


def is_stored_prompt(model: str) -> bool:
    """Whether the "model" is a prompt kept at AWS, whose text and model the request does not show."""
    return _STORED_PROMPT.match(model) is not None


def is_router(model: str) -> bool:
    """Whether the "model" is a router, which picks one of several."""
    return _ROUTER.match(model) is not None


def classify_bedrock(method: str, path: str) -> Api:
    """The API that `path` speaks. What is not known is `bedrock.other`; a GET always is."""
    if method.upper() != "POST":
        return "bedrock.other"
    plain = _PREFIX.sub("", path.partition("?")[0], count=1).rstrip("/")
    if plain in _OTHER_APIS:
        return _OTHER_APIS[plain]
    parts = parted(plain) if plain.startswith("/model/") else None
    return _ACTIONS.get(parts.action, "bedrock.other") if parts is not None else "bedrock.other"


def is_free_bedrock(path: str, method: str = "POST") -> bool:
    """Whether a call can never cost anything: a token count, or a read or deletion that starts no work."""
    if method.upper() != "POST":
        return method.upper() in ("GET", "HEAD", "OPTIONS", "DELETE")
    return classify_bedrock(method, path) == "bedrock.count_tokens"
