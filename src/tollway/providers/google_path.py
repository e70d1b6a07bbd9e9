"""Google names the model and the method in the path: `/v1beta/models/gemini-2.5-flash:generateContent`."""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

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
