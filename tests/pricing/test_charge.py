import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.errors import UsageInvalid
from tollway.money import MOST_AT_ONCE, Money
from tollway.pricing.charge import Charge, Unpriced, charge, charge_report, presumed, stated, with_known
from tollway.pricing.price import PriceBook, PriceOverride
from tollway.pricing.units import NOTHING, Price, PriceTier, UnitPrice
from tollway.usage import Report, Step, Usage


def price(**units: int) -> Price:
    """A price in nanodollars for one token, search or second."""
    return Price(id="p", provider="p", model="m", units={m: UnitPrice(Money(n), 1) for m, n in units.items()})


ALL = price(
    input=10,
    cache_read=1,
    cache_write=12,
    cache_write_1h=20,
    cache_read_audio=4,
    input_audio=40,
    input_image=15,
    input_video=16,
    output=50,
    reasoning=30,
    output_audio=80,
    output_image=90,
)


def quantities(charged: Charge) -> dict[str, int]:
    return {line.meter: line.quantity for line in charged.lines}


def test_inclusive_counts_become_disjoint_lines() -> None:
    usage = Usage(
        input_tokens=1000,
        cache_read_input_tokens=300,
        cache_read_audio_tokens=50,
        cache_creation_input_tokens=200,
        cache_creation_1h_input_tokens=80,
        input_audio_tokens=90,
        input_image_tokens=30,
        input_video_tokens=20,
        output_tokens=500,
        reasoning_output_tokens=100,
        output_audio_tokens=60,
        output_image_tokens=40,
    )
    charged = charge(usage, ALL)
    assert quantities(charged) == {
        "input": 410,
        "cache_read": 250,
        "cache_read_audio": 50,
        "cache_write": 120,
        "cache_write_1h": 80,
        "input_audio": 40,
        "input_image": 30,
        "input_video": 20,
        "output": 300,
        "reasoning": 100,
        "output_audio": 60,
        "output_image": 40,
    }
    assert sum(line.quantity for line in charged.lines) == 1500
    assert charged.amount == sum(line.amount for line in charged.lines)
    assert (charged.price_id, charged.basis) == ("p", "metered")


@pytest.mark.parametrize(
    ("priced", "billed"),
    [
        # Each part without a price of its own is billed as what it is part of.
        (price(input=10, output=50), {"input": 1000, "output": 500}),
        (price(input=10, cache_write=12, output=50), {"input": 800, "cache_write": 200, "output": 500}),
        (price(input=10, cache_read=1, output=50), {"input": 700, "cache_read": 300, "output": 500}),
        (
            price(input=10, cache_write=12, cache_write_1h=20, output=50),
            {"input": 800, "cache_write": 120, "cache_write_1h": 80, "output": 500},
        ),
        # Audio from a cache has two wholes; it is billed once, as audio.
        (
            price(input=10, cache_read=1, input_audio=40, output=50),
            {"input": 660, "cache_read": 250, "input_audio": 90, "output": 500},
        ),
        (price(input=10, input_audio=40, output=50), {"input": 910, "input_audio": 90, "output": 500}),
        (price(input=10), {"input": 1000}),
    ],
)
def test_what_has_no_price_is_billed_as_the_whole_it_is_part_of(priced: Price, billed: dict[str, int]) -> None:
    usage = Usage(
        input_tokens=1000,
        cache_read_input_tokens=300,
        cache_read_audio_tokens=50,
        cache_creation_input_tokens=200,
        cache_creation_1h_input_tokens=80,
        input_audio_tokens=90,
        output_tokens=500,
        reasoning_output_tokens=100,
    )
    assert quantities(charge(usage, priced)) == billed


