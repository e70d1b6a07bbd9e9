"""The price book as people read it."""

from tollway.pricing.listing import listing, listings
from tollway.pricing.price import PriceBook, PriceOverride


def test_every_priced_model_of_a_provider_is_listed(book: PriceBook, now: int) -> None:
    found = list(listings(book, at_ms=now, provider="anthropic"))
    assert {one.model for one in found if one.price is not None} >= set(book.models("anthropic"))
    opus = next(one for one in found if one.model == "claude-opus-4-8")
    assert opus.source == "genai-prices" and opus.override is None
    assert set(opus.tiers) == {"batch", "fast", "us"}
    assert opus.price is not None
    assert not opus.price.units["input"].exceeds(opus.tiers["us"].units["input"])


def test_the_whole_book_can_be_listed(book: PriceBook, now: int) -> None:
    found = list(listings(book, at_ms=now))
    assert len(found) > 4_000
    assert {one.source for one in found} >= {"genai-prices", "litellm", None}
    assert all(one.price is None or one.price.units for one in found)


def test_a_price_in_time_is_listed_with_its_dates(book: PriceBook, now: int) -> None:
    found = listing(book, "deepseek", "deepseek-v4-flash", at_ms=now)
    assert len(found.dates) == 5
    assert [dated.since is not None for dated in found.dates] == [False, True, True, False, False]
    assert [dated.daily for dated in found.dates] == [None, None, None, "01:00-04:00", "06:00-10:00"]
    assert len({dated.price.id for dated in found.dates}) == 5


def test_a_name_is_listed_as_the_model_it_means_with_the_override_that_holds(book: PriceBook, now: int) -> None:
    own = book.with_overrides([PriceOverride(provider="openai", model="gpt-4o*", discount="10%")])
    found = listing(own, "openai", "gpt-4o-2024-08-06", at_ms=now)
    assert (found.model, found.override, found.source) == ("gpt-4o", "openai/gpt-4o*", "genai-prices")
    assert found.price is not None and found.price.discounted
    assert found.limits.max_output_tokens == 16_384


def test_what_nobody_knows_is_listed_without_a_price(book: PriceBook, now: int) -> None:
    found = listing(book, "nobody", "nothing", at_ms=now)
    assert found.price is None and found.source is None and found.tiers == {} and found.dates == ()


def test_a_provider_of_the_settings_alone_is_one_of_the_providers(book: PriceBook) -> None:
    own = book.with_overrides([PriceOverride(provider="my-vllm", model="*", input="1", output="1")])
    assert own.providers() == (*book.providers(), "my-vllm")
    assert own.listed("my-vllm") == ()


def test_every_entry_with_a_price_is_listed_with_it_though_its_id_may_be_no_name(book: PriceBook, now: int) -> None:
    for provider in ("fireworks", "aws-bedrock", "openai"):
        found = {one.model: one for one in listings(book, at_ms=now, provider=provider)}
        for listed in book.listed(provider):
            assert (found[listed.id].price is not None) == bool(listed.prices), listed.id
            assert found[listed.id].is_listed
            assert listing(book, provider, listed.id, at_ms=now).price == found[listed.id].price


def test_an_own_price_holds_for_the_name_that_a_listed_model_is_priced_as(book: PriceBook, now: int) -> None:
    named = {one.model: one.priced_as for one in listings(book, at_ms=now, provider="mistral")}
    own = book.with_overrides([PriceOverride(provider="mistral", model=named["codestral"], input="7", output="7")])
    price = {one.model: one.price for one in listings(own, at_ms=now, provider="mistral")}["codestral"]
    assert named["codestral"] == "codestral-2501" and price is not None and price.source == "settings"
    assert listing(book, "mistral", "codestral-latest", at_ms=now).priced_as == "codestral-latest"
    assert listing(book, "mistral", "nobody-knows-it", at_ms=now).priced_as == "nobody-knows-it"


def test_the_list_price_is_told_beside_that_of_the_settings(book: PriceBook, now: int) -> None:
    own = book.with_overrides([PriceOverride(provider="openai", model="gpt-4o", input="1", output="1")])
    found = listing(own, "openai", "gpt-4o", at_ms=now)
    plain = listing(book, "openai", "gpt-4o", at_ms=now)
    assert found.price is not None and found.price.overridden
    assert found.list_price == plain.list_price == plain.price


def test_only_what_is_wanted_is_looked_up_and_the_settings_come_last(book: PriceBook, now: int) -> None:
    own = book.with_overrides(
        [
            PriceOverride(provider="my-vllm", model="*", input="1", output="1"),
            PriceOverride(provider="openai", model="gpt-of-mine", input="1", output="1"),
            PriceOverride(provider="openai", model="gpt-4o*", input="1", output="1"),
        ]
    )
    assert own.overrides[0].provider == "my-vllm"
    assert [one.model for one in listings(own, at_ms=now, provider="my-vllm")] == ["*"]
    wanted = listings(own, at_ms=now, provider="openai", named=lambda _, name: name in ("gpt-4o", "gpt-of-mine"))
    assert [one.model for one in wanted] == ["gpt-4o", "gpt-of-mine"]
    assert [one.model for one in listings(own, at_ms=now, provider="openai")][-1] == "gpt-of-mine"
