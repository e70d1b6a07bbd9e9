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
    "copilot": "github-copilot",
    "github_copilot": "github-copilot",
}
"""Other name → canonical slug."""


def canonical(provider: str) -> str:
    """The canonical slug of a provider named in any way; a name nobody knows stays as it is, in lower case."""
    name = provider.lower()
    return PROVIDER_ALIASES.get(name, name)