def test_media_that_came_from_a_cache_or_went_into_one_is_billed_once_as_media() -> None:
    priced = price(input=10, cache_read=1, cache_write=12, input_image=15, output=50)
    read = Usage(input_tokens=100, cache_read_input_tokens=80, input_image_tokens=60)
    assert quantities(charge(read, priced)) == {"cache_read": 40, "input_image": 60}
    written = Usage(input_tokens=100, cache_creation_input_tokens=80, input_image_tokens=60)
    assert quantities(charge(written, priced)) == {"cache_write": 40, "input_image": 60}
    both = Usage(input_tokens=100, cache_read_input_tokens=30, cache_creation_input_tokens=70, input_image_tokens=60)
    assert quantities(charge(both, priced)) == {"cache_write": 40, "input_image": 60}


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input_tokens=10, cache_read_input_tokens=11),
        Usage(input_tokens=-1),
        Usage(output_tokens=5, reasoning_output_tokens=6),
        Usage(input_tokens=10, input_audio_tokens=11),
        Usage(input_tokens=10, cache_read_input_tokens=2, input_audio_tokens=9, cache_read_audio_tokens=3),
        Usage(input_tokens=10, cache_read_input_tokens=9, input_audio_tokens=2, cache_read_audio_tokens=3),
        Usage(input_tokens=10, cache_creation_input_tokens=1, cache_creation_1h_input_tokens=2),
        Usage(input_tokens=10, input_image_tokens=6, input_video_tokens=5),
        Usage(output_tokens=10, output_audio_tokens=6, output_image_tokens=5),
    ],
)
def test_a_part_that_exceeds_its_whole_is_an_error(usage: Usage) -> None:
    with pytest.raises(UsageInvalid):
        charge(usage, ALL)


def test_each_line_is_rounded_up_once() -> None:
    sub = Price(
        id="p",
        provider="p",
        model="m",
        units={"input": UnitPrice(Money(37_500_000), 10**6), "output": UnitPrice(Money(1), 10**6)},
    )
    charged = charge(Usage(input_tokens=3, output_tokens=1), sub)
    assert [line.amount for line in charged.lines] == [113, 1]
    assert charged.amount == 114


def test_a_long_request_costs_the_long_price_whole() -> None:
    base = price(input=10, output=50)
    long = msgspec.structs.replace(base, tiers=(PriceTier(100, price(input=20, output=70).units),))
    assert charge(Usage(input_tokens=100, output_tokens=1), long).amount == 1050
    assert charge(Usage(input_tokens=101, output_tokens=1), long).amount == 2090


def test_searches_requests_images_and_seconds_have_lines_of_their_own() -> None:
    priced = price(input=10, web_search=7, request=3, image=5, audio_seconds=2)
    usage = Usage(input_tokens=1, web_searches=2, file_searches=1, images=4, input_audio_seconds=6)
    charged = charge(usage, priced)
    assert quantities(charged) == {
        "input": 1,
        "request": 1,
        "image": 4,
        "audio_seconds": 6,
        "web_search": 2,
        "file_search": 1,
    }
    # $2.50 a thousand, where the price list does not say.
    assert charged.amount == 10 + 3 + 20 + 12 + 14 + 2_500_000


def test_audio_is_billed_by_its_own_seconds_and_for_no_less_than_the_least() -> None:
    whisper = msgspec.structs.replace(
        price(audio_seconds=9, input_audio_seconds=2), at_least={"input_audio_seconds": 10}
    )
    assert quantities(charge(Usage(input_audio_seconds=3), whisper)) == {"input_audio_seconds": 10}
    assert quantities(charge(Usage(input_audio_seconds=11), whisper)) == {"input_audio_seconds": 11}
    assert charge(Usage(input_audio_seconds=3), price(input=1)).lines == ()
    assert charge(Usage(images=3), price(input=1)).lines == ()


def test_a_free_model_costs_nothing_and_says_what_it_did() -> None:
    free = Price(id="p", provider="p", model="m", units={"input": NOTHING, "output": NOTHING}, free=True)
    charged = charge(Usage(input_tokens=5, output_tokens=6, web_searches=1), free)
    assert charged.amount == 0
    assert quantities(charged) == {"input": 5, "output": 6}
    assert charged.basis == "metered"


