from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tollway.money import MOST_AT_ONCE
from tollway.pricing.catalogue import Book, Catalogue, midnight
from tollway.pricing.charge import Unpriced, charge
from tollway.pricing.estimate import (
    AUDIO_BYTES_PER_SECOND,
    ROUNDING,
    SMALLEST_CAP,
    TOKENS_PER_MEDIA_PART,
    TOOL_CALLS,
    Quote,
    estimate,
)
from tollway.pricing.price import FILE, HORIZON_MS, PriceBook, PriceOverride
from tollway.pricing.units import PER, Price, UnitPrice
from tollway.request import Ask
from tollway.usage import Usage

BYTES = (Path(__file__).parents[2] / "src" / "tollway" / "pricing" / FILE).read_bytes()
BOOK = PriceBook.decode(BYTES)
NOW = midnight("2026-11-21") + 12 * 3_600_000


def quote(
    ask: Ask, body_bytes: int = 1000, *, provider: str = "local", model: str = "m", book: PriceBook, **more: int
) -> Quote:
    found = estimate(ask, body_bytes, provider=provider, model=model, book=book, at_ms=NOW, **more)  # type: ignore[arg-type]
    assert isinstance(found, Quote)
    return found


def own(**fields: str | int | bool) -> PriceBook:
    """A book with one price of one's own."""
    return BOOK.with_overrides([PriceOverride(provider="local", model="*", **fields)])  # type: ignore[arg-type]


def listed(**model: object) -> PriceBook:
    """A book with one listed model."""
    book = {
        "version": "test",
        "date": "2026-11-21",
        "notice": [],
        "providers": {"local": {"models": [{"id": "m", "names": ["m"], **model}]}},
    }
    return PriceBook(Catalogue(msgspec.json.decode(msgspec.json.encode(book), type=Book)))


# $1 for a million input tokens, $2 for a million output tokens: 1,000 and 2,000 nanodollars each.
SIMPLE = own(input="1", output="2")
SMALL = own(input="1", output="2", context_window=5_000, max_output_tokens=1_000)


def test_the_hold_is_the_bytes_as_tokens_and_the_framing_and_the_cap() -> None:
    found = quote(Ask(messages=3, max_output_tokens=100), 1000, book=SIMPLE)
    assert found.input_tokens == 1000 + 3 * 8 + 64
    assert (found.output_tokens, found.cap) == (100, None)
    assert found.floor == 1_088_000 + ROUNDING
    assert found.amount == found.floor + 200_000
    assert not found.free


@pytest.mark.parametrize(
    ("asked", "book", "output_tokens", "cap"),
    [
        (None, SIMPLE, 16_384, 16_384),
        (None, SMALL, 1_000, 1_000),
        (500, SMALL, 500, None),
        (1_000, SMALL, 1_000, None),
        (1_001, SMALL, 1_000, 1_000),
        (200_000, SIMPLE, 200_000, None),
        (-1, SIMPLE, 0, None),
    ],
)
def test_a_cap_is_written_where_the_callers_own_does_not_bound_the_output(
    asked: int | None, book: PriceBook, output_tokens: int, cap: int | None
) -> None:
    found = quote(Ask(max_output_tokens=asked), book=book)
    assert (found.output_tokens, found.cap) == (output_tokens, cap)


def test_the_default_cap_is_the_gateways() -> None:
    assert quote(Ask(), book=SIMPLE, default_output_tokens=99).cap == 99


