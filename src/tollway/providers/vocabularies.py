"""Which models cut text into which tokens, as far as that is public.

A stream that is cut is charged for what it has shown. Where the vocabulary of its model is published the text is counted
in tokens, as the provider counts it; elsewhere a byte counts as a token. The counting is `proxy/tokens.py`; this is data.
"""

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

import msgspec

Name = Literal["o200k_base", "cl100k_base", "o200k_harmony", "qwen3.5", "claude", "claude-4.7"]
"""The first four are published; Claude's are not, and bounded by their ratio to o200k (`proxy/tokens.py`)."""


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """How a family of models counts."""

    name: Name
    exact: bool = True
    """The count of a text is the provider's own; otherwise it is no less than that for ordinary text."""
    framing_tokens: int = 16
    """What an answer holds beside its text at most: its end, and how some models open their channels."""
    message_tokens: int = 4
    """What a message of the request holds beside its text."""
    request_tokens: int = 3
    """What a request holds beside its messages."""


_PLAIN_O200K = Vocabulary(name="o200k_base", framing_tokens=1)
"""Models that do not reason. Recorded answers have the tokens of their text, or one more."""
# An earlier answer is told with its channel.
_O200K = Vocabulary(name="o200k_base", message_tokens=6)
_CL100K = Vocabulary(name="cl100k_base", framing_tokens=1)
# The system message that the format opens with is 63 tokens in recorded answers.
_HARMONY = Vocabulary(name="o200k_harmony", framing_tokens=32, request_tokens=96)
_QWEN = Vocabulary(name="qwen3.5", message_tokens=6, request_tokens=32)
_CLAUDE = Vocabulary(name="claude", exact=False, message_tokens=8, request_tokens=64)
_CLAUDE_4_7 = Vocabulary(name="claude-4.7", exact=False, message_tokens=8, request_tokens=64)

_GPT: tuple[tuple[str, Vocabulary], ...] = (
    ("gpt-4o*", _PLAIN_O200K),
    ("chatgpt-4o*", _PLAIN_O200K),
    ("gpt-4.1*", _PLAIN_O200K),
    ("gpt-4.5*", _PLAIN_O200K),
    ("gpt-5*", _O200K),
    ("o1*", _O200K),
    ("o3*", _O200K),
    ("o4*", _O200K),
    ("gpt-4", _CL100K),
    ("gpt-4-*", _CL100K),
    ("gpt-3.5*", _CL100K),
    ("gpt-35*", _CL100K),
    ("davinci-002", _CL100K),
    ("babbage-002", _CL100K),
)
"""As OpenAI's tiktoken maps them (`tiktoken/model.py`)."""
_OPEN: tuple[tuple[str, Vocabulary], ...] = (("*gpt-oss*", _HARMONY), ("*qwen3.5*", _QWEN), ("*qwen3p5*", _QWEN))
# Sonnet 4.5 and Haiku 4.5 come before the vocabulary of Opus 4.7; what comes after it has that one, or is taken to.
_ANTHROPIC: tuple[tuple[str, Vocabulary], ...] = (
    *((f"claude-{name}", _CLAUDE) for name in ("2*", "3-*", "sonnet-4*", "haiku-4*", "opus-4", "opus-4@*")),
    *((f"claude-opus-4-{name}", _CLAUDE) for name in ("0*", "1*", "20*", "5*", "6*")),
    ("claude-*", _CLAUDE_4_7),
)

_OF_LISTS: dict[str, tuple[tuple[str, Vocabulary], ...]] = {
    "openai": _GPT,
    "azure": _GPT,
    "anthropic": _ANTHROPIC,
    "google-vertex": _ANTHROPIC,
    **dict.fromkeys(
        ("groq", "together", "fireworks", "cerebras", "cloudflare", "openrouter", "deepinfra", "aws-bedrock"), _OPEN
    ),
}


def vocabulary_of(price_list: str | None, model: str) -> Vocabulary | None:
    """How `model` counts at a provider whose public price list that is; `None` where it is not known.

    `None` for a provider without one: its names may mean anything.
    """
    return None if price_list is None else _found(price_list, model)


# Names come from callers: few are asked for often.
@lru_cache(maxsize=1024)
def _found(price_list: str, model: str) -> Vocabulary | None:
    name = model.lower().removeprefix("ft:").partition(":")[0] if model.startswith("ft:") else model.lower()
    for pattern, vocabulary in _OF_LISTS.get(price_list, ()):
        if fnmatchcase(name, pattern):
            return vocabulary
    return None
