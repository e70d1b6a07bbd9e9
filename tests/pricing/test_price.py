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


def test_a_dearer_tier_without_a_listed_price_costs_the_standard_price_and_holds_two_and_a_half_times_it(
    book: PriceBook, now: int
) -> None:
    standard = book.price("google", "gemini-2.0-flash", at_ms=now)
    assert standard is not None
    for tier in ("priority", "fast"):
        assert book.price("google", "gemini-2.0-flash", at_ms=now, tier=tier) == standard
        held = book.ceiling("google", "gemini-2.0-flash", at_ms=now, tier=tier, long_cache=False, media=False)
        plain = book.ceiling("google", "gemini-2.0-flash", at_ms=now, tier=None, long_cache=False, media=False)
        assert held is not None and plain is not None
        dearer, unit = held.at(1).input, plain.at(1).input
        assert dearer.amount * unit.per * 2 == unit.amount * dearer.per * 5
        # Searches and other fees are no dearer.
        assert held.tools == plain.tools


def test_a_dearer_tier_of_the_other_list_names_its_source(book: PriceBook, now: int) -> None:
    price = book.price("google", "gemini-2.5-flash", at_ms=now, tier="priority")
    assert price is not None
    assert price.units["input"] == dollars(0.54)
    assert price.units["web_search"] == UnitPrice(35_000_000_000, 1000)
    assert price.added["input"] == "litellm" and "web_search" not in price.added
    assert price.id == "google/gemini-2.5-flash@always+priority.always#2026-11-21"


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


def test_a_discount_is_an_exact_part_of_the_list_price_with_its_tiers(book: PriceBook, now: int) -> None:
    own = book.with_overrides([PriceOverride(provider="google", model="gemini-*", discount="15%")])
    for tier in (None, "batch", "priority"):
        listed = book.price("google", "gemini-2.5-pro", at_ms=now, tier=tier)
        less = own.price("google", "gemini-2.5-pro", at_ms=now, tier=tier)
        assert listed is not None and less is not None
        assert less.overridden and less.discounted and less.id != listed.id
        for tokens in (1, 200_001):
            for meter, unit in listed.units_at(tokens).items():
                reduced = less.units_at(tokens)[meter]
                assert reduced.amount * unit.per * 100 == unit.amount * reduced.per * 85
    # Cloud or studio, it is the same provider in the settings.
    vertex = own.price("google-vertex", "gemini-2.5-pro", at_ms=now)
    assert vertex is not None and vertex.discounted
    unknown = own.price("google", "gemini-9", at_ms=now)
    assert unknown is None


def test_a_dated_override_holds_only_in_its_time_and_is_remembered_no_longer(book: PriceBook, now: int) -> None:
    own = book.with_overrides(
        [
            PriceOverride(
                provider="openai",
                model="gpt-4o",
                input="1",
                output="2",
                effective_from="2026-12-01",
                effective_to="2027-01-01",
            )
        ]
    )
    december, january = midnight("2026-12-01"), midnight("2027-01-01")
    seen = [units(own, "openai", "gpt-4o", at)["input"] for at in (now, december - 1, december, january - 1, january)]
    assert seen == [dollars(2.5), dollars(2.5), dollars(1), dollars(1), dollars(2.5)]
    price = own.price("openai", "gpt-4o", at_ms=december)
    assert price is not None and (price.effective_from, price.effective_to) == (december, january)
    # A request that is admitted just before is held at the dearer of the two.
    held = own.ceiling(
        "openai", "gpt-4o", at_ms=january - HORIZON_MS + 1, tier="default", long_cache=False, media=False
    )
    assert held is not None and held.at(1).input == dollars(2.5)
    assert own.override("openai", "gpt-4o", at_ms=now) is None
    found = own.override("openai", "gpt-4o", at_ms=december)
    assert found is not None and found.model == "gpt-4o"


def test_the_ceiling_of_a_provider_is_above_every_text_price_of_its_list(book: PriceBook, now: int) -> None:
    for provider in ("openai", "anthropic", "google-vertex", "groq", "deepgram", "my-own"):
        ceiling = book.at_ceiling(provider)
        assert ceiling is book.at_ceiling(provider)
        assert ceiling.source == "ceiling"
        for model in book.models(provider):
            price = book.price(provider, model, at_ms=now)
            if price is not None and {"input", "output"} <= set(price.units):
                assert not price.units["input"].exceeds(ceiling.units["input"])
                assert not price.units["output"].exceeds(ceiling.units["output"])
    assert book.at_ceiling("my-own").units == book.at_ceiling("deepgram").units
    assert book.at_ceiling("my-own").units["output"] == dollars(600)


def test_a_zone_in_an_azure_name_costs_its_part_more(book: PriceBook, now: int) -> None:
    everywhere, zone = (book.price("azure", name, at_ms=now) for name in ("gpt-4o", "eu/gpt-4o"))
    assert everywhere is not None and zone is not None
    assert zone.units["input"].amount * 10 * everywhere.units["input"].per == (
        everywhere.units["input"].amount * 11 * zone.units["input"].per
    )
    assert zone.units["web_search"] == everywhere.units["web_search"]
    assert zone.id == "azure/gpt-4o@always+zone.11/10#2026-11-21"
    assert book.price("azure", "eu/unheard-of", at_ms=now) is None


def test_inference_kept_in_one_country_is_held_unless_it_is_ruled_out(book: PriceBook, now: int) -> None:
    def held(tier: str | None, **more: bool) -> UnitPrice:
        found = book.ceiling(
            "anthropic", "claude-opus-4-6", at_ms=now, tier=tier, long_cache=False, media=False, **more
        )
        assert found is not None
        return found.at(1).output

    assert not held(None).exceeds(dollars(27.5)) and held(None).exceeds(dollars(25))
    assert held("global") == held(None, auto_is_standard=True) == dollars(25)


def test_vertex_has_a_list_of_its_own_over_googles(book: PriceBook, now: int) -> None:
    assert units(book, "google-vertex-ai", "gemini-2.0-flash", now)["input"] == dollars(0.15)
    assert units(book, "google-ai-studio", "gemini-2.0-flash", now)["input"] == dollars(0.1)
    assert units(book, "vertex_ai", "gemini-2.5-pro", now)["input"] == dollars(1.25)
    assert units(book, "gcp.vertex_ai", "claude-sonnet-4-5@20250929", now)["input"] == dollars(3)
