"""Which models show every token they bill.

A stream that is cut is counted by the bytes it has shown. That is a fair count only where nothing is made unseen: a
model that reasons in hiding may have billed its whole cap before its first visible byte. Models are listed here that
are known not to; any other is taken to hide something, and its cut stream costs its hold.
"""

from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from tollway.request import Ask


class Shown(msgspec.Struct, frozen=True):
    """Models that show what they bill."""

    price_list: str
    patterns: tuple[str, ...]
    """Of names in lower case."""
    reason: str
    source: str
    never_reasons: bool = False
    """They cannot reason, whatever a request asks for."""


_MODELS = "the provider's list of models"

VISIBLE: tuple[Shown, ...] = (
    Shown(
        "openai",
        ("gpt-3.5*", "gpt-4*", "chatgpt-4o*", "davinci*", "babbage*"),
        "They do not reason; the o-series and GPT-5 do, and chat streams carry nothing of it.",
        f'OpenAI, "Reasoning models", and {_MODELS}',
        never_reasons=True,
    ),
    Shown(
        "anthropic",
        ("claude-2*", "claude-3-*", "claude-opus-4*", "claude-sonnet-4*", "claude-haiku-4*"),
        "They think only where the request asks for it; then only a summary of it is streamed.",
        'Anthropic, "Building with extended thinking"',
    ),
    Shown(
        "google",
        ("gemini-1.5*", "gemini-2.0*"),
        "They do not think; from Gemini 2.5 on models do unless told not to, and thoughts are not streamed.",
        f'Google, "Gemini thinking", and {_MODELS}',
    ),
    Shown(
        "google-vertex",
        ("gemini-1.5*", "gemini-2.0*", "claude-3-*", "claude-opus-4*", "claude-sonnet-4*", "claude-haiku-4*"),
        "As at Google AI Studio and at Anthropic.",
        'Google, "Gemini thinking"; Anthropic, "Building with extended thinking"',
    ),
    Shown(
        "azure",
        ("gpt-3.5*", "gpt-35*", "gpt-4*"),
        "As at OpenAI.",
        'OpenAI, "Reasoning models"',
        never_reasons=True,
    ),
    Shown(
        "aws-bedrock",
        (
            *(
                "*anthropic.claude-3-*",
                "*anthropic.claude-opus-4*",
                "*anthropic.claude-sonnet-4*",
                "*anthropic.claude-haiku-4*",
            ),
            *("*amazon.nova-micro*", "*amazon.nova-lite*", "*amazon.nova-pro*", "*amazon.titan*", "*meta.llama*"),
            *("*mistral.mi*", "*cohere.command*", "*ai21.*"),
        ),
        "They do not reason, or only where the request asks for it, and then they stream it.",
        f'AWS, "Supported foundation models", and {_MODELS}',
    ),
    *(
        Shown(
            price_list,
            ("*llama-3*", "*llama-4*", "*llama3*", "*llama-v3*", "*mixtral*", "*mistral-*", "*gemma*", "*qwen2*"),
            "Open-weight models that do not reason.",
            _MODELS,
        )
        for price_list in (
            "groq",
            "together",
            "fireworks",
            "cerebras",
            "cloudflare",
            "openrouter",
            "mistral",
            "deepinfra",
        )
    ),
    Shown("mistral", ("open-*", "codestral*", "ministral*", "pixtral*"), "They do not reason.", _MODELS),
    Shown("cohere", ("command-r*", "command-light*", "c4ai-*"), "They do not reason.", _MODELS),
    Shown(
        "deepseek",
        ("deepseek-chat", "deepseek-reasoner", "deepseek-v3*"),
        "Reasoning is streamed in full, as `reasoning_content`.",
        'DeepSeek, "Reasoning model"',
    ),
    Shown("xai", ("grok-2*", "*non-reasoning*"), "They do not reason.", _MODELS),
)

_HIDING = ("*thinking*", "*reasoning*")
"""Reasoning variants under an older family's name: gemini-2.0-flash-thinking-exp."""


def shows_every_token(price_list: str | None, model: str | None, ask: Ask) -> bool:
    """Whether the bytes of a stream of `model` bound the tokens it bills.

    `price_list`: the public price list that holds at the provider; `None` for one that has none, of which nothing is known.
    """
    if price_list is None or ask.hides:
        return False
    return model is not None and _listed(price_list, model.lower(), ask.reasons)


@lru_cache(maxsize=1024)
def _listed(price_list: str, model: str, reasons: bool) -> bool:
    if any(fnmatchcase(model.replace("non-reasoning", ""), pattern) for pattern in _HIDING):
        return False
    return any(
        fnmatchcase(model, pattern)
        for shown in VISIBLE
        if shown.price_list == price_list and (shown.never_reasons or not reasons)
        for pattern in shown.patterns
    )