def test_a_counted_usage_says_so() -> None:
    assert charge(Usage(output_tokens=1), ALL, basis="counted").basis == "counted"


def test_a_presumed_hold_is_one_line() -> None:
    charged = presumed(Money(42), "p")
    assert (charged.amount, charged.basis, charged.price_id) == (42, "presumed", "p")
    assert sum(line.amount for line in charged.lines) == 42


def test_a_charge_can_be_written_and_read_back() -> None:
    charged = charge(Usage(input_tokens=5, output_tokens=6), ALL)
    assert msgspec.json.decode(msgspec.json.encode(charged), type=Charge) == charged


@st.composite
def consistent(draw: st.DrawFn) -> Usage:
    """Counts in which no part exceeds its whole; images and video may or may not come from a cache."""
    count = st.integers(0, 10**6)
    heard_again, read, audio, written, long_lived, rest = (draw(count) for _ in range(6))
    whole = heard_again + read + audio + written + long_lived + rest
    image = draw(st.integers(0, whole - heard_again - audio))
    reasoning, spoken, drawn, text = (draw(count) for _ in range(4))
    return Usage(
        input_tokens=whole,
        cache_read_input_tokens=heard_again + read,
        cache_read_audio_tokens=heard_again,
        cache_creation_input_tokens=written + long_lived,
        cache_creation_1h_input_tokens=long_lived,
        input_audio_tokens=heard_again + audio,
        input_image_tokens=max(image - long_lived, 0),
        output_tokens=reasoning + spoken + drawn + text,
        reasoning_output_tokens=reasoning,
        output_audio_tokens=spoken,
        output_image_tokens=drawn,
    )


@given(consistent(), st.sets(st.sampled_from(sorted(ALL.units))), st.integers(1, 10**6))
def test_lines_never_overlap_and_add_up_to_the_amount(usage: Usage, priced: set[str], per: int) -> None:
    units = {meter: UnitPrice(ALL.units[meter].amount, per) for meter in priced | {"input", "output"}}
    charged = charge(usage, Price(id="p", provider="p", model="m", units=units))
    assert sum(line.quantity for line in charged.lines) == (usage.input_tokens or 0) + (usage.output_tokens or 0)
    assert charged.amount == sum(line.amount for line in charged.lines)
    assert all(line.quantity > 0 and line.amount > 0 for line in charged.lines)
    assert len({line.meter for line in charged.lines}) == len(charged.lines)


def report(model: str | None = None, tier: str | None = None, steps: tuple[Step, ...] = (), **counts: int) -> Report:
    return Report(usage=Usage(**counts) if counts else None, response_model=model, service_tier=tier, steps=steps)


def charged_by(book: PriceBook, given: Report, provider: str, requested: str, now: int) -> Charge | Unpriced | None:
    return charge_report(given, book, provider=provider, requested_model=requested, at_ms=now)


@pytest.mark.parametrize(
    ("answered", "requested", "amount"),
    [
        ("gpt-5-mini-2025-08-07", "gpt-5", 250_000),
        ("gpt-5", "gpt-5", 1_250_000),
        (None, "gpt-5", 1_250_000),
        ("weights.gguf", "gpt-5", 1_250_000),
        ("gpt-5", "my-deployment", 1_250_000),
    ],
)
def test_the_model_that_answered_sets_the_price_and_the_requested_one_where_it_is_unknown(
    book: PriceBook, now: int, answered: str | None, requested: str, amount: int
) -> None:
    charged = charged_by(book, report(answered, input_tokens=1000), "openai", requested, now)
    assert isinstance(charged, Charge)
    assert charged.amount == amount


def test_an_unknown_model_is_unpriced_under_the_name_it_answered_with(book: PriceBook, now: int) -> None:
    assert charged_by(book, report("new", input_tokens=1), "openai", "newer", now) == Unpriced("openai", "new")
    assert charged_by(book, report(input_tokens=1), "openai", "newer", now) == Unpriced("openai", "newer")


