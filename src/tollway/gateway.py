"""A gateway: an endpoint with its own rules; and the providers it may call."""

from typing import Literal

import msgspec

from tollway.request import Dialect

Family = Dialect
"""Which API family a provider speaks: its paths, its credential header, its error shape."""

# Where each family's official API lives, and the header its key goes in.
OFFICIAL_URL: dict[Family, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
}
KEY_HEADER: dict[Family, bytes] = {
    "openai": b"authorization",
    "anthropic": b"x-api-key",
    "google": b"x-goog-api-key",
}


class Secret:
    """A provider's key. Its text is shown by nothing but `reveal`: no struct, so that nothing can encode it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who runs models, and how to reach them."""

    slug: str
    family: Family
    base_url: str
    """Without a trailing slash. As the provider's own SDK takes it: with `/v1` for the OpenAI family, without for others."""
    api_key: Secret | None = None
    price_list: str | None = None
    """The provider of the price book whose prices hold here; `None` where no public price list does."""
    models: tuple[str, ...] = ()
    """Patterns of the bare model names it serves, besides those of its price list."""
    cap_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """The field an OpenAI-compatible chat server takes an output cap in."""
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 120.0
    idle_timeout_s: float = 60.0
    bills_after_disconnect: bool = False
    """It goes on billing when a stream is closed: the whole hold is then charged."""


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint: who may call, whose provider keys are used, how large a request may be."""

    slug: str
    authentication: Literal["required", "none"] = "required"
    provider_keys: Literal["configured", "caller"] = "configured"
    """caller: a provider key that the caller sends is used instead of the configured one."""
    default_output_tokens: int = 16_384
    """The output cap of a request that names none, where a budget needs one."""
