"""Under which name a price list has what a provider is asked for: deployments, resellers, prefixes."""

import re

_HF_PATH = re.compile(r"/(?P<by>[a-z0-9-]+)/v[0-9]")
_GOOGLE_FRONT = re.compile(r"^(?:(?:publishers/google/)?models/|google/)+", re.IGNORECASE)
_HF_LIST = "huggingface_"


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
