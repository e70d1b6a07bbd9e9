"""One name for each provider, and the other names people use for it."""

PROVIDER_ALIASES: dict[str, str] = {
    # Cloudflare AI Gateway's provider slugs.
    "google-ai-studio": "google",
    "google-vertex-ai": "google",
    "azure-openai": "azure",
    "workers-ai": "cloudflare",
    "perplexity-ai": "perplexity",
    "grok": "xai",
    # The names that genai-prices, LiteLLM and the OpenTelemetry conventions use.
    "gemini": "google",
    "google-gemini": "google",
    "google-vertex": "google",
    "vertex_ai": "google",
    "vertex": "google",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "aws": "aws-bedrock",
    "aws.bedrock": "aws-bedrock",
    "aws-bedrock-mantle": "aws-bedrock",
    "bedrock": "aws-bedrock",
    "amazon": "aws-bedrock",
    "x-ai": "xai",
    "x_ai": "xai",
    "mistral-ai": "mistral",
    "mistralai": "mistral",
    "mistral_ai": "mistral",
    "together-ai": "together",
    "together_ai": "together",
    "togetherai": "together",
    "fireworks-ai": "fireworks",
    "fireworks_ai": "fireworks",
    "moonshot": "moonshotai",
    "voyage": "voyageai",
    "hf": "huggingface",
    "huggingface-router": "huggingface",
    "dashscope": "alibaba",
    "fal-ai": "fal",
    "fal_ai": "fal",
    "jina_ai": "jina",
    "jina-ai": "jina",
    "black_forest_labs": "black-forest-labs",
    "vercel_ai_gateway": "vercel",
    "lambda_ai": "lambda",
    "copilot": "github-copilot",
    "github_copilot": "github-copilot",
}
"""Other name → canonical slug."""

VERTEX = "google-vertex"
"""The price list of Vertex AI; what it does not have is as in Google's."""

_VERTEX = frozenset({"google-vertex-ai", "google-vertex", "vertex_ai", "vertex", "gcp.vertex_ai"})


def canonical(provider: str) -> str:
    """The canonical slug of a provider named in any way; a name nobody knows stays as it is, in lower case."""
    name = provider.lower()
    return PROVIDER_ALIASES.get(name, name)


def price_list(provider: str) -> str:
    """The slug of the price list that holds for a provider named in any way.

    It is the provider's own slug, but for Vertex AI: it is Google, and bills some models at other prices than the
    Gemini API does.
    """
    name = provider.lower()
    return VERTEX if name in _VERTEX else PROVIDER_ALIASES.get(name, name)
