import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.document.price_edit import entry_text, with_price, without_entry, without_price
from tollway.document.text import parse
from tollway.errors import SettingsInvalid
from tollway.pricing.overrides import PriceOverride

TEXT = """\
# Settings, with a comment above
providers:
  openai: {api_key: "env:KEY"}   # and one behind

prices:
  # the local one
  - {provider: local, model: "*", free: true}   # stays free
  # negotiated
  - provider: openai
    model: gpt-4o*
    discount: "10%"     # until renegotiated
    # a comment inside

  - {provider: openai, model: gpt-5, input: "1", output: "2"}
budgets: []   # the end
"""
PRICE = PriceOverride(provider="openai", model="gpt-4o", input="2", output="8")


def test_a_new_entry_stands_before_the_first_that_would_hold_instead_of_it() -> None:
    text = with_price(TEXT, PRICE)
    line = '  - {provider: openai, model: "gpt-4o", input: "2", output: "8"}\n'
    assert text == TEXT.replace("  # negotiated\n", line + "  # negotiated\n")


def test_a_wider_pattern_stands_behind_the_narrower_ones() -> None:
    wide = PriceOverride(provider="openai", model="*", discount="1%")
    assert [price.model for price in parse(with_price(TEXT, wide)).prices] == ["*", "gpt-4o*", "gpt-5", "*"]


def test_an_entry_for_the_same_name_is_replaced_where_it_stands() -> None:
    text = with_price(TEXT, PriceOverride(provider="openai", model="gpt-4o*", discount="12%"))
    assert (
        '  # negotiated\n  - {provider: openai, model: "gpt-4o*", discount: "12%"}     # until renegotiated\n' in text
    )
    assert len(parse(text).prices) == 3
    assert with_price(text, PriceOverride(provider="openai", model="gpt-4o*", discount="12%")) == text


def test_an_entry_for_a_time_stands_before_the_one_for_always() -> None:
    dated = PriceOverride(provider="openai", model="gpt-5", free=True, effective_from="2026-07-01")
    text = with_price(TEXT, dated)
    assert [price.effective_from for price in parse(text).prices] == [None, None, "2026-07-01", None]
    assert with_price(text, dated) == text


def test_an_entry_that_another_hides_is_moved_before_it() -> None:
    hidden = TEXT.replace("model: gpt-4o*", 'model: "*"')
    text = with_price(hidden, PriceOverride(provider="openai", model="gpt-5", input="3", output="4"))
    assert [(price.model, price.input) for price in parse(text).prices] == [("*", None), ("gpt-5", "3"), ("*", None)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "providers: {}",
        "providers: {}\n",
        "providers: {}\nprices: []\n",
        "prices: []  # none\n",
    ],
)
def test_the_first_entry_makes_the_list(text: str) -> None:
    if not text:
        with pytest.raises(SettingsInvalid):
            with_price(text, PRICE)
        return
    made = with_price(text, PRICE)
    assert parse(made).prices == [PRICE]
    assert made.count("providers") == text.count("providers")
    assert "# none" in made or "# none" not in text


def test_a_list_in_brackets_becomes_a_block_with_its_entries_as_written() -> None:
    text = 'prices: [{provider: a, model: "*", free: true}, {provider: b, model: x, discount: "1%"}]  # both\n'
    made = with_price(text, PRICE)
    assert made.startswith('prices:\n  - {provider: a, model: "*", free: true}\n  - {provider: b, model: x')
    assert [price.provider for price in parse(made).prices] == ["a", "b", "openai"]
    assert "# both" in made


def test_ends_of_lines_stay_as_they_are() -> None:
    made = with_price(TEXT.replace("\n", "\r\n"), PRICE)
    assert made.replace("\r\n", "\n") == with_price(TEXT, PRICE)
    assert "\n" not in made.replace("\r\n", "")


@pytest.mark.parametrize(
    "text",
    [
        '{"providers": {}, "prices": []}',
        "prices:\n  - &one {provider: a, model: x, free: true}\n  - *one\n  -\n    provider: openai\n    model: gpt-4o\n    free: true\n",
        "providers: {}\n...\n",
        "providers: {}\n---\nprices: []\n",
    ],
)
def test_what_cannot_be_edited_safely_is_told_with_the_line_to_write(text: str) -> None:
    with pytest.raises(SettingsInvalid):
        with_price(text, PRICE)


def test_the_line_to_write_by_hand_is_told() -> None:
    with pytest.raises(
        SettingsInvalid, match=r'write it yourself, under prices: - \{provider: openai, model: "gpt-4o"'
    ):
        with_price('{"providers": {}}', PRICE)


def test_taking_entries_out_leaves_the_rest_as_it_is() -> None:
    text, gone = without_price(TEXT, "openai", "GPT-5")
    assert gone == 1
    assert text == TEXT.replace('  - {provider: openai, model: gpt-5, input: "1", output: "2"}\n', "")
    text, gone = without_price(with_price(text, PRICE), "openai", "gpt-4o*")
    assert [price.model for price in parse(text).prices] == ["*", "gpt-4o"]
    assert without_price(TEXT, "openai", "none") == (TEXT, 0)


def test_the_last_entry_takes_the_list_with_it() -> None:
    assert without_price(with_price("providers: {}\n", PRICE), "openai", "gpt-4o") == ("providers: {}\n", 1)


def test_one_entry_of_several_for_a_name_is_taken_out_with_its_comment() -> None:
    text = without_entry(TEXT, 1)
    assert [price.model for price in parse(text).prices] == ["*", "gpt-5"]
    assert "# negotiated" not in text
    assert "# the local one" in text
    dated = with_price(TEXT, PriceOverride(provider="openai", model="gpt-5", free=True, effective_from="2026-07-01"))
    assert without_entry(dated, 2) == TEXT


names = st.sampled_from(["openai", "local", "my provider", "null", "1", "x:y"])
models = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=12)
amounts = st.decimals(0, 1000, places=3).map(str)
priced = st.builds(
    lambda provider, model, first, second, free: PriceOverride(
        provider=provider,
        model=model,
        input=None if free else first,
        output=None if free else second,
        free=free,
    ),
    names,
    models,
    amounts,
    amounts,
    st.booleans(),
)


@given(price=priced)
def test_an_entry_reads_as_it_was_meant(price: PriceOverride) -> None:
    assert parse(f"prices:\n  - {entry_text(price)}\n").prices == [price]


@settings(max_examples=25, deadline=None)
@given(prices=st.lists(priced, max_size=4))
def test_any_changes_one_after_the_other_keep_every_comment_and_the_last_word(prices: list[PriceOverride]) -> None:
    text = TEXT
    for price in prices:
        text = with_price(text, price)
        assert price in parse(text).prices
    for line in ("# Settings, with a comment above", "# and one behind", "# the local one", "# the end"):
        assert line in text
    for price in prices:
        text, _ = without_price(text, price.provider, price.model)
        assert all((old.provider, old.model) != (price.provider, price.model) for old in parse(text).prices)
