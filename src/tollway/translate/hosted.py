"""Tools that a provider runs itself. No other provider can run them, and they cost money where they are used.

An offered tool is a wish: the answer is possible without it. So it is left out and named in `lost`, and only a choice that asks for it
is refused. A tool that the caller's own machine runs, though the provider wrote its description (a shell, a computer, an editor), is
refused by the readers: without it there would be another answer.
"""

from __future__ import annotations

from collections.abc import Collection

from tollway.translate.conversation import Choice, Tool, Untranslatable

WHY = (
    "it is a tool that the provider runs, and cannot be asked for across APIs; choose a function of yours, or call a model of "
    "this API"
)


def left(
    choice: Choice | None, tools: Collection[Tool], hosted: Collection[str], place: str = "tool_choice"
) -> Choice | None:
    """The choice, now that the tools called `hosted` are left out. Raises Untranslatable where it asks for one of them."""
    if choice is None or not hosted:
        return choice
    if choice.mode == "tool" and choice.name in hosted:
        raise Untranslatable(place, WHY)
    if choice.mode == "required" and not tools:
        raise Untranslatable(place, WHY)
    if choice.allowed:
        allowed = tuple(name for name in choice.allowed if name not in hosted)
        if not allowed and choice.mode == "required":
            raise Untranslatable(place, WHY)
        choice = Choice(mode=choice.mode, allowed=allowed) if allowed else Choice(mode="none")
    # Without tools it is an error to say which of them may be called.
    return choice if tools else None
