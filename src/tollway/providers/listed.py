"""Under which name a price list has what a provider is asked for: deployments, resellers, prefixes."""

import re

_HF_PATH = re.compile(r"/(?P<by>[a-z0-9-]+)/v[0-9]")
_GOOGLE_FRONT = re.compile(r"^(?:(?:publishers/google/)?models/|google/)+", re.IGNORECASE)
_HF_LIST = "huggingface_"
_OLLAMA_FRONT = re.compile(r"^(?:registry\.ollama\.ai/)?(?:library/)?", re.IGNORECASE)
_VARIANTS = re.compile(r"(?:(?::[\w-]+)+|@preset/.*)$", re.DOTALL)
_COMPOUND = re.compile(r"compound(?:-mini)?", re.IGNORECASE)


def listed_as(kind: str, price_list: str | None, model: str, path: str) -> tuple[str | None, str]:
    """The price list, and the model's name in it, for `model` called at `path` of a provider of that kind.

    Hugging Face's router sells what others serve, each at its own price: the one named in the path ("/nebius/v1/...") or
    behind the model's name ("org/model:nebius"). On their OpenAI paths Google's take a model with its folder in front, and
    Vertex with its author.
    """
    if kind == "huggingface":
        name, colon, by = model.rpartition(":")
        if colon:
            return f"{_HF_LIST}{by}", name
        found = _HF_PATH.match(path)
        return (f"{_HF_LIST}{found['by']}" if found is not None else price_list), model
    if kind in ("google", "google-vertex"):
        model = _GOOGLE_FRONT.sub("", model)
    if kind == "google" and model.startswith("claude"):
        # The list has what Vertex sells too, Claude among it; AI Studio does not.
        return None, model
    return price_list, model


def spelled_alike(family: str, model: str) -> tuple[str, ...]:
    """Other names by which a provider of that family knows the very same model: Ollama adds its library and "latest" itself."""
    if family != "ollama" or not model:
        return ()
    plain = _OLLAMA_FRONT.sub("", model)
    head, _, tag = plain.rpartition("/")
    name, colon, version = tag.partition(":")
    if colon and version.lower() != "latest":
        named = (plain,)
    else:
        bare = f"{head}/{name}" if head else name
        named = (bare, f"{bare}:latest")
    return named if head else (*named, *(f"library/{one}" for one in named))


def without_variant(kind: str, model: str) -> str:
    """The model that a name at OpenRouter is a variant of: ":nitro", ":online" and the like say how it is served."""
    return _VARIANTS.sub("", model) if kind == "openrouter" else model


def own_name(kind: str, model: str) -> str:
    """The provider's own name of the model that is written `model` behind the provider's: what it calls `openrouter/auto`, or
    `groq/compound`, begins with its name as all of its names, or some, begin with an author's."""
    if kind == "openrouter" and "/" not in model and not model.startswith("@"):
        return f"openrouter/{model}"
    if kind == "groq" and _COMPOUND.fullmatch(model) is not None:
        return f"groq/{model}"
    return model
