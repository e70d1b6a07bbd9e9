"""What a model of Anthropic or OpenAI takes, by its name: the APIs answer 400 to a field that the model does not know.

A name that says nothing is taken for a model that some other maker serves under the same API, with the oldest form of it.
"""

from __future__ import annotations

import re

import msgspec

from tollway.translate.conversation import Reasoning, effort_of

_CLAUDE = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_OPENAI = re.compile(r"(?:^|[/.])(?:gpt-(\d+)(?:\.(\d+))?|(o)\d)(?![a-z])")
_OLD_OPENAI = re.compile(r"(?:^|[/.])(?:gpt-(?:3|4)|chatgpt-4o)")
_NEWEST = (99, 0)
_ORDER = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Claude(msgspec.Struct, frozen=True):
    """Which forms of a request a model takes that speaks Anthropic's API."""

    thinks: bool = True
    adaptive: bool = False
    """It takes `thinking: {"type": "adaptive"}` with an effort; the older ones take a budget of tokens."""
    xhigh: bool = False
    samples: bool = True
    """It takes `temperature`, `top_p` and `top_k`."""
    one_of_two: bool = False
    """It takes `temperature` or `top_p`, not both."""
    structured: bool = False
    """It takes `output_config.format`."""


def claude(model: str) -> Claude:
    """Anthropic's documentation of thinking, and the errors of its API: adaptive from 4.6 on; no sampling from 4.7 on."""
    version = _claude_version(model.lower())
    if version is None:
        return Claude()
    return Claude(
        thinks=version >= (3, 7),
        adaptive=version >= (4, 6),
        xhigh=version >= (4, 7),
        samples=version < (4, 7),
        one_of_two=version >= (4, 1),
        structured=version >= (4, 1),
    )


def _claude_version(model: str) -> tuple[int, int] | None:
    if "claude" not in model:
        return None
    found = _CLAUDE.search(model)
    if found is None:
        # "claude-mythos-preview", or an alias: the newest know the adaptive form alone.
        return _NEWEST
    return int(found[1]), int(found[2] or 0)


class OpenAI(msgspec.Struct, frozen=True):
    """Which forms of a request a model takes that speaks OpenAI's chat."""

    reasons: bool = False
    """It is one of OpenAI's own that think: it takes `max_completion_tokens`, and no temperature."""
    efforts: tuple[str, ...] = ()
    """What `reasoning_effort` may be; empty: it is not taken."""


def openai(model: str) -> OpenAI:
    """OpenAI's documentation of reasoning: which model takes which effort."""
    name = model.lower()
    if _OLD_OPENAI.search(name):
        return OpenAI()
    found = _OPENAI.search(name)
    if found is None:
        return OpenAI(efforts=("low", "medium", "high"))
    if found[3]:
        return OpenAI(reasons=True, efforts=("low", "medium", "high"))
    version = int(found[1]), int(found[2] or 0)
    if version < (5, 0):
        return OpenAI(efforts=("low", "medium", "high"))
    if "-chat" in name:
        return OpenAI(reasons=True)
    if version == (5, 0):
        return OpenAI(reasons=True, efforts=("minimal", "low", "medium", "high"))
    return OpenAI(reasons=True, efforts=("none", "low", "medium", "high", *(("xhigh",) if version >= (5, 2) else ())))


def openai_effort(model: str, reasoning: Reasoning) -> str | None:
    """The effort to ask of a chat model: the one meant, or the next lower that it takes; `None` where nothing can be said.

    Never a higher one, which would cost more, but for a model that cannot think less than it does.
    """
    wanted, known = effort_of(reasoning), openai(model).efforts
    if wanted is None or wanted in known:
        return wanted
    if wanted == "none":
        return None
    lower = [effort for effort in known if effort != "none" and _ORDER.index(effort) <= _ORDER.index(wanted)]
    return lower[-1] if lower else next((effort for effort in known if effort != "none"), None)
