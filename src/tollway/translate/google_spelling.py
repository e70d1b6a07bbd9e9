"""Google's two spellings of a field, `generationConfig` and `generation_config`, made one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

_UPPER = re.compile(r"_([a-z0-9])")
_OPAQUE = frozenset(
    {
        *("args", "response", "parametersJsonSchema", "responseJsonSchema", "parameters", "responseSchema"),
        *("labels", "partMetadata", "partialArgs", "fields"),
    }
)
"""Fields that hold the caller's own names, which are left as they are."""


def camel(name: str) -> str:
    """`generation_config` as `generationConfig`; a name that is so already stays."""
    return _UPPER.sub(lambda found: found[1].upper(), name)


def camelled(value: Any) -> Any:
    """`value` with all of Google's names in the first spelling. Where both are there, the first counts."""
    if isinstance(value, list):
        return [camelled(one) for one in cast("list[Any]", value)]
    if not isinstance(value, Mapping):
        return value
    fields = cast("Mapping[str, Any]", value)
    spelled: dict[str, Any] = {}
    for name, one in fields.items():
        known = camel(name)
        if known == name or known not in fields:
            spelled[known] = one if known in _OPAQUE else camelled(one)
    return spelled
