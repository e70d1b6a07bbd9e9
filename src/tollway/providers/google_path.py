"""Google names the model and the method in the path: `/v1beta/models/gemini-2.5-flash:generateContent`."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from tollway.providers.body import Unfit

# A method never has a colon in it, a tuned model's name may; a unified path has "provider/model" in the model's place.
_PARTS = re.compile(r"(.*?(?:models|tunedModels)/)(.+):([^:/]+)", re.DOTALL)


class GooglePath(NamedTuple):
    """A path in its three parts; `model` is decoded."""

    before: str
    model: str
    method: str


def parted(path: str) -> GooglePath | None:
    """The parts of `path`, None where it names no model and method."""
    parts = _PARTS.fullmatch(unquote(path))
    return GooglePath(parts[1], parts[2], parts[3]) if parts is not None else None


def with_model(path: str, model: str) -> str:
    """`path` with another model in it, its name quoted once; `path` itself where it names none.

    A resource name of Vertex ("publishers/google/models/gemini-2.5-pro") gives its last part.
    """
    parts = parted(path)
    if parts is None:
        return path
    return f"{quote(parts.before)}{quote(model.rpartition('/')[2], safe='')}:{parts.method}"


def check_agrees(named: object, query: bytes, model: str | None) -> None:
    """Raises Unfit where the body (`named`) or the query names another model than the path: Google might answer with that
    one, and what is held, and permitted, is the path's.

    Each may be written with its folder or its author in front. What is no text is left to Google to refuse.
    """
    if model is None:
        return
    _check_one(named, model, "body")
    for name, value in parse_qsl(query.decode("latin-1")):
        # Google's servers take the fields of a request from its query too, inner ones with dots: generateContentRequest.model.
        if name.rpartition(".")[2].casefold() == "model":
            _check_one(value, model, "query")


def _check_one(named: object, model: str, where: str) -> None:
    if not isinstance(named, str) or not named:
        return
    last = model.rpartition("/")[2]
    # A version may stand in the path alone: "mistral-large@2407", whose body says "mistral-large".
    if named.rpartition("/")[2] not in (last, last.partition("@")[0]):
        raise Unfit(f'model is "{named[:60]}" in the {where} and "{model[:60]}" in the path; they must agree.')