def test_the_hold_covers_what_rounding_each_line_up_adds() -> None:
    # Half a nanodollar a token: a line of an odd number of tokens is rounded up by half of one.
    meters = (
        "input",
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "input_audio",
        "input_image",
        "output",
        "reasoning",
    )
    book = listed(prices=[{"units": {meter: [500_000] for meter in meters}}])
    ask = Ask(max_output_tokens=6, long_cache=True, media_parts=1)
    bound = quote(ask, 2, book=book)
    usage = Usage(
        input_tokens=bound.input_tokens,
        cache_read_input_tokens=1,
        cache_creation_input_tokens=bound.input_tokens - 5,
        cache_creation_1h_input_tokens=1,
        input_audio_tokens=1,
        input_image_tokens=1,
        output_tokens=6,
        reasoning_output_tokens=1,
    )
    price = book.price("local", "m", at_ms=NOW)
    assert price is not None
    charged = charge(usage, price)
    assert charged.amount > (bound.input_tokens + 6) // 2
    assert charged.amount <= bound.amount
    assert len(PER) < ROUNDING


def test_every_choice_is_held() -> None:
    one, three = (quote(Ask(max_output_tokens=100, choices=n), book=SIMPLE) for n in (1, 3))
    assert three.amount - three.floor == 3 * (one.amount - one.floor)
    assert three.output_tokens == 100
    assert quote(Ask(max_output_tokens=100, choices=0), book=SIMPLE).choices == 1


def test_the_window_never_lowers_the_bound_of_what_is_seen() -> None:
    assert quote(Ask(), 4_000, book=SMALL).input_tokens == 4_072
    # The book may be older than the model's window.
    assert quote(Ask(), 1_000_000, book=SMALL).input_tokens == 1_000_072
    assert quote(Ask(unbounded="a linked image"), 1_000_000, book=SMALL).input_tokens == 1_000_072


def test_a_larger_window_that_the_request_asks_for_bounds_what_is_not_seen() -> None:
    unseen = Ask(unbounded="a file")
    assert quote(unseen, 10, book=SMALL, window_at_least=9_000).input_tokens == 9_000
    assert quote(unseen, 10, book=SMALL, window_at_least=1_000).input_tokens == 5_000
    assert quote(Ask(), 10, book=SMALL, window_at_least=9_000).input_tokens == 82
    assert quote(unseen, 10, book=SIMPLE, window_at_least=9_000).unbounded == "a file"


@pytest.mark.parametrize("ask", [Ask(unbounded="a linked image"), Ask(paid_tools=("web_search",))])
def test_what_the_body_does_not_show_is_held_as_a_full_window_or_has_no_bound(ask: Ask) -> None:
    assert quote(ask, 10, book=SMALL).input_tokens == 5_000
    assert quote(ask, 10, book=SMALL).unbounded is None
    reason = quote(ask, 10, book=SIMPLE).unbounded
    assert reason in ("a linked image", "what web_search finds")
    assert quote(ask, 10, book=SIMPLE).clamped(10**18) is None


def test_a_media_part_is_held_at_the_ceiling_besides_its_bytes() -> None:
    none, two = (quote(Ask(media_parts=n), 10, book=SIMPLE) for n in (0, 2))
    assert two.input_tokens == none.input_tokens + 2 * TOKENS_PER_MEDIA_PART


def test_a_paid_tool_is_held_as_often_as_it_may_be_called() -> None:
    priced = own(input="0", output="2", web_search="0.01", context_window=100)
    without, with_search = (quote(Ask(paid_tools=tools), 10, book=priced) for tools in ((), ("web_search",)))
    assert with_search.floor - without.floor == TOOL_CALLS * 10_000_000
    code = quote(Ask(paid_tools=("code_execution", "web_fetch")), 10, book=priced)
    assert code.floor - without.floor == 50_000_000
    assert quote(Ask(paid_tools=("x_search",)), 10, book=priced).amount == with_search.amount


@pytest.mark.parametrize("tool", ["unheard_of", "enterpriseWebSearch", "browser_automation"])
def test_a_tool_whose_fee_nobody_lists_has_no_bound(tool: str) -> None:
    priced = own(input="0", output="2", context_window=100)
    found = quote(Ask(paid_tools=("web_search", tool)), 10, book=priced)
    assert found.unbounded is not None and tool in found.unbounded
    for known in ("web_search", "file_search", "code_execution", "web_fetch", "mcp", "computer"):
        assert quote(Ask(paid_tools=(known,)), 10, book=priced).unbounded is None


