"""A gateway as it is written, with the limits of spend in Cloudflare's shape."""

from typing import Literal

from tollway.document.strict import Written


class SpendLimitDimension(Written, frozen=True):
    """Cloudflare's shape of one dimension."""

    mode: Literal["filter", "partition"]
    values: list[str] = []


class SpendLimitRule(Written, frozen=True):
    """Cloudflare's shape of one spend limit."""

    limit: float | int | str
    window: int
    id: str | None = None
    enabled: bool = True
    limitType: Literal["cost"] = "cost"  # noqa: N815
    technique: Literal["fixed", "sliding"] = "fixed"
    model: SpendLimitDimension | None = None
    provider: SpendLimitDimension | None = None
    metadata: dict[str, SpendLimitDimension] = {}


class SpendLimits(Written, frozen=True):
    enabled: bool = True
    rules: list[SpendLimitRule] = []


class CacheDocument(Written, frozen=True):
    """What a gateway keeps of the answers it passes on."""

    ttl_s: int = 0
    scope: Literal["none", "team", "user"] = "user"
    by_headers: bool = True
    max_entry_bytes: int = 8 * 1024 * 1024


class LogsDocument(Written, frozen=True):
    """What a gateway keeps of its requests."""

    collect: bool = True
    payload: bool = False
    by_headers: Literal["less", "more", "none"] = "less"
    max_body_bytes: int = 10 * 1024 * 1024
    larger: Literal["cut", "drop"] = "cut"
    own_payload: bool = False


class RetryDocument(Written, frozen=True):
    """How often a target is tried."""

    max_attempts: int = 1
    delay_ms: int = 1_000
    backoff: Literal["constant", "linear", "exponential"] = "exponential"


class AutoModelDocument(Written, frozen=True):
    """A model to choose from, with what is known of it."""

    model: str
    quality: int | None = None
    takes: list[Literal["image", "audio", "video", "document", "tools"]] | None = None
    """Besides text."""


class AutoDocument(Written, frozen=True):
    """How a gateway chooses a model where a caller leaves that to it."""

    enabled: bool = True
    models: list[str | AutoModelDocument] = []
    also: list[str | AutoModelDocument] = []
    """What callers may choose from besides, by name or pattern."""
    threshold: float | list[float] = 0.25


class OtelDocument(Written, frozen=True):
    """A collector that is told of requests, in Cloudflare's shape; what stands behind `content_type` is Tollway's own."""

    url: str
    headers: dict[str, str] = {}
    authorization: str | None = None
    """A secret reference: the whole value of the header."""
    content_type: Literal["json", "protobuf"] = "json"
    cost: bool = True
    identity: bool = True
    metadata: bool = True
    content: bool = False
    allow_private: bool = False
    allow_http: bool = False


class GatewayDocument(Written, frozen=True):
    slug: str
    authentication: Literal["required", "none"] = "required"
    provider_keys: Literal["configured", "caller"] = "configured"
    default_output_tokens: int = 16_384
    carry_as_stream: bool = False
    cache: CacheDocument | None = None
    cache_ttl: int | None = None
    auto: AutoDocument | None = None
    logs: LogsDocument | None = None
    collect_logs: bool | None = None
    """Cloudflare's name of `logs.collect`."""
    retry: RetryDocument | None = None
    retry_max_attempts: int | None = None
    retry_delay: int | None = None
    """Milliseconds; with `retry_max_attempts` and `retry_backoff`, Cloudflare's names for `retry`."""
    retry_backoff: Literal["constant", "linear", "exponential"] | None = None
    timeout_ms: int | None = None
    """Until the first part of an answer, for every try that is not the last."""
    otel: list[OtelDocument] = []
    """Where it tells of its requests, besides where the process does."""
    trace_upstream: Literal["caller", "own", "none"] = "caller"
    spend_limits: SpendLimits | None = None
    rate_limiting_limit: int | None = None
    """Cloudflare's three: requests on the whole gateway, per interval of so many seconds; 0 or null is off."""
    rate_limiting_interval: int | None = None
    rate_limiting_technique: Literal["fixed", "sliding"] = "fixed"
