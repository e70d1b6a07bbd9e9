"""Names of tools and ids of calls, spelled so that the other API takes them, and spelled back in its answers."""

from __future__ import annotations

import re
from hashlib import sha256

_MARK_LENGTH = 8
# OpenAI and Anthropic both: letters, digits, "_" and "-".
_FITS = re.compile(r"[a-zA-Z0-9_-]+")


class Spelling:
    """The names of one request. A name that fits stays as it is; any other gets a mark of its own, so that no two become one."""

    __slots__ = ("_longest", "_original")

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._original: dict[str, str] = {}

    def out(self, name: str) -> str:
        """`name` as the other API may read it; the same for the same name, always."""
        if len(name) <= self._longest and _FITS.fullmatch(name):
            return name
        mark = sha256(name.encode(errors="surrogatepass")).hexdigest()[:_MARK_LENGTH]
        plain = re.sub(r"[^a-zA-Z0-9_-]", "_", name)[: self._longest - _MARK_LENGTH - 1]
        spelled = f"{plain}_{mark}"
        self._original[spelled] = name
        return spelled

    def back(self, name: str) -> str:
        """`name`, which came in an answer, as the caller wrote it."""
        return self._original.get(name, name)
