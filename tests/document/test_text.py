import pytest

from tollway.document.alert_edit import read_fields as read_alert
from tollway.document.alert_edit import with_alert
from tollway.document.budget_edit import read_fields as read_budget
from tollway.document.budget_edit import with_budget
from tollway.document.price_edit import with_price
from tollway.document.text import parse, why_not_edited
from tollway.errors import SettingsInvalid
from tollway.pricing.overrides import PriceOverride


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


BUDGET = {"name": "b", "limit": "1", "window": {"period": "day"}}


@pytest.mark.parametrize(
    ("text", "in_braces"),
    [
        ('{"budgets": []}', True),
        ("{budgets: []}\n", True),
        ("\ufeff{budgets: []}\n", True),
        ("\n  \n# ours\n  {\n    budgets: [] }\n", True),
        ("--- {budgets: []}\n", True),
        ("%YAML 1.2\n# ours\n---   # begins\n{budgets: []}\n", True),
        ("budgets: []\n", False),
        ("\ufeffbudgets: []\n", False),
        ("---\n# {budgets: []}\nbudgets:\n  - {name: a, limit: 1, window: {period: day}}\n", False),
        ("--- # {\nkeys: []\r\n", False),
        ('"budgets": []\n', False),
    ],
)
def test_settings_in_braces_are_known_by_their_first_sign(text: str, in_braces: bool) -> None:
    """Exactly where none of the edits would be made."""
    why = why_not_edited(text, "Settings file 'a.json'")
    assert (why is not None) is in_braces
    edits = (
        lambda: with_budget(text, read_budget(BUDGET)),
        lambda: with_alert(text, read_alert({"name": "a", "when": "unpriced"})),
        lambda: with_price(text, PriceOverride(provider="openai", model="x", input="1", output="1")),
    )
    for edit in edits:
        if in_braces:
            with pytest.raises(SettingsInvalid, match="cannot be edited safely"):
                edit()
        else:
            assert parse(edit()) != parse(text)
    if why is not None:
        assert why.startswith("Settings file 'a.json' is written in braces") and "without braces" in why


def test_nothing_at_all_is_not_in_braces() -> None:
    assert why_not_edited("", "it") is why_not_edited("# only words\n", "it") is None
