import pytest

from tollway.pricing.catalogue import midnight
from tollway.pricing.price import HORIZON_MS, REMEMBERED, ModelLimits, PriceBook, PriceOverride, UnitPrice

MINUTE = 60_000


def units(book: PriceBook, provider: str, model: str, at_ms: int, tier: str | None = None) -> dict[str, UnitPrice]:
    price = book.price(provider, model, at_ms=at_ms, tier=tier)
    assert price is not None
    return price.units


def dollars(amount: float) -> UnitPrice:
    return UnitPrice(int(amount * 10**9), 10**6)  # type: ignore[arg-type]


def test_a_price_is_named_for_ever_with_its_source(book: PriceBook, now: int) -> None:
    price = book.price("openai", "gpt-5.6-sol", at_ms=now)
    assert price is not None
    assert price.id == "openai/gpt-5.6-sol@2026-08-21#2026-11-21"
    assert (price.provider, price.model) == ("openai", "gpt-5.6-sol")
    assert (price.effective_from, price.effective_to) == (midnight("2026-08-21"), None)
    assert price.source_url is not None and price.source_url.startswith("https://")
    before = book.price("openai", "gpt-5.6-sol", at_ms=midnight("2026-08-21") - 1)
    assert before is not None
    assert before.id == "openai/gpt-5.6-sol@always#2026-11-21"
    assert (before.effective_from, before.effective_to) == (None, midnight("2026-08-21"))
    assert book.version.startswith("genai-prices ")


def test_what_a_book_has_looked_up_it_does_not_look_up_again_until_it_may_have_changed(book: PriceBook) -> None:
    changes = midnight("2026-08-21")
    before = book.price("openai", "gpt-5.6-sol", at_ms=changes - 2)
    assert book.price("openai", "gpt-5.6-sol", at_ms=changes - 1) is before
    after = book.price("openai", "gpt-5.6-sol", at_ms=changes)
    assert after is not before
    assert book.price("openai", "gpt-5.6-sol", at_ms=changes - 1) == before


def test_deepseek_is_dearer_by_day(book: PriceBook) -> None:
    day = midnight("2025-06-01")
    night = units(book, "deepseek", "deepseek-chat", day + 29 * MINUTE)
    morning = units(book, "deepseek", "deepseek-chat", day + 30 * MINUTE)
    evening = units(book, "deepseek", "deepseek-chat", day + (16 * 60 + 30) * MINUTE)
    assert night["input"] == evening["input"] == UnitPrice(135_000_000, 10**6)
    assert morning["input"] == UnitPrice(270_000_000, 10**6)


@pytest.mark.parametrize(
    ("provider", "model", "tier", "per_million"),
    [
        ("openai", "gpt-5", None, 1.25),
        ("openai", "gpt-5", "default", 1.25),
        ("openai", "gpt-5", "flex", 0.625),
        ("openai", "gpt-5", "batch", 0.625),
        ("openai", "gpt-5", "priority", 2.5),
        ("azure-openai", "gpt-5", "priority", 2.5),
        ("anthropic", "claude-opus-4-8", "fast", 10),
        ("anthropic", "claude-opus-4-8", "priority", 5),
        ("anthropic", "claude-opus-4-8", "standard", 5),
        ("groq", "openai/gpt-oss-20b", "on_demand", 0.075),
        ("google-ai-studio", "gemini-2.5-flash", "flex", 0.3),
    ],
)
def test_a_service_tier_has_its_own_price_where_one_is_listed(
    book: PriceBook, now: int, provider: str, model: str, tier: str | None, per_million: float
) -> None:
    assert units(book, provider, model, now, tier)["input"] == dollars(per_million)


def test_a_dearer_tier_without_a_listed_price_costs_two_and_a_half_times_as_much(book: PriceBook, now: int) -> None:
    price = book.price("google", "gemini-2.5-flash", at_ms=now, tier="priority")
    assert price is not None
    assert not price.units["input"].exceeds(dollars(0.75)) and not dollars(0.75).exceeds(price.units["input"])
    assert price.units["web_search"] == UnitPrice(35_000_000_000, 1000)
    assert price.id == "google/gemini-2.5-flash@always+priority.unlisted#2026-11-21"


def test_a_tier_is_named_in_the_prices_id(book: PriceBook, now: int) -> None:
    price = book.price("openai", "gpt-5", at_ms=now, tier="flex")
    assert price is not None
    assert price.id == "openai/gpt-5@always+flex.2026-10-12#2026-11-21"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-99-unheard-of"),
        ("nobody", "gpt-5"),
        ("my-vllm", "llama"),
        ("openrouter", "stealth/crouton-alpha"),
        ("openai", "g" * 1_000_000),
    ],
)
def test_an_unknown_price_is_none_and_never_free(book: PriceBook, now: int, provider: str, model: str) -> None:
    assert book.price(provider, model, at_ms=now) is None
    # Asked again, it answers from memory.
    assert book.price(provider, model, at_ms=now) is None
    assert book.ceiling(provider, model, at_ms=now, tier=None, long_cache=False, media=False) is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "omni-moderation-latest"), ("openrouter", "deepseek/deepseek-r1:free"), ("google", "gemma-3-27b-it")],
)
def test_a_free_model_has_a_price_of_nothing(book: PriceBook, now: int, provider: str, model: str) -> None:
    price = book.price(provider, model, at_ms=now)
    assert price is not None and price.free
    assert all(unit.amount == 0 for unit in price.units.values())


