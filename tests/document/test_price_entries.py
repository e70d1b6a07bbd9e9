import pytest

from tollway.document.price_entries import entry_ids, is_same, price_given
from tollway.pricing.overrides import PriceOverride


def entry(model: str = "gpt-4o", provider: str = "openai", **fields: str) -> PriceOverride:
    return price_given({"provider": provider, "model": model, "discount": "1%"} | fields)


def test_what_is_given_is_the_entry_as_the_file_would_have_it() -> None:
    fields = {"provider": "openai", "model": "gpt-4o*", "input": "2.5", "output": "10", "images": {"hd/1024": "0.1"}}
    assert price_given(fields) == PriceOverride(
        provider="openai", model="gpt-4o*", input="2.5", output="10", images={"hd/1024": "0.1"}
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"inputt": "1"}, 'there is no field "inputt"; the nearest is "input"'),
        ({"xyzzy": "1"}, 'there is no field "xyzzy"; there are provider, model, input, output'),
        ({"input": 2}, 'input: .*; write it in quotes: "12"'),
        ({"input": 2.5}, 'input: .*; write it in quotes: "12.50"'),
        ({"images": "1"}, "images: .*write it as kind → dollars"),
        ({"images": {"a": 1}}, r"images\[\.\.\.\]: .*in quotes"),
        ({"free": None}, "free: .*; give it a value"),
        ({"context_window": 0}, "context_window: 0 is not a number of tokens"),
        ({"max_output_tokens": -1}, "max_output_tokens: -1 is not a number"),
        ({"provider": "a/b"}, "provider: .* has a slash"),
        ({"provider": ""}, 'provider: "" is empty'),
        ({"model": "x\ud800"}, r'model: "x\?" is empty'),
        ({"model": "x\ny"}, "model: .*printed"),
        ({"model": " x"}, "model: .*space"),
        ({"model": "x" * 257}, "model: .*longer than 256"),
        ({"images": {"a\x00": "1"}}, "images, a kind: .*printed"),
    ],
)
def test_what_cannot_be_read_names_its_field_and_the_way_out(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        price_given({"provider": "openai", "model": "x"} | fields)


@pytest.mark.parametrize("missing", ["provider", "model"])
def test_an_entry_is_for_a_provider_and_a_model(missing: str) -> None:
    fields = {"provider": "openai", "model": "x", "free": True}
    del fields[missing]
    with pytest.raises(ValueError, match=f"{missing}: it is missing"):
        price_given(fields)


def test_an_id_stays_whatever_the_amounts_the_spelling_and_the_place() -> None:
    first = entry_ids([entry(), entry("gpt-5")])
    assert entry_ids([entry("gpt-5"), entry("GPT-4o", discount="5%")]) == first[::-1]
    assert entry_ids([entry("x", "azure-openai")]) == entry_ids([entry("x", "azure")])


def test_other_names_and_other_times_have_other_ids() -> None:
    dated = [entry(effective_from="2026-01-01"), entry(effective_to="2026-01-01"), entry(effective_from="2026-01-02")]
    prices = [entry(), entry("gpt-4o*"), entry("gpt-4o", "azure"), entry("o-gpt-4o"), *dated]
    assert len(set(entry_ids(prices))) == len(prices)


def test_ids_are_safe_in_a_path_and_never_the_same_twice() -> None:
    ids = entry_ids([entry("a/b?c#d%*é" * 9), entry("*"), entry("*", discount="2%"), entry("*")])
    assert all(one.isascii() and not set(one) & set("/?#%* ") for one in ids)
    assert ids[2:] == [f"{ids[1]}-2", f"{ids[1]}-3"]
    assert all(len(one) <= 64 for one in ids)


def test_entries_are_the_same_by_name_and_time() -> None:
    assert is_same(entry("GPT-4o", discount="9%"), entry())
    assert not is_same(entry(effective_from="2026-01-01"), entry())
