"""The request as it came, and the few fields Tollway reads from it.

`body` is the caller's bytes. They are sent on as they are; what must change (the model's name behind a unified path,
a cap that a budget needs) is changed by the provider's codec and nothing else with it.
"""

from typing import Literal

import msgspec

from tollway.usage import Usage

Dialect = Literal["openai", "anthropic", "google", "bedrock", "cohere", "ollama"]
"""Whose error shape, header names and stream framing the caller's SDK expects."""

Api = Literal[
    "openai.chat",
    "openai.responses",
    "openai.completions",
    "openai.embeddings",
    "openai.images",
    "openai.speech",
    "openai.transcription",
    "openai.moderations",
    "openai.rerank",
    "openai.ocr",
    "openai.batches",
    "openai.files",
    "openai.other",
    "anthropic.messages",
    "anthropic.count_tokens",
    "anthropic.vertex",
    "anthropic.batches",
    "anthropic.other",
    "google.generate",
    "google.count_tokens",
    "google.embed",
    "google.predict",
    "google.other",
    "bedrock.converse",
    "bedrock.invoke",
    "bedrock.count_tokens",
    "bedrock.other",
    "cohere.chat",
    "cohere.embed",
    "cohere.rerank",
    "cohere.other",
    "ollama.chat",
    "ollama.generate",
    "ollama.embed",
    "ollama.other",
    "cloudflare.run",
]
"""The provider API a request speaks. `*.other` is any path of that provider whose cost is read from the answer only."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a body that decide what a request may cost. Absent and unreadable are `None`."""

    model: str | None = None
    stream: bool = False
    max_output_tokens: int | None = None
    """The caller's own cap, in tokens for each choice."""
    choices: int = 1
    """How many answers are asked for (`n`, `candidateCount`)."""
    include_usage: bool = False
    """OpenAI streams: the caller asked for the usage chunk itself."""
    unbounded: str | None = None
    """What in the input has a size that the body does not show (a linked image, a stored conversation); `None` if nothing."""
    media_parts: int = 0
    """Inline images, which are not tokenised as text; none takes more tokens than a known ceiling."""
    media_tokens: int = 0
    """The most tokens that the inline media take, by the providers' published formulas; `media_parts` are not in it."""
    media_bytes: int = 0
    """How many bytes of the body those media take, which are no text."""
    messages: int = 0
    """Messages, or parts, each of which adds a few tokens of framing."""
    paid_tools: tuple[str, ...] = ()
    """Provider-run tools that are billed apart: "web_search", "file_search", "code_execution"."""
    service_tier: str | None = None
    long_cache: bool = False
    """A cache write that is kept for an hour may be made (dearer than the five-minute one)."""
    reasons: bool = False
    """It asks for reasoning, of which an answer need not show all that is billed."""
    hides: bool = False
    """More may be billed than its stream shows, whatever the model: of a prediction, what was rejected; in the background,
    what is made when nobody listens any more."""
    predicted_bytes: int = 0
    """Of a predicted output in the body. What of it is rejected is billed as output, and no cap is known to bound that."""
    substitutes: bool = False
    """Another model than the one it names may serve it, or something beside it: a router's `models`, `route`, `plugins`."""
    also_models: tuple[str, ...] = ()
    """Models that it names besides the one that is to answer: of its tools, its fallbacks, a router's list."""
    uncapped: str | None = None
    """What in it makes answers of its own, which the output cap does not bound (an advisor); `None` if nothing."""
    known: Usage | None = None
    """What the request alone tells of the bill, whatever the answer says: the characters to speak, the pictures asked for."""
    floor_output_tokens: int = 0
    """The smallest output cap this request can take; above every possible cap where the API has no cap at all."""


class Credential(msgspec.Struct, frozen=True):
    """A secret the caller sent, and where it stood."""

    header: bytes
    """Lower-case header name; `b"?key"` for the query parameter that Google's clients use."""
    secret: str
    client: str | None = None
    """The client id that came with it, where it is the secret of a service token."""

    def __repr__(self) -> str:
        return f"Credential({self.header!r}, …)"


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller's headers ask of the gateway itself; `None` where they say nothing, and the settings hold."""

    timeout_ms: int | None = None
    """Until the first part of the answer, for each attempt; the last attempt waits as long as the provider's settings do."""
    max_attempts: int | None = None
    """1 to 5, at each target."""
    retry_delay_ms: int | None = None
    """0 to 60,000."""
    backoff: Literal["constant", "linear", "exponential"] | None = None
    skip_cache: bool = False
    cache_ttl_s: int | None = None
    """0: neither read nor kept."""
    cache_key: str | None = None
    session_id: str | None = None
    turn_id: str | None = None
    no_session_affinity: bool = False
    allowed_models: tuple[str, ...] = ()
    """Patterns; the pool of `tollway/auto`."""
    allowed_providers: tuple[str, ...] = ()
    idempotency_key: str | None = None
    collect_log: bool | None = None
    """Whether a record of the request is kept, as far as the gateway lets callers say."""
    collect_payload: bool | None = None
    """Whether its bodies are."""


NO_HANDLING = Handling()


class InferenceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call, as the listener took it in."""

    id: str
    received_at: int
    """Unix milliseconds."""
    started_ns: int
    """The listener's monotonic clock at the first byte, for durations."""
    method: str
    path: str
    """As the caller wrote it."""
    upstream_path: str
    """The provider-side path, without the gateway's own prefix: "/v1/chat/completions"."""
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    """As received, names in lower case."""
    content_type: bytes
    body: bytes
    api: Api
    dialect: Dialect
    gateway: str
    """The gateway's slug."""
    provider: str | None
    """The provider's slug when the path names it; `None` on a unified path, where the model's name decides."""
    credentials: tuple[Credential, ...]
    """Everything that may be a gateway key, the most explicit header first. None of these headers is ever forwarded."""
    metadata: str | None
    """The `tollway-metadata` header, unread."""
    custom_cost: str | None = None
    """The `tollway-custom-cost` header, unread: what the caller says the request costs."""
    key_alias: str | None = None
    """Which of a provider's keys the caller wants used (`tollway-byok-alias`)."""
    handling: Handling = NO_HANDLING
    cf_spelling: bool = False
    """The caller uses `cf-aig-*` header names, and is answered in them."""
    user_agent: str = ""
    peer: str = ""
    """The address that the listener sees; empty where it sees none."""

    def __repr__(self) -> str:
        # Its headers hold credentials and its body a prompt; neither belongs in a traceback.
        return f"InferenceRequest({self.id!r})"