def test_fees_for_requests_and_images_are_held() -> None:
    assert quote(Ask(), book=own(request="0.01")).amount == 10_000_000 + ROUNDING
    assert quote(Ask(choices=3), book=own(image="0.04")).amount == 120_000_000 + ROUNDING


def test_characters_and_seconds_are_bounded_by_the_bytes() -> None:
    spoken = listed(prices=[{"units": {"characters": [15_000_000_000]}}])
    assert quote(Ask(), 1000, book=spoken).amount == 15_000_000 + ROUNDING
    heard = listed(prices=[{"units": {"audio_seconds": [3_600_000]}}], at_least={"audio_seconds": 10})
    assert quote(Ask(), 20 * AUDIO_BYTES_PER_SECOND - 1, book=heard).amount == 20_000 + ROUNDING
    assert quote(Ask(), 1, book=heard).amount == 10_000 + ROUNDING
    assert quote(Ask(), 1, book=heard).unbounded is None
    for book in (spoken, heard):
        assert quote(Ask(unbounded="a linked file"), 1, book=book).unbounded == "a linked file"


def test_what_is_billed_by_an_unseen_count_has_no_bound() -> None:
    pages = listed(prices=[{"units": {"annotated_pages": [1]}}])
    assert quote(Ask(), book=pages).unbounded == "annotated pages, which are billed and not seen in the request"


def test_output_that_costs_nothing_needs_no_cap() -> None:
    embedding = listed(prices=[{"units": {"input": [20_000_000]}}])
    found = quote(Ask(), 1000, book=embedding)
    assert found.cap is None
    assert found.amount == found.floor == 1072 * 20 + ROUNDING
    # No cap could make it cheaper.
    assert found.clamped(found.amount) is found
    assert found.clamped(found.amount - 1) is None


@pytest.mark.parametrize(
    "ask", [Ask(), Ask(unbounded="a linked image", media_parts=1), Ask(paid_tools=("web_search", "code_execution"))]
)
def test_a_free_model_needs_no_hold_and_no_cap_whatever_is_asked(ask: Ask) -> None:
    found = quote(ask, book=own(free=True))
    assert found.free
    assert (found.amount, found.cap, found.unbounded) == (0, None, None)
    assert found.clamped(0) is found


def test_an_unknown_price_is_unpriced() -> None:
    assert estimate(Ask(), 10, provider="nobody", model="m", book=BOOK, at_ms=NOW) == Unpriced("nobody", "m")


def test_a_longer_prompt_is_held_at_the_longer_prompts_price() -> None:
    ask = Ask(max_output_tokens=1000)
    short = quote(ask, 199_000, provider="anthropic", model="claude-sonnet-4-5", book=BOOK)
    long = quote(ask, 201_000, provider="anthropic", model="claude-sonnet-4-5", book=BOOK)
    assert (short.per_input_token.amount, short.per_output_token.amount) == (3_750_000_000, 15_000_000_000)
    assert (long.per_input_token.amount, long.per_output_token.amount) == (7_500_000_000, 22_500_000_000)


def test_a_long_lived_cache_write_is_held_where_it_may_be_made() -> None:
    found = quote(Ask(long_cache=True), provider="anthropic", model="claude-sonnet-4-5", book=BOOK)
    assert found.per_input_token.amount == 6_000_000_000


@pytest.mark.parametrize(
    ("tier", "auto_is_standard", "output"),
    [(None, False, 20), (None, True, 10), ("default", False, 10), ("flex", False, 10), ("priority", True, 20)],
)
def test_the_dearest_tier_that_may_apply_is_held(tier: str | None, auto_is_standard: bool, output: int) -> None:
    found = estimate(
        Ask(service_tier=tier),
        10,
        provider="openai",
        model="gpt-5",
        book=BOOK,
        at_ms=NOW,
        auto_is_standard=auto_is_standard,
    )
    assert isinstance(found, Quote)
    assert found.per_output_token.amount == output * 10**9


