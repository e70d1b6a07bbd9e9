"""What a model of Google's takes."""

import pytest

from tollway.translate.google_models import Gemini, gemini


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gemini-1.5-flash", Gemini(thinks=False, levels=False)),
        ("gemini-2.0-flash-001", Gemini(thinks=False, levels=False)),
        ("gemini-2.5-flash", Gemini(levels=False)),
        ("publishers/google/models/gemini-2.5-pro", Gemini(levels=False, least_budget=128, most_budget=32_768)),
        ("gemini-3-flash-preview", Gemini(signs=True)),
        ("gemini-3.1-pro-preview", Gemini(signs=True, least_level="LOW")),
        ("gemini-flash-latest", Gemini(signs=True)),
        ("something-else", Gemini()),
    ],
)
def test_a_models_name_tells_how_it_thinks(model: str, known: Gemini) -> None:
    assert gemini(model) == known
