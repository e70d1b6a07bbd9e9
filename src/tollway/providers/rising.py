"""Counts that a stream repeats as it goes: each later event stands for those before it, but no count of tokens falls."""

from __future__ import annotations

from typing import Any, cast

from tollway.providers.counts import Reported, count

_TOKENS = ("tokens", "TokenCount", "tokenCount")


class Rising:
    """The usage that a stream has told so far.

    What has been made cannot be taken back: a count that comes lower than it was, as zero at the end for example, is left as
    high as it was, and `fell` says so, unless a later event tells more again. What is no count of tokens is the last one told.
    """

    __slots__ = ("_below", "told")

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self._below: dict[str, tuple[int, int]] = {}
        """By name: the count that stands, and the lower one that was told last."""

    def add(self, usage: Reported | None) -> None:
        """Takes the usage of one event in; a null takes nothing back."""
        if usage:
            self._raise(self.told, usage, "")

    @property
    def fell(self) -> str | None:
        """Why the counts are not to be trusted as they were told last; `None` where they are."""
        for name, (most, last) in self._below.items():
            return f"{name} was {most} and fell to {last} within the stream; billed as {most}"
        return None

    def _raise(self, known: dict[str, Any], later: Reported, at: str) -> None:
        for name, value in later.items():
            if value is None:
                continue
            before: object = known.get(name)
            if isinstance(value, dict) and isinstance(before, dict):
                self._raise(cast(dict[str, Any], before), cast(Reported, value), f"{at}{name}.")
                continue
            most = count(before) if before is not None and name.endswith(_TOKENS) else None
            now = count(cast(object, value)) if most is not None else None
            if most is not None and now is not None and now < most:
                self._below[at + name] = (most, now)
                continue
            known[name] = value
            if self._below:
                self._below.pop(at + name, None)