def test_a_clamped_quote_has_the_largest_cap_that_fits() -> None:
    found = quote(Ask(choices=2), 1000, book=SIMPLE)
    left = found.floor + 2_000_000
    clamped = found.clamped(left)
    assert clamped is not None
    assert (clamped.cap, clamped.output_tokens, clamped.amount) == (500, 500, left)
    assert found.clamped(left + 3_999) == clamped
    bigger = found.clamped(left + 4_000)
    assert bigger is not None and bigger.cap == 501


def test_a_clamp_below_the_smallest_cap_is_none() -> None:
    found = quote(Ask(), 1000, book=SIMPLE)
    enough = found.floor + SMALLEST_CAP * 2_000
    assert found.clamped(enough) is not None
    assert found.clamped(enough - 1) is None
    assert found.clamped(found.floor - 1) is None
    assert found.clamped(-1) is None
    shorter = found.clamped(enough - 1, minimum=16)
    assert shorter is not None and shorter.cap == SMALLEST_CAP - 1


def test_a_clamp_never_goes_below_the_cap_that_the_request_can_take() -> None:
    thinking = quote(Ask(max_output_tokens=5_000, floor_output_tokens=1_025), 1000, book=SIMPLE)
    one = thinking.per_output_token.times(1)
    enough = thinking.clamped(thinking.floor + 1_025 * one)
    assert enough is not None and enough.cap == 1_025
    assert thinking.clamped(thinking.floor + 1_024 * one) is None


def test_what_takes_no_cap_at_all_fits_whole_or_not() -> None:
    picture = quote(Ask(max_output_tokens=5_000, floor_output_tokens=10_000_001), 1000, book=SIMPLE)
    assert picture.clamped(picture.amount) is picture
    assert picture.clamped(picture.amount - 1) is None, "the provider would bill all of it whatever we hold"


def test_a_small_request_that_fits_is_not_clamped() -> None:
    found = quote(Ask(max_output_tokens=16), book=SIMPLE)
    assert found.clamped(found.amount) is found
    assert found.clamped(found.amount - 1) is None


def _models() -> list[tuple[str, str]]:
    catalogue = BOOK._catalogue
    names: list[tuple[str, str]] = []
    for slug in catalogue.providers():
        provider = catalogue.provider(slug)
        assert provider is not None
        names += [(slug, model.id) for model in provider.models if BOOK.price(slug, model.id, at_ms=NOW)]
    return names


