import pytest

from tollway.document.text import parse
from tollway.errors import SettingsInvalid


def test_an_empty_text_is_an_empty_document() -> None:
    assert parse("# nothing\n").prices == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices: [\n", "not YAML"),
        ("prices: []\nprices: []\n", '"prices" is written twice'),
        ("? [a]\n: 1\n", "plain name"),
        ("price: []\n", "unknown field"),
        ("at: 2026-99-99\n", "not YAML|unknown field"),
    ],
)
def test_a_text_that_is_no_document_is_told(text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        parse(text)


def test_an_error_names_where_the_text_is_from() -> None:
    with pytest.raises(SettingsInvalid, match=r"a/file\.yaml"):
        parse("prices: [\n", "a/file.yaml")