def test_a_price_from_the_settings_for_the_requested_model_comes_first(book: PriceBook, now: int) -> None:
    own = book.with_overrides([PriceOverride(provider="openai", model="gpt-5", input="1", output="1")])
    charged = charged_by(own, report("gpt-5-2025-08-07", input_tokens=1000), "openai", "gpt-5", now)
    assert isinstance(charged, Charge)
    assert charged.amount == 1_000_000


def test_the_reported_tier_sets_the_price(book: PriceBook, now: int) -> None:
    amounts = {
        tier: charged.amount
        for tier in ("default", "flex", "priority", "batch")
        if isinstance(
            charged := charged_by(book, report("gpt-5", tier, input_tokens=1000), "openai", "gpt-5", now), Charge
        )
    }
    assert amounts == {"default": 1_250_000, "flex": 625_000, "priority": 2_500_000, "batch": 625_000}


def test_a_dearer_tier_that_no_list_prices_is_billed_at_the_standard_price(book: PriceBook, now: int) -> None:
    for tier in ("flex", "priority", "fast"):
        given = report("gemini-2.0-flash", tier, input_tokens=1000)
        charged = charged_by(book, given, "google", "gemini-2.0-flash", now)
        assert isinstance(charged, Charge) and charged.amount == 100_000, tier


@pytest.mark.parametrize(("long_context", "per_million"), [(True, 6), (False, 3)])
def test_long_inputs_cost_more_only_where_long_prompts_were_asked_for(
    book: PriceBook, now: int, long_context: bool, per_million: int
) -> None:
    model = "claude-sonnet-4-5"
    usage = Usage(input_tokens=300_000)
    for answer in (
        Report(usage=usage),
        Report(usage=usage, steps=(Step(model=None, usage=usage),)),
        Report(usage=usage, steps=(Step(model=model, usage=usage),)),
    ):
        charged = charge_report(
            answer, book, provider="anthropic", requested_model=model, at_ms=now, long_context=long_context
        )
        assert isinstance(charged, Charge)
        assert charged.amount == 300_000 * per_million * 1_000
        assert charged.price_id is not None


def test_an_answer_without_usage_is_not_known_unless_the_model_is_free(book: PriceBook, now: int) -> None:
    assert charged_by(book, report("gpt-5"), "openai", "gpt-5", now) is None
    free = charged_by(book, report(), "openai", "omni-moderation-latest", now)
    assert isinstance(free, Charge)
    assert (free.amount, free.basis) == (0, "metered")


def test_usage_that_says_nothing_of_what_is_billed_is_not_known(book: PriceBook, now: int) -> None:
    # Billed by the second, and no seconds were reported.
    assert charged_by(book, report(input_tokens=10, output_tokens=5), "openai", "whisper-1", now) is None
    # Billed by the token, and no tokens were used.
    nothing = charged_by(book, report(input_tokens=0, output_tokens=0), "openai", "gpt-5", now)
    assert isinstance(nothing, Charge) and nothing.amount == 0
    nothing = charged_by(book, report(output_tokens=0), "openai", "gpt-5", now)
    assert isinstance(nothing, Charge) and nothing.amount == 0
    free = charged_by(book, report(images=1), "openai", "omni-moderation-latest", now)
    assert isinstance(free, Charge) and free.amount == 0


def test_each_step_is_billed_at_the_rates_of_its_model_with_the_answers_own_searches(book: PriceBook, now: int) -> None:
    steps = (
        Step(model=None, usage=Usage(input_tokens=1000)),
        Step(model="claude-opus-4-8", usage=Usage(input_tokens=1000)),
        Step(model="claude-unheard-of", usage=Usage(input_tokens=1000)),
    )
    given = report("claude-sonnet-4-5", steps=steps, input_tokens=7, web_searches=2)
    charged = charged_by(book, given, "anthropic", "claude-sonnet-4-5", now)
    assert isinstance(charged, Charge)
    amounts = [(line.meter, line.amount) for line in charged.lines]
    assert amounts == [("input", 3_000_000), ("input", 5_000_000), ("input", 3_000_000), ("web_search", 20_000_000)]
    assert charged.amount == 31_000_000