def test_an_invented_name_is_not_remembered_for_ever(book: PriceBook, now: int) -> None:
    fresh = book.with_overrides([])
    for number in range(REMEMBERED + 10):
        fresh.price("nobody", f"model-{number}", at_ms=now)
        fresh.limits("nobody", f"model-{number}")
        fresh.ceiling("nobody", f"model-{number}", at_ms=now, tier=None, long_cache=False, media=False)
    assert len(fresh._prices) == len(fresh._limits) == len(fresh._ceilings) == 10


def test_a_full_memory_still_renews_what_it_has(book: PriceBook) -> None:
    fresh = book.with_overrides([])
    day = midnight("2025-06-01")
    fresh.price("deepseek", "deepseek-chat", at_ms=day)
    for number in range(REMEMBERED - 1):
        fresh.price("nobody", f"model-{number}", at_ms=day)
    fresh.price("deepseek", "deepseek-chat", at_ms=day + 60 * MINUTE)
    assert len(fresh._prices) == REMEMBERED


def test_limits_come_from_both_sources(book: PriceBook) -> None:
    assert book.limits("openai", "gpt-5") == ModelLimits(400_000, 128_000)
    assert book.limits("anthropic", "claude-sonnet-4-5-20250929") == ModelLimits(1_000_000, 64_000)
    assert book.limits("nobody", "gpt-5") == ModelLimits(None, None)
    assert book.limits("openai", "gpt-5") is book.limits("openai", "gpt-5")


def test_an_override_comes_before_the_price_list_and_before_older_overrides(book: PriceBook, now: int) -> None:
    first = book.with_overrides(
        [
            PriceOverride(provider="openai", model="gpt-5*", input="1", output="2"),
            PriceOverride(provider="openai", model="*", free=True, max_output_tokens=99),
        ]
    )
    price = first.price("openai", "GPT-5-mini", at_ms=now, tier="priority")
    assert price is not None and price.overridden
    assert price.units == {"input": dollars(1), "output": dollars(2)}
    assert price.id.startswith("openai/gpt-5-mini@settings#")
    assert first.limits("openai", "gpt-5-mini").max_output_tokens == 128_000
    assert first.limits("openai", "gpt-4o").max_output_tokens == 99
    free = first.price("openai", "anything", at_ms=now)
    assert free is not None and free.free
    second = first.with_overrides([PriceOverride(provider="openai", model="gpt-5-mini", input="7", output="7")])
    assert units(second, "openai", "gpt-5-mini", now)["input"] == dollars(7)
    assert units(second, "openai", "gpt-5", now)["input"] == dollars(1)
    assert units(book, "openai", "gpt-5", now)["input"] == dollars(1.25)


def test_an_override_gives_a_price_to_a_provider_that_no_list_knows(book: PriceBook, now: int) -> None:
    own = book.with_overrides([PriceOverride(provider="my-vllm", model="*", input="0.1", output="0.2")])
    assert units(own, "my-vllm", "llama", now)["output"] == UnitPrice(200_000_000, 10**6)
    dearest = own.ceiling("my-vllm", "llama", at_ms=now, tier=None, long_cache=False, media=False)
    assert dearest is not None and dearest.at(10).output == UnitPrice(200_000_000, 10**6)


def test_a_ceiling_looks_half_an_hour_ahead(book: PriceBook) -> None:
    day = midnight("2025-06-01")

    def output(at_ms: int) -> int:
        found = book.ceiling("deepseek", "deepseek-chat", at_ms=at_ms, tier=None, long_cache=False, media=False)
        assert found is not None
        return found.at(1).output.amount

    dear, cheap = 1_100_000_000, 550_000_000
    rises, falls = day + 30 * MINUTE, day + (16 * 60 + 30) * MINUTE
    instants = [rises - HORIZON_MS - 1, rises - HORIZON_MS, rises - 1, rises, falls - 1, falls, falls + 1]
    amounts = [cheap, dear, dear, dear, dear, cheap, cheap]
    # In any order: what is remembered of one instant must not answer for another.
    assert [output(at) for at in instants] == amounts
    assert [output(at) for at in reversed(instants)] == amounts[::-1]


def test_a_ceiling_is_remembered_while_it_holds(book: PriceBook, now: int) -> None:
    ask = {"tier": None, "long_cache": False, "media": False}
    one = book.ceiling("openai", "gpt-5", at_ms=now, **ask)  # type: ignore[arg-type]
    assert book.ceiling("openai", "gpt-5", at_ms=now + 1, **ask) is one  # type: ignore[arg-type]
    assert book.ceiling("openai", "gpt-5", at_ms=now + 1, **ask, auto_is_standard=True) is not one  # type: ignore[arg-type]


def test_a_list_is_known_by_any_name_of_its_provider(book: PriceBook) -> None:
    assert book.lists("openai") and book.lists("gemini")
    assert not book.lists("of-our-own")
