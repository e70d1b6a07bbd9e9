"""The providers Tollway knows by name: where they are, which APIs they speak, whose prices hold, what else they are called.

A provider that is not here is any server that speaks one of these APIs: settings give its `api` and `base_url`.
`{region}` and the like in an address are fields of the settings.
"""

import msgspec

from tollway.request import Api, Dialect

BEARER = b"authorization"


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a provider beforehand."""

    slug: str
    """The canonical name: it begins the ids of the provider's models."""
    name: str
    family: Dialect = "openai"
    base_url: str | None = None
    """`None`: every customer has an address of its own."""
    price_list: str | None = None
    """The price list that holds there; `None` where nothing is publicly priced."""
    aliases: tuple[str, ...] = ()
    """Other names: Cloudflare's slugs, the authors' names, those of other libraries."""
    roots: dict[Dialect, str] = {}
    """For each API it speaks, what stands between the base URL and "/chat/completions", "/messages" ..."""
    key_header: bytes = BEARER
    takes_max_completion_tokens: bool = False
    """It takes OpenAI's newer name of the output cap; most servers know `max_tokens` only."""
    asks_usage: bool = True
    """It takes `stream_options.include_usage`."""
    tells_usage: bool = False
    """Its streams tell the usage unasked, so that callers see it there."""
    states_cost: bool = False
    """Its answers state what it charges for them."""
    local: bool = False
    """It runs on one's own machines and bills nobody."""
    apis: tuple[Api, ...] = ()
    """The APIs it is known to serve; all that its family has are metered there."""
    unknown: str = ""
    """What its answers do not tell of the bill, in a sentence; empty where nothing is known to be missing."""


_CHAT: Api = "openai.chat"
_RESPONSES: Api = "openai.responses"
_COMPLETIONS: Api = "openai.completions"
_EMBEDDINGS: Api = "openai.embeddings"
_RERANK: Api = "openai.rerank"
_MESSAGES: Api = "anthropic.messages"
_MEDIA: tuple[Api, ...] = ("openai.images", "openai.speech", "openai.transcription")


def _openai_like(
    slug: str, name: str, base_url: str | None, *aliases: str, price_list: str | None = "", **more: object
) -> Preset:
    return Preset(
        slug=slug,
        name=name,
        base_url=base_url,
        price_list=slug if price_list == "" else price_list,
        aliases=aliases,
        **({"roots": {"openai": ""}, "apis": (_CHAT,)} | more),  # type: ignore[arg-type]
    )


_FILE_SEARCH = (
    "Fees for searches in OpenAI's own store and for code containers are held, and charged where they are reported."
)