def test_searches_that_the_steps_report_are_not_billed_twice(book: PriceBook, now: int) -> None:
    steps = (Step(model=None, usage=Usage(input_tokens=1000, web_searches=1)),)
    given = report("claude-sonnet-4-5", steps=steps, web_searches=1)
    charged = charged_by(book, given, "anthropic", "claude-sonnet-4-5", now)
    assert isinstance(charged, Charge)
    assert charged.amount == 13_000_000
    only_steps = charged_by(book, report(steps=steps), "anthropic", "claude-sonnet-4-5", now)
    assert isinstance(only_steps, Charge)
    assert only_steps.amount == 13_000_000


def test_a_step_that_contradicts_itself_is_an_error(book: PriceBook, now: int) -> None:
    steps = (Step(model=None, usage=Usage(input_tokens=1, cache_read_input_tokens=2)),)
    with pytest.raises(UsageInvalid):
        charged_by(book, report(steps=steps), "anthropic", "claude-sonnet-4-5", now)


@pytest.mark.parametrize(
    ("usage", "lines"),
    [
        (Usage(search_units=3), {"search_unit": 3}),
        (Usage(output_tokens=5, citation_tokens=9), {"output": 5, "citation": 9}),
        (Usage(output_audio_seconds=7), {"output_audio_seconds": 7}),
        (Usage(output_video_seconds=4, video_kind="1080p"), {"video_seconds:1080p": 4}),
        (Usage(output_video_seconds=4, video_kind="what"), {"video_seconds": 4}),
        (Usage(characters=20), {"characters": 20}),
        # What is billed by its characters is not billed by its tokens as well.
        (Usage(characters=20, input_tokens=8), {"characters": 20}),
        (Usage(characters=0, input_tokens=8), {}),
        (Usage(input_tokens=8), {"input": 8}),
        (Usage(pages=10), {"pages": 10}),
        (Usage(pages=10, annotated_pages=4), {"pages": 6, "annotated_pages": 4}),
        (Usage(annotated_pages=4), {"annotated_pages": 4}),
        (Usage(images=2, image_kind="hd/1024x1792"), {"image:hd/1024x1792": 2}),
        (Usage(images=2, image_kind="low/9x9"), {"image": 2}),
        (Usage(images=2), {"image": 2}),
        # Pictures that are billed as tokens are not billed as pictures as well.
        (Usage(images=2, output_tokens=100), {"output": 100}),
    ],
)
def test_every_meter_has_a_line_of_its_own(usage: Usage, lines: dict[str, int]) -> None:
    units = {
        "input": 1,
        "output": 2,
        "search_unit": 3,
        "citation": 4,
        "output_audio_seconds": 5,
        "video_seconds": 6,
        "video_seconds:1080p": 7,
        "characters": 8,
        "pages": 9,
        "annotated_pages": 10,
        "image": 11,
        "image:hd/1024x1792": 12,
    }
    charged = charge(usage, price(**units))
    assert quantities(charged) == lines
    assert charged.amount == sum(units[meter] * quantity for meter, quantity in lines.items())


def test_annotated_pages_without_a_price_of_their_own_are_pages() -> None:
    assert quantities(charge(Usage(pages=10, annotated_pages=4), price(pages=9))) == {"pages": 10}


def test_a_picture_of_an_unknown_kind_costs_as_much_as_the_dearest(book: PriceBook, now: int) -> None:
    report = Report(usage=Usage(images=1))
    charged = charge_report(report, book, provider="openai", requested_model="dall-e-3", at_ms=now)
    assert isinstance(charged, Charge) and charged.amount == 120_000_000


