"""Other models than the one that a request names, which may answer it or be run beside it: routers, fallbacks, advisors.

None of them is priced by the named model, nor meant by a rule about it.
"""

import re
from functools import lru_cache
from typing import Any, cast

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.body import ABSENT, MAX_NAME, Fields, Unread, object_at
from tollway.providers.counts import decoded
from tollway.request import Ask

MOST_NAMED = 16
"""Other models that are looked at by name; with more than that, any may be meant."""

_ROUTERS = ("models", "route", "plugins", "preset", "deferred")
_ROUTER_TOOL = "openrouter:"
_BOUNDED = frozenset({"openrouter:web_search", "openrouter:web_fetch", "openrouter:datetime"})
"""Tools of OpenRouter's that run no model of their own."""
_PICKED = re.compile(
    # Azure's "model-router" and Groq's compound systems run whichever models they choose.
    r"~.*|openrouter/(?:auto|fusion|free|bodybuilder|pareto)\b.*|(?:[^/]+/)*model-router\b.*|groq/compound\b.*",
    re.IGNORECASE | re.DOTALL,
)
_PICKED_AT = {
    "openrouter": re.compile(r"auto\b.*", re.IGNORECASE | re.DOTALL),
    "groq": re.compile(r"compound\b.*", re.IGNORECASE | re.DOTALL),
    "github-copilot": re.compile(r"auto", re.IGNORECASE),
}


class Others:
    """Collects, over one request, what it says of other models."""

    __slots__ = ("also_models", "substitutes", "uncapped")

    def __init__(self) -> None:
        self.substitutes = False
        self.also_models: tuple[str, ...] = ()
        self.uncapped: str | None = None

    def named(self, name: object) -> None:
        """Notes a model by its name; what is no name may be any model."""
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or len(self.also_models) >= MOST_NAMED:
            self.substitutes = True
        elif name not in self.also_models:
            self.also_models = (*self.also_models, name)

    def runs(self, what: str) -> None:
        """Notes what makes answers of its own, which the request's cap does not bound."""
        self.uncapped = self.uncapped or what


def substitutes(fields: Fields) -> bool:
    """Whether something else than one answer of the named model is asked for.

    OpenRouter may serve another model, or run something beside it; what xAI defers is told, with its cost, by another call.
    """
    model: object = fields.get("model")
    if type(model) is str and "@preset/" in model:
        return True
    return not fields.keys().isdisjoint(_ROUTERS) and any(fields.get(name) for name in _ROUTERS)


def others_in(fields: Fields) -> Others:
    """What the top-level fields of a body say of other models.

    The elements of its arrays have `type` and `model`. What cannot be read may name any model.
    """
    found = Others()
    found.substitutes = substitutes(fields)
    models: object = fields.get("models")
    for name in cast(list[Any], models) if isinstance(models, list) else ():
        found.named(name)
    fallbacks: object = fields.get("fallbacks")
    if fallbacks:
        # Anthropic's: each is tried with a cap of its own, where the one before it declines.
        found.substitutes = True
        found.runs("fallbacks")
        for element in cast(list[Any], fallbacks) if isinstance(fallbacks, list) else ():
            found.named(element if isinstance(element, str) else text(getattr(element, "model", None)))
    _read_compound(fields, found)
    tools: object = fields.get("tools")
    if isinstance(tools, Unread | dict):
        found.substitutes = True
    for tool in cast(list[Any], tools) if isinstance(tools, list) else ():
        _read_tool(getattr(tool, "type", None), getattr(tool, "model", ABSENT), found)
    return found


def _read_compound(fields: Fields, found: Others) -> None:
    """Groq's compound systems: `compound_custom.models` names the models that reason and answer."""
    custom: object = fields.get("compound_custom")
    if custom is None:
        return
    found.substitutes = True
    inner = object_at(fields, "compound_custom").get("models") if isinstance(custom, dict) else None
    for name, raw in values(inner).items() if isinstance(inner, msgspec.Raw) else ():
        if name.endswith("_model"):
            found.named(decoded(raw))


def _read_tool(kind: str | None, model: msgspec.Raw, found: Others) -> None:
    if kind == "image_generation" and (model is ABSENT or decoded(model) is None):
        # OpenAI chooses the model that makes the pictures.
        found.substitutes = True
    if kind is None or kind in ("function", "custom"):
        # The caller's own: whatever else stands in it is his.
        return
    runs = kind.lower().startswith("advisor")
    if kind.lower().startswith(_ROUTER_TOOL) and kind not in _BOUNDED:
        found.substitutes = runs = True
    if model is not ABSENT and decoded(model) is not None:
        found.named(decoded(model))
        runs = True
    elif kind.lower().startswith("advisor"):
        found.substitutes = True
    if runs:
        found.runs(kind)


@lru_cache(maxsize=4096)
def picks_model(kind: str, model: str | None) -> bool:
    """Whether `model` names no model but a choice among several, which is made anew for each request.

    `kind`: of the provider that is asked.
    """
    if model is None:
        return False
    there = _PICKED_AT.get(kind)
    return _PICKED.fullmatch(model) is not None or (there is not None and there.fullmatch(model) is not None)


def lets_others_serve(ask: Ask, kind: str, *models: str | None) -> bool:
    """Whether a model that nobody here knows the name of may answer. `models`: all names of the one that is asked for."""
    if ask.substitutes:
        return True
    for model in models:
        if picks_model(kind, model):
            return True
    return any(picks_model(kind, model) for model in ask.also_models)
