"""Which names of one entry of a price list are one model's."""

import pytest

from tollway.pricing.catalogue import ListedModel
from tollway.pricing.spellings import Spellings, spellings


@pytest.mark.parametrize(
    ("identifier", "names", "name", "undated", "versions"),
    [
        ("grok-4-0709", ("grok-4", "grok-4-latest"), "grok-4-latest", ("grok-4", "grok-4-latest"), ("grok-4-0709",)),
        ("gpt-5", ("gpt-5-2025-08-07", "gpt-5-codex", "gpt-5-chat-latest"), "GPT-5", ("gpt-5",), ("gpt-5-2025-08-07",)),
        ("gpt-5", ("gpt-5-codex",), "gpt-5-codex", ("gpt-5-codex",), ()),
        ("m", ("m-2024-08-06", "m-2024-11-20"), "m-20241120", ("m",), ("m-2024-11-20",)),
        (
            "claude-4-opus",
            ("claude-opus-4-20250514",),
            "claude-opus-4-0",
            ("claude-4-opus",),
            ("claude-opus-4-20250514",),
        ),
        ("claude-haiku-4-5", (), "claude-haiku-4-5-ultra", (), ()),
        ("claude-haiku-4-5", (), "claude-haiku-4-5@20251001", ("claude-haiku-4-5",), ()),
        ("gemini-2.0-flash", (), "gemini-2.0-flash-001", ("gemini-2.0-flash",), ()),
        ("x", (), "-latest", (), ()),
    ],
)
def test_versions_and_fillers_are_one_model_and_other_words_are_another(
    identifier: str, names: tuple[str, ...], name: str, undated: tuple[str, ...], versions: tuple[str, ...]
) -> None:
    assert spellings(ListedModel(id=identifier, names=names), name) == Spellings(undated, versions)