def test_what_the_request_fixes_is_charged_where_the_answer_says_nothing(book: PriceBook, now: int) -> None:
    known = Usage(images=2, image_kind="standard/1024x1024")
    silent = charge_report(Report(), book, provider="openai", requested_model="dall-e-3", at_ms=now)
    told = charge_report(with_known(Report(), known), book, provider="openai", requested_model="dall-e-3", at_ms=now)
    assert silent is None
    assert isinstance(told, Charge) and told.amount == 80_000_000


def test_what_the_answer_says_comes_before_what_the_request_fixes() -> None:
    said = Report(usage=Usage(images=1), response_id="r")
    assert with_known(said, None) is said
    merged = with_known(said, Usage(images=4, image_kind="hd/1024x1024"))
    assert merged.usage == Usage(images=1, image_kind="hd/1024x1024") and merged.response_id == "r"
    assert with_known(merged, Usage(images=9)) is merged


LISTED = {"provider": "openrouter", "requested_model": "openai/gpt-4o"}
TOKENS = Usage(input_tokens=1_000, output_tokens=100)


def test_what_the_provider_says_it_charged_is_the_charge(book: PriceBook, now: int) -> None:
    charged = charge_report(Report(usage=TOKENS, stated_cost=1_234), book, at_ms=now, **LISTED)
    assert isinstance(charged, Charge)
    assert charged == stated(Money(1_234), "openrouter/openai/gpt-4o@2026-10-19#2026-11-21")
    assert quantities(charged) == {"stated": 1} and charged.amount == 1_234


def test_a_stated_cost_that_no_answer_comes_to_is_not_believed(book: PriceBook, now: int) -> None:
    without = charge_report(Report(usage=TOKENS), book, at_ms=now, **LISTED)
    for stated_cost, believed in ((MOST_AT_ONCE, True), (MOST_AT_ONCE + 1, False)):
        charged = charge_report(Report(usage=TOKENS, stated_cost=stated_cost), book, at_ms=now, **LISTED)
        assert isinstance(charged, Charge)
        assert (charged.amount == stated_cost) == believed == (charged != without)


def test_a_stated_cost_is_the_charge_of_a_model_that_no_list_has(book: PriceBook, now: int) -> None:
    report = Report(usage=TOKENS, stated_cost=77, response_model="new/model")
    charged = charge_report(report, book, provider="openrouter", requested_model="auto-x", at_ms=now)
    assert isinstance(charged, Charge)
    assert (charged.amount, charged.price_id) == (77, "openrouter/new/model@stated")


@pytest.mark.parametrize("override", [{"input": "1", "output": "2"}, {"discount": "50%"}])
def test_the_settings_come_before_what_the_provider_says(book: PriceBook, now: int, override: dict[str, str]) -> None:
    own = book.with_overrides([PriceOverride(provider="openrouter", model="*", **override)])  # type: ignore[arg-type]
    charged = charge_report(Report(usage=TOKENS, stated_cost=77), own, at_ms=now, **LISTED)
    assert isinstance(charged, Charge) and charged.amount > 77


def test_a_provider_that_states_nothing_for_work_is_not_believed(book: PriceBook, now: int) -> None:
    charged = charge_report(Report(usage=TOKENS, stated_cost=0), book, at_ms=now, **LISTED)
    assert isinstance(charged, Charge) and charged.amount == 3_500_000
    unknown = charge_report(
        Report(usage=TOKENS, stated_cost=0), book, provider="openrouter", requested_model="unknown/x", at_ms=now
    )
    assert isinstance(unknown, Unpriced)
    free = charge_report(
        Report(usage=TOKENS, stated_cost=0),
        book.with_overrides([]),
        provider="openrouter",
        requested_model=next(m for m in book.models("openrouter") if m.endswith(":free")),
        at_ms=now,
    )
    assert isinstance(free, Charge) and free.amount == 0