PRESETS: tuple[Preset, ...] = (
    Preset(
        slug="openai",
        name="OpenAI",
        base_url="https://api.openai.com/v1",
        price_list="openai",
        roots={"openai": ""},
        takes_max_completion_tokens=True,
        unknown=_FILE_SEARCH,
        apis=(_CHAT, _RESPONSES, _COMPLETIONS, _EMBEDDINGS, *_MEDIA, "openai.moderations",),
    ),
    Preset(
        slug="anthropic",
        name="Anthropic",
        family="anthropic",
        base_url="https://api.anthropic.com",
        price_list="anthropic",
        roots={"anthropic": "/v1"},
        key_header=b"x-api-key",
        unknown="Code execution is held as a container hour a request, and charged by nothing it reports.",
        apis=(_MESSAGES, "anthropic.count_tokens",),
    ),
    Preset(
        slug="google",
        name="Google AI Studio",
        family="google",
        base_url="https://generativelanguage.googleapis.com",
        price_list="google",
        aliases=("google-ai-studio", "gemini", "google-gemini", "gcp.gemini"),
        roots={"google": "", "openai": "/v1beta/openai"},
        key_header=b"x-goog-api-key",
        unknown="Storage of explicit context caches is billed by the hour and seen in no answer.",
        apis=("google.generate", "google.count_tokens", "google.embed", "google.predict", _CHAT, _EMBEDDINGS,),
    ),
    Preset(
        slug="google-vertex",
        name="Google Vertex AI",
        family="google",
        base_url="https://{host}",
        price_list="google-vertex",
        aliases=("google-vertex-ai", "vertex", "vertex-ai", "vertex_ai", "gcp.vertex_ai"),
        roots={
            "google": "/v1/projects/{project}/locations/{region}/publishers/google",
            "openai": "/v1/projects/{project}/locations/{region}/endpoints/openapi",
        },
        unknown="Regional uplifts and provisioned throughput are not in any answer.",
        apis=("google.generate", "google.count_tokens", "google.embed", "google.predict", "anthropic.vertex", _CHAT,),
    ),
    Preset(
        slug="aws-bedrock",
        name="AWS Bedrock",
        family="bedrock",
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        price_list="aws-bedrock",
        aliases=("bedrock", "amazon-bedrock", "aws", "amazon", "aws.bedrock"),
        roots={"bedrock": "", "openai": "/openai/v1"},
        unknown="Provisioned throughput, guardrails and imported models are billed apart, by time or by text unit.",
        apis=("bedrock.converse", "bedrock.invoke", "bedrock.count_tokens", _CHAT,),
    ),
    Preset(
        slug="aws-bedrock-mantle",
        name="AWS Bedrock, OpenAI and Anthropic endpoints",
        base_url="https://bedrock-mantle.{region}.api.aws",
        price_list="aws-bedrock",
        aliases=("bedrock-mantle",),
        roots={"openai": "/openai/v1", "anthropic": "/anthropic/v1"},
        apis=(_CHAT, _RESPONSES, _MESSAGES,),
    ),
    Preset(
        slug="azure",
        name="Azure OpenAI",
        base_url="https://{resource}.openai.azure.com",
        price_list="azure",
        aliases=("azure-openai", "azure_ai", "azure.ai.openai", "azure-ai"),
        roots={"openai": "/openai/v1", "anthropic": "/anthropic/v1"},
        key_header=b"api-key",
        takes_max_completion_tokens=True,
        unknown="A deployment in a Data Zone costs 10 % more: write its model as `us/gpt-4o` or `eu/gpt-4o` in `deployments`.",
        apis=(_CHAT, _RESPONSES, _COMPLETIONS, _EMBEDDINGS, *_MEDIA, _MESSAGES,),
    ),
    _openai_like("mistral", "Mistral", "https://api.mistral.ai/v1", "mistral-ai", "mistralai", "mistral_ai",
                 asks_usage=False, tells_usage=True,
                 apis=(_CHAT, _COMPLETIONS, _EMBEDDINGS, "openai.ocr", "openai.moderations", "openai.transcription",)),
    Preset(
        slug="cohere",
        name="Cohere",
        family="cohere",
        base_url="https://api.cohere.com",
        price_list="cohere",
        roots={"cohere": "", "openai": "/compatibility/v1"},
        apis=("cohere.chat", "cohere.embed", "cohere.rerank", _CHAT,),
    ),
    _openai_like("groq", "Groq", "https://api.groq.com/openai/v1", takes_max_completion_tokens=True,
                 apis=(_CHAT, _RESPONSES, "openai.speech", "openai.transcription",)),
    _openai_like("deepseek", "DeepSeek", "https://api.deepseek.com",
                 roots={"openai": "", "anthropic": "/anthropic/v1"},
                 apis=(_CHAT, _RESPONSES, _COMPLETIONS, _MESSAGES,)),
    _openai_like("xai", "xAI", "https://api.x.ai/v1", "grok", "x-ai", "x_ai", states_cost=True,
                 roots={"openai": "", "anthropic": ""}, takes_max_completion_tokens=True,
                 apis=(_CHAT, _RESPONSES, _MESSAGES, "openai.images",)),
    _openai_like("perplexity", "Perplexity", "https://api.perplexity.ai", "perplexity-ai",
                 states_cost=True, asks_usage=False, tells_usage=True,
                 unknown="Searches that a deep research makes are charged where the answer tells them.",
                 apis=(_CHAT,)),
    _openai_like("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", asks_usage=False, tells_usage=True, states_cost=True,
                 roots={"openai": "", "anthropic": ""}, takes_max_completion_tokens=True,
                 apis=(_CHAT, _RESPONSES, _COMPLETIONS, _EMBEDDINGS, _MESSAGES,)),
    _openai_like("cerebras", "Cerebras", "https://api.cerebras.ai/v1", "cerebras-ai",
                 takes_max_completion_tokens=True,
                 apis=(_CHAT, _COMPLETIONS,)),
    _openai_like("together", "Together", "https://api.together.xyz/v1", "together-ai", "together_ai", "togetherai",
                 apis=(_CHAT, _COMPLETIONS, _EMBEDDINGS, _RERANK, *_MEDIA,)),
    _openai_like("fireworks", "Fireworks", "https://api.fireworks.ai/inference/v1", "fireworks-ai", "fireworks_ai",
                 apis=(_CHAT, _COMPLETIONS, _EMBEDDINGS, _RERANK, "openai.transcription",)),
    _openai_like("moonshotai", "Moonshot", "https://api.moonshot.ai", "moonshot", "kimi",
                 roots={"openai": "/v1", "anthropic": "/anthropic/v1"},
                 apis=(_CHAT, _MESSAGES,)),
    _openai_like("alibaba", "Alibaba Model Studio", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
                 "dashscope", "qwen", "aliyun", "alibaba-cloud",
                 apis=(_CHAT, _EMBEDDINGS,)),
    _openai_like("zai", "Z.ai", "https://api.z.ai", "z-ai", "z.ai", "zhipu",
                 roots={"openai": "/api/paas/v4", "anthropic": "/api/anthropic/v1"},
                 apis=(_CHAT, _MESSAGES, "openai.images",)),
    _openai_like("huggingface", "Hugging Face router", "https://router.huggingface.co", "hf", "huggingface-router",
                 roots={"openai": "/v1"}, tells_usage=True,
                 unknown="A model without `:provider` behind its name may be served by any host, and costs what the dearest asks.",
                 apis=(_CHAT, _RESPONSES,)),
    _openai_like("voyageai", "Voyage", "https://api.voyageai.com/v1", "voyage", "voyage-ai",
                 apis=(_EMBEDDINGS, _RERANK,)),
    _openai_like("cloudflare", "Cloudflare Workers AI", "https://api.cloudflare.com/client/v4/accounts/{account}/ai",
                 "workers-ai", "cloudflare-workers-ai", roots={"openai": "/v1"},
                 apis=(_CHAT, _EMBEDDINGS, "cloudflare.run",)),
    _openai_like("snowflake", "Snowflake Cortex", "https://{resource}.snowflakecomputing.com/api/v2/cortex/v1",
                 "snowflake-cortex", takes_max_completion_tokens=True),
    _openai_like("databricks", "Databricks", "https://{resource}.cloud.databricks.com/serving-endpoints",
                 apis=(_CHAT, _EMBEDDINGS,)),
    _openai_like("novita", "Novita", "https://api.novita.ai/v3/openai", "novita-ai"),
    _openai_like("minimax", "MiniMax", "https://api.minimax.io/v1"),
    _openai_like("baseten", "Baseten", "https://inference.baseten.co/v1"),
    _openai_like("nebius", "Nebius", "https://api.studio.nebius.com/v1",
                 apis=(_CHAT, _COMPLETIONS, _EMBEDDINGS, "openai.images",)),
    _openai_like("sambanova", "SambaNova", "https://api.sambanova.ai/v1"),
    _openai_like("deepinfra", "DeepInfra", "https://api.deepinfra.com/v1/openai", states_cost=True,
                 apis=(_CHAT, _COMPLETIONS, _EMBEDDINGS,)),
    _openai_like("nvidia", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1", "nvidia-nim", "nvidia_nim"),
    _openai_like("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1"),
    _openai_like("ai21", "AI21", "https://api.ai21.com/studio/v1"),
    _openai_like("writer", "Writer", "https://api.writer.com/v1",
                 apis=(_CHAT, _COMPLETIONS,)),
    _openai_like("crusoe", "Crusoe", "https://api.inference.crusoecloud.com/v1"),
    _openai_like("github-copilot", "GitHub Copilot", "https://api.githubcopilot.com", "copilot", "github_copilot"),
    _openai_like("jina", "Jina", "https://api.jina.ai/v1", "jina-ai",
                 apis=(_EMBEDDINGS, _RERANK,)),
    Preset(
        slug="ollama-cloud",
        name="Ollama Cloud",
        family="ollama",
        base_url="https://ollama.com",
        roots={"ollama": "", "openai": "/v1", "anthropic": "/v1"},
        unknown="A subscription: no price is listed for a token.",
        apis=("ollama.chat", "ollama.generate", _CHAT,),
    ),
    Preset(
        slug="ollama",
        name="Ollama",
        family="ollama",
        base_url="http://127.0.0.1:11434",
        roots={"ollama": "", "openai": "/v1", "anthropic": "/v1"},
        local=True,
        apis=("ollama.chat", "ollama.generate", "ollama.embed", _CHAT, _COMPLETIONS, _EMBEDDINGS, _MESSAGES,),
    ),
    Preset(
        slug="vllm",
        name="vLLM",
        base_url="http://127.0.0.1:8000",
        aliases=("hosted_vllm",),
        roots={"openai": "/v1", "anthropic": "/v1"},
        local=True,
        apis=(_CHAT, _RESPONSES, _COMPLETIONS, _EMBEDDINGS, _RERANK, _MESSAGES,),
    ),
    Preset(
        slug="lmstudio",
        name="LM Studio",
        base_url="http://127.0.0.1:1234",
        aliases=("lm-studio", "lm_studio"),
        roots={"openai": "/v1", "anthropic": "/v1"},
        local=True,
        apis=(_CHAT, _RESPONSES, _COMPLETIONS, _EMBEDDINGS, _MESSAGES,),
    ),
)  # fmt: skip

MAKERS = frozenset(
    {
        "openai", "anthropic", "google", "mistral", "cohere", "deepseek", "xai", "perplexity", "moonshotai", "alibaba", "zai",
        "voyageai", "jina", "minimax", "ai21", "writer",
    }
)  # fmt: skip
"""Providers of models of their own. All others resell, or run what others made."""

BY_SLUG: dict[str, Preset] = {preset.slug: preset for preset in PRESETS}
ALIASES: dict[str, str] = {alias: preset.slug for preset in PRESETS for alias in preset.aliases}
"""Other name → canonical slug."""

CUSTOM = "custom-"
"""Cloudflare's prefix for providers that an administrator adds."""

DEFAULT_ROOTS: dict[Dialect, dict[Dialect, str]] = {
    "openai": {"openai": ""},
    "anthropic": {"anthropic": "/v1"},
    "google": {"google": "", "openai": "/v1beta/openai"},
    "bedrock": {"bedrock": "", "openai": "/openai/v1"},
    "cohere": {"cohere": "", "openai": "/compatibility/v1"},
    "ollama": {"ollama": "", "openai": "/v1", "anthropic": "/v1"},
}
"""Where a server that only speaks a family's API has it."""

KEY_HEADER: dict[Dialect, bytes] = {
    "openai": BEARER,
    "anthropic": b"x-api-key",
    "google": b"x-goog-api-key",
    "bedrock": BEARER,
    "cohere": BEARER,
    "ollama": BEARER,
}
"""The header that a family's key goes in."""


def preset_of(name: str) -> Preset | None:
    """The preset that a provider's name in the settings means, by its slug or any other name of it."""
    lower = name.lower()
    return BY_SLUG.get(ALIASES.get(lower, lower))


def names_of(name: str) -> tuple[str, ...]:
    """Every name by which rules may mean the provider of that name, its own first."""
    preset = preset_of(name)
    if preset is None:
        return (name,)
    return tuple(dict.fromkeys((name, preset.slug, *preset.aliases)))