MODELS = _models()
# Those with something peculiar are tried as often as all the others together.
PECULIAR = [
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-8"),
    ("openai", "gpt-5.6-sol"),
    ("openai", "gpt-image-1"),
    ("openai", "gpt-4o-realtime-preview"),
    ("openai", "gpt-4o-audio-preview"),
    ("openai", "whisper-1"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-2.5-flash"),
    ("google", "gemini-3-pro-image-preview"),
    ("google", "gemini-embedding-2"),
    ("deepseek", "deepseek-chat"),
    ("deepseek", "deepseek-v4-pro"),
    ("perplexity", "sonar-deep-research"),
    ("perplexity", "sonar-pro"),
    ("groq", "whisper-large-v3"),
    ("xai", "grok-4-fast-reasoning"),
    ("openrouter", "google/gemini-2.5-flash"),
]
TIERS = [None, "auto", "default", "flex", "batch", "priority", "fast", "scale", "unheard-of"]


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    return Ask(
        max_output_tokens=draw(st.none() | st.integers(0, 200_000)),
        choices=draw(st.integers(1, 4)),
        unbounded=draw(st.none() | st.just("a linked image")),
        media_parts=draw(st.integers(0, 2)),
        messages=draw(st.integers(0, 50)),
        paid_tools=draw(st.sampled_from([(), ("web_search",), ("file_search", "web_search")])),
        service_tier=draw(st.sampled_from(TIERS)),
        long_cache=draw(st.booleans()),
    )


@st.composite
def usages(draw: st.DrawFn, ask: Ask, bound: Quote, body_bytes: int) -> Usage:
    """Any usage within the quote's bounds."""

    def split(whole: int, parts: int) -> list[int]:
        cuts = sorted(draw(st.integers(0, whole)) for _ in range(parts))
        return [b - a for a, b in zip([0, *cuts], [*cuts, whole], strict=True)]

    most = st.sampled_from([1, 2, 10])
    whole = bound.input_tokens // draw(most)
    heard_again, read, written, long_lived, audio, image, video, _ = split(whole, 7)
    media = ask.media_parts > 0 or ask.unbounded is not None
    if not media:
        heard_again = audio = image = video = 0
    output = bound.output_tokens * bound.choices // draw(most)
    reasoning, spoken, drawn, _ = split(output, 3)
    return Usage(
        input_tokens=whole,
        cache_read_input_tokens=heard_again + read,
        cache_read_audio_tokens=heard_again,
        cache_creation_input_tokens=written + (long_lived if ask.long_cache else 0),
        cache_creation_1h_input_tokens=long_lived if ask.long_cache else 0,
        input_audio_tokens=heard_again + audio,
        input_image_tokens=image,
        input_video_tokens=video,
        output_tokens=output,
        reasoning_output_tokens=reasoning,
        output_audio_tokens=spoken,
        output_image_tokens=drawn,
        web_searches=draw(st.integers(0, TOOL_CALLS)) if "web_search" in ask.paid_tools else None,
        file_searches=draw(st.integers(0, TOOL_CALLS)) if "file_search" in ask.paid_tools else None,
        images=draw(st.integers(0, bound.choices)),
        input_audio_seconds=draw(st.integers(0, -(-body_bytes // AUDIO_BYTES_PER_SECOND))),
    )


def may_be_served_at(provider: str, asked: str | None) -> list[str | None]:
    """The tiers a provider might answer with, whatever it is asked: a dearer one only where it was asked for or left open."""
    cheap: list[str | None] = [None, "default", "flex", "batch"]
    if asked in (None, "auto"):
        return [*cheap, "priority"] if provider in ("openai", "azure") else cheap
    return [*cheap, asked, "priority", "fast"] if asked in ("unheard-of",) else [*cheap, asked]


@given(st.sampled_from(MODELS) | st.sampled_from(PECULIAR), asks(), st.integers(0, 400_000), st.data())
@settings(max_examples=600, deadline=None)
def test_no_charge_within_the_bounds_is_above_the_quote(
    named: tuple[str, str], ask: Ask, body_bytes: int, data: st.DataObject
) -> None:
    provider, model = named
    at_ms = midnight("2026-11-21") + data.draw(st.integers(0, 48 * 3_600_000))
    bound = estimate(ask, body_bytes, provider=provider, model=model, book=BOOK, at_ms=at_ms)
    assert isinstance(bound, Quote)
    assume(bound.unbounded is None)
    left = data.draw(st.none() | st.integers(0, bound.amount))
    if left is not None:
        clamped = bound.clamped(left)
        if clamped is None:
            return
        assert clamped.amount <= left
        bound = clamped
    tiers = may_be_served_at(provider, ask.service_tier)
    if provider in ("openai", "azure") and ask.service_tier in (None, "auto"):
        # Without being asked, a model is served at priority only where the list has a price for it.
        listed_model = BOOK._find(provider, model).model
        assert listed_model is not None
        if "priority" not in {variant.tier for variant in listed_model.variants}:
            tiers.remove("priority")
    billed_at = at_ms + data.draw(st.integers(0, HORIZON_MS))
    price = BOOK.price(provider, model, at_ms=billed_at, tier=data.draw(st.sampled_from(tiers)))
    assert price is not None
    charged = charge(data.draw(usages(ask, bound, body_bytes)), price)
    assert charged.amount <= bound.amount


@given(st.sampled_from(MODELS) | st.sampled_from(PECULIAR), asks(), st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=300, deadline=None)
def test_more_bytes_or_a_larger_cap_never_lower_the_hold(
    named: tuple[str, str], ask: Ask, body_bytes: int, more: int
) -> None:
    provider, model = named
    base = quote(ask, body_bytes, provider=provider, model=model, book=BOOK)
    assert quote(ask, body_bytes + more, provider=provider, model=model, book=BOOK).amount >= base.amount
    if ask.max_output_tokens is not None:
        larger = msgspec.structs.replace(ask, max_output_tokens=ask.max_output_tokens + more)
        assert quote(larger, body_bytes, provider=provider, model=model, book=BOOK).amount >= base.amount


@given(st.sampled_from(PECULIAR), asks(), st.integers(0, 10**5), st.integers(0, 10**10), st.integers(0, 10**10))
@settings(max_examples=300, deadline=None)
def test_a_clamp_fits_is_as_large_as_it_can_be_and_grows_with_what_is_left(
    named: tuple[str, str], ask: Ask, body_bytes: int, left: int, more: int
) -> None:
    provider, model = named
    bound = quote(ask, body_bytes, provider=provider, model=model, book=BOOK)
    clamped = bound.clamped(left)
    richer = bound.clamped(left + more)
    if clamped is None:
        return
    assert clamped.amount <= left
    assert richer is not None and richer.output_tokens >= clamped.output_tokens
    if clamped is not bound:
        assert clamped.cap == clamped.output_tokens < bound.output_tokens
        one_more = clamped.floor + clamped.per_output_token.times((clamped.output_tokens + 1) * clamped.choices)
        assert one_more > left


KINDS = own(images={"hd/1x1": "0.5", "sd/1x1": "0.1"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "choices", "nanodollars"),
    [
        (None, 3, 1_500_000_000),
        (Usage(images=2, image_kind="sd/1x1"), 1, 200_000_000),
        (Usage(images=2, image_kind="9x9"), 1, 1_000_000_000),
        (Usage(images=2), 1, 1_000_000_000),
        (Usage(image_kind="sd/1x1"), 2, 200_000_000),
    ],
)
def test_pictures_are_held_at_the_kind_that_is_asked_for_or_the_dearest(
    known: Usage | None, choices: int, nanodollars: int
) -> None:
    assert quote(Ask(known=known, choices=choices), book=KINDS).amount == nanodollars + ROUNDING


@pytest.mark.parametrize(
    ("price", "known", "nanodollars"),
    [
        ({"search_unit": "0.002"}, Usage(search_units=3), 6_000_000),
        ({"pages": "0.004", "annotated_pages": "0.005"}, Usage(pages=10), 90_000_000),
        ({"pages": "0.004", "annotated_pages": "0.005"}, Usage(pages=10, annotated_pages=0), 40_000_000),
        ({"video_seconds": "0.1", "videos": {"4k": "0.3"}}, Usage(output_video_seconds=8), 2_400_000_000),
        (
            {"video_seconds": "0.1", "videos": {"4k": "0.3"}},
            Usage(output_video_seconds=8, video_kind="720p"),
            800_000_000,
        ),
        ({"output_audio_hours": "3.6"}, Usage(output_audio_seconds=5), 5_000_000),
        ({"characters": "15"}, Usage(characters=100), 1_500_000),
        ({"input_audio_hours": "3.6"}, Usage(input_audio_seconds=2), 2_000_000),
        ({"request": "0", "citation": "2"}, Usage(citation_tokens=1_000), 2_000_000),
    ],
)
def test_what_the_request_fixes_bounds_what_is_billed_by_it(
    price: dict[str, str], known: Usage, nanodollars: int
) -> None:
    found = quote(Ask(known=known), 10, book=own(**price))
    assert found.unbounded is None
    assert found.amount == nanodollars + ROUNDING


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ({"search_unit": "0.002"}, "search units, which"),
        ({"pages": "0.004"}, "pages, which"),
        ({"video_seconds": "0.1"}, "seconds of video, which"),
        ({"output_audio_hours": "3.6"}, "seconds of speech, which"),
        ({"request": "0", "citation": "2"}, "citation tokens, which"),
        ({"messages": "0.1"}, "messages, which"),
    ],
)
def test_what_the_request_does_not_fix_is_named(price: dict[str, str], said: str) -> None:
    found = quote(Ask(), book=own(**price))
    assert found.unbounded is not None and found.unbounded.startswith(said)


def test_media_are_held_at_their_formula_and_not_by_their_bytes() -> None:
    found = quote(Ask(media_tokens=700, media_bytes=90_000), 100_000, book=SIMPLE)
    assert found.input_tokens == 10_000 + 700 + 8 + 64


def test_a_given_price_is_what_everything_costs() -> None:
    given = Price(id="given", provider="p", model="m", units={"request": UnitPrice(7_000, 1)})  # type: ignore[arg-type]
    found = estimate(Ask(), 10, provider="nobody", model="m", book=BOOK, at_ms=NOW, price=given)
    assert isinstance(found, Quote)
    assert (found.amount, found.price_id) == (7_000 + ROUNDING, "given")


def test_a_model_without_a_price_is_held_at_the_ceiling_where_that_is_asked_for() -> None:
    assert isinstance(estimate(Ask(), 10, provider="groq", model="x/y", book=BOOK, at_ms=NOW), Unpriced)
    found = estimate(Ask(), 10, provider="groq", model="x/y", book=BOOK, at_ms=NOW, at_ceiling=True)
    assert isinstance(found, Quote)
    assert found.price_id == BOOK.at_ceiling("groq").id
    assert found.amount > 0


def test_an_absurd_cap_is_lowered_to_one_whose_cost_a_ledger_takes() -> None:
    found = quote(Ask(messages=1, max_output_tokens=10**12), book=SIMPLE)
    assert found.amount <= MOST_AT_ONCE < found.amount + 2_000 and found.unbounded is None
    assert found.cap == found.output_tokens == (MOST_AT_ONCE - found.floor) // 2_000


def test_what_no_cap_brings_down_to_what_a_ledger_takes_has_no_bound() -> None:
    found = quote(Ask(messages=1, max_output_tokens=10), 10**9, book=own(input="5000", output="1"))
    assert (found.amount, found.floor) == (MOST_AT_ONCE, MOST_AT_ONCE)
    assert found.unbounded == "a request of more than $1,000,000.00"


@given(st.integers(0, 10**12), st.integers(0, 10**13), st.integers(0, 10**4))
def test_no_request_is_held_at_more_than_the_most(size: int, cap: int, choices: int) -> None:
    found = quote(Ask(messages=1, max_output_tokens=cap, choices=choices), size, book=own(input="5000", output="5000"))
    assert found.floor <= found.amount <= MOST_AT_ONCE


def test_a_prediction_is_held_as_output_beside_the_cap() -> None:
    book = own(input="1", output="10")
    plain = quote(Ask(max_output_tokens=100), book=book)
    with_it = quote(Ask(max_output_tokens=100, predicted_bytes=5_000), book=book)
    assert with_it.amount - plain.amount == with_it.floor - plain.floor == 5_000 * 10_000
    # A smaller cap does not make less of it.
    smaller = with_it.clamped(with_it.floor + 50 * 10_000, 1)
    assert smaller is not None and smaller.output_tokens == 50 and smaller.floor == with_it.floor