def test_a_price_that_is_given_comes_before_all(book: PriceBook, now: int) -> None:
    given = price(input=3, output=5)
    charged = charge_report(Report(usage=TOKENS, stated_cost=77), book, at_ms=now, price=given, **LISTED)
    assert isinstance(charged, Charge) and charged.amount == 3_500 and charged.price_id == "p"
    steps = (Step(model="openai/gpt-4o", usage=TOKENS),)
    stepped = charge_report(Report(usage=TOKENS, steps=steps), book, at_ms=now, price=given, **LISTED)
    assert isinstance(stepped, Charge) and stepped.amount == 3_500


def test_a_model_without_a_price_is_charged_at_the_ceiling_where_that_is_asked_for(book: PriceBook, now: int) -> None:
    ask = {"provider": "groq", "requested_model": "nobody/knows", "at_ms": now}
    assert isinstance(charge_report(Report(usage=TOKENS), book, **ask), Unpriced)  # type: ignore[arg-type]
    charged = charge_report(Report(usage=TOKENS), book, at_ceiling=True, **ask)  # type: ignore[arg-type]
    assert isinstance(charged, Charge)
    ceiling = book.at_ceiling("groq")
    assert charged.price_id == ceiling.id == "groq/*@ceiling#2026-11-21"
    assert charged.amount == sum(ceiling.units[m].times(n) for m, n in (("input", 1_000), ("output", 100)))


def test_a_discount_is_on_the_answering_models_price(book: PriceBook, now: int) -> None:
    own = book.with_overrides([PriceOverride(provider="openai", model="*", discount="50%")])
    report = Report(usage=TOKENS, response_model="gpt-4o-mini")
    at_list = charge_report(report, book, provider="openai", requested_model="gpt-4o", at_ms=now)
    charged = charge_report(report, own, provider="openai", requested_model="gpt-4o", at_ms=now)
    assert isinstance(charged, Charge) and isinstance(at_list, Charge)
    assert charged.amount * 2 == at_list.amount


def test_an_amount_that_no_ledger_holds_is_invalid() -> None:
    dear = price(web_search=10**10)
    assert charge(Usage(input_tokens=1, web_searches=5), dear).amount > 0
    with pytest.raises(UsageInvalid, match="no answer costs more than"):
        charge(Usage(input_tokens=1, web_searches=10**17), dear)


def test_searches_of_an_answer_with_sub_calls_are_checked_too(book: PriceBook, now: int) -> None:
    step = Step(model=None, usage=Usage(input_tokens=1, output_tokens=1))
    given = msgspec.structs.replace(
        report(steps=(step,)), usage=Usage(input_tokens=1, output_tokens=1, web_searches=-3)
    )
    with pytest.raises(UsageInvalid, match="web_searches is -3"):
        charged_by(book, given, "anthropic", "claude-sonnet-4-5", now)


def test_output_that_costs_nothing_tells_nothing_of_what_the_input_cost(book: PriceBook, now: int) -> None:
    found = [
        charge_report(
            Report(usage=Usage(input_tokens=counted, output_tokens=0, search_units=1)),
            book,
            provider="p",
            requested_model="m",
            at_ms=now,
            price=price(input=5, output=0),
        )
        for counted in (None, 0)
    ]
    assert found == [None, Charge(Money(0), (), "p")]


def test_a_search_that_the_request_tells_of_stands_for_no_tokens() -> None:
    silent = Report(response_id="r")
    assert with_known(silent, Usage(web_searches=1)) is silent
    told = with_known(Report(usage=Usage(input_tokens=3, output_tokens=2)), Usage(web_searches=1))
    assert told.usage == Usage(input_tokens=3, output_tokens=2, web_searches=1)
    several = with_known(Report(usage=Usage(input_tokens=3, web_searches=4)), Usage(web_searches=1))
    assert several.usage == Usage(input_tokens=3, web_searches=4)
