"""A call of Google's whose arguments come piece by piece (`partialArgs`), put together.

A piece names its place by a path in the arguments ("$.city", "$.stops[0].name"); texts at one place are pieces of one text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from tollway.translate.fields import object_in, objects_in, text_in

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_MOST_ELEMENTS = 10_000
"""Of one array: a place further out is noise, and would fill the memory."""
_MOST_STEPS = 64


class Partial:
    """One call; `part` is the part that began it."""

    __slots__ = ("_call", "_continued", "_part")

    def __init__(self, part: Mapping[str, Any]) -> None:
        self._part = part
        call = object_in(part.get("functionCall"))
        self._call: dict[str, Any] = {**call, "args": dict(object_in(call.get("args")))}
        self._call.pop("partialArgs", None)
        self._call.pop("willContinue", None)
        self._continued: set[str] = set()

    def take(self, call: Mapping[str, Any]) -> None:
        """The next pieces."""
        for piece in objects_in(call.get("partialArgs")):
            path = text_in(piece.get("jsonPath"))
            steps = [
                int(found[2]) if found[2] else found[1] or found[3] or found[4] or ""
                for found in _STEP.finditer(path.removeprefix("$"))
            ]
            if not steps or len(steps) > _MOST_STEPS or isinstance(steps[0], int):
                continue
            args = self._call["args"]
            if "stringValue" in piece:
                args = _placed(args, steps, text_in(piece["stringValue"]), joined=path in self._continued)
                if piece.get("willContinue") is True:
                    self._continued.add(path)
                else:
                    self._continued.discard(path)
            elif "numberValue" in piece or "boolValue" in piece:
                args = _placed(args, steps, piece.get("numberValue", piece.get("boolValue")))
            elif "nullValue" in piece:
                args = _placed(args, steps, None)
            self._call["args"] = args

    def part(self) -> dict[str, Any]:
        """The whole part, as an answer that is not streamed would have it."""
        return {**self._part, "functionCall": self._call}


def _placed(at: Any, steps: list[int | str], value: Any, *, joined: bool = False) -> Any:
    """What stands at a place once `value` was put where the steps lead from it."""
    if not steps:
        return at + value if joined and isinstance(at, str) else value
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        places = cast("list[Any]", at) if isinstance(at, list) else []
        if step < _MOST_ELEMENTS:
            places += [None] * (step + 1 - len(places))
            places[step] = _placed(places[step], rest, value, joined=joined)
        return places
    fields = cast("dict[str, Any]", at) if isinstance(at, dict) else {}
    fields[step] = _placed(fields.get(step), rest, value, joined=joined)
    return fields
