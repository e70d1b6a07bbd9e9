"""The published formulas: their own examples, and what must hold of a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.media import (
    ANTHROPIC,
    GOOGLE,
    OPENAI,
    Formulas,
    anthropic_image,
    compatible_image,
    google_image,
    openai_image,
    openai_tiles,
)

SIDES = st.integers(1, 20_000)
DETAILS = st.sampled_from([None, "low", "high", "auto", "original", "?"])
ALL = {"openai": OPENAI, "anthropic": ANTHROPIC, "google": GOOGLE}


# OpenAI, "Images and vision": 765 and 1,105 tokens of gpt-4o are 4 and 6 tiles of 170, and 85.
@pytest.mark.parametrize(
    ("width", "height", "tiles"),
    [(1024, 1024, 4), (2048, 4096, 6), (4096, 2048, 6), (512, 512, 1), (513, 512, 2), (1, 1, 1), (9000, 10, 4)],
)
def test_openai_cuts_an_image_into_as_many_tiles_as_it_says(width: int, height: int, tiles: int) -> None:
    assert openai_tiles(width, height) == tiles
    assert openai_image(width, height, "high") == 2833 + 5667 * tiles
    assert openai_image(width, height, "low") == 2833


@given(SIDES, SIDES)
def test_no_image_has_more_than_eight_tiles(width: int, height: int) -> None:
    assert 1 <= openai_tiles(width, height) <= 8


# The same guide: 1,024 patches, 1.62 tokens each for gpt-5-mini and 2.46 for gpt-5-nano; 1,452 after it is made to fit.
@pytest.mark.parametrize(
    ("width", "height", "patches"), [(1024, 1024, 1024), (1800, 2400, 57 * 75), (1056, 1408, 1452)]
)
def test_patches_are_never_more_than_the_bound(width: int, height: int, patches: int) -> None:
    for detail in (None, "auto", "original"):
        assert openai_image(width, height, detail) >= patches * 2.46
    assert openai_image(width, height, "high") >= min(patches, 2500) * 2.46


def test_original_detail_has_no_limit_and_the_others_have() -> None:
    assert openai_image(32_000, 32_000, "original") == openai_image(32_000, 32_000, None) == 2_460_000
    assert openai_image(32_000, 32_000, "high") == 2833 + 5667 * 4


# Anthropic, "Vision": tokens = width * height / 750, and the sizes that are not made smaller.
@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(200, 200, 54), (1000, 1000, 1334), (1092, 1092, 1590), (951, 1268, 1607), (784, 1568, 1639), (2576, 1456, 4784)],
)
def test_claude_takes_a_token_for_750_pixels(width: int, height: int, tokens: int) -> None:
    assert tokens <= anthropic_image(width, height) <= tokens + 64


@given(SIDES, SIDES)
def test_no_image_takes_more_than_claudes_limit(width: int, height: int) -> None:
    assert 0 < anthropic_image(width, height) <= 4784 + 32


# Google, "Image understanding": 258 up to 384 pixels; 960 by 540 has a crop unit of 360 and so 3 * 2 tiles.
@pytest.mark.parametrize(("width", "height", "tokens"), [(384, 384, 258), (960, 540, 258 * 6), (540, 960, 258 * 6)])
def test_gemini_takes_no_more_than_its_tiles_or_its_dearest_resolution(width: int, height: int, tokens: int) -> None:
    assert google_image(width, height) >= max(tokens, 2240)


@given(SIDES, SIDES)
def test_gemini_bounds_both_ways_of_cutting(width: int, height: int) -> None:
    unit = min(max(int(min(width, height) / 1.5), 256), 768)
    assert google_image(width, height) >= 258 * -(-width // unit) * -(-height // unit)
    assert google_image(width, height) >= 258 * -(-width // 768) * -(-height // 768)


def test_other_servers_are_bounded_by_patches_of_fourteen_pixels() -> None:
    # Pixtral: 1,024 by 1,024 pixels in patches of 16, with an end of row each.
    assert compatible_image(1024, 1024) >= 64 * 65
    # Qwen2-VL: 12,845,056 pixels at most, 28 by 28 a token.
    assert compatible_image(3584, 3584) >= 16_384
    assert compatible_image(1, 1) == 4096


@given(SIDES, SIDES, DETAILS)
def test_openais_api_is_never_cheaper_than_whom_it_may_lead_to(width: int, height: int, detail: str | None) -> None:
    bound = OPENAI.image(width, height, detail)
    assert bound >= openai_image(width, height, detail)
    assert bound >= compatible_image(width, height)
    assert bound >= anthropic_image(width, height)
    assert bound >= google_image(width, height)


@pytest.mark.parametrize("api", ALL)
@given(width=SIDES, height=SIDES, detail=DETAILS)
def test_a_bound_is_positive_and_the_same_upright_and_lying(
    api: str, width: int, height: int, detail: str | None
) -> None:
    formula = ALL[api].image
    assert 0 < formula(width, height, detail) == formula(height, width, detail)


@pytest.mark.parametrize("formula", [anthropic_image, google_image, compatible_image])
@given(width=SIDES, height=SIDES, wider=st.integers(0, 5000), higher=st.integers(0, 5000))
def test_a_larger_image_is_never_bounded_by_less(formula, width: int, height: int, wider: int, higher: int) -> None:  # type: ignore[no-untyped-def]
    assert formula(width, height) <= formula(width + wider, height + higher)


@given(SIDES, SIDES, st.integers(1, 9), DETAILS)
def test_an_enlarged_image_is_never_bounded_by_less(width: int, height: int, times: int, detail: str | None) -> None:
    # Its shape kept, that is: OpenAI makes a broad picture smaller than a narrow one of the same length.
    assert OPENAI.image(width, height, detail) <= OPENAI.image(width * times, height * times, detail)


@given(st.integers(0, 100_000), st.integers(0, 100))
def test_longer_sound_is_never_bounded_by_less(seconds: int, more: int) -> None:
    for formulas in (OPENAI, GOOGLE):
        assert 0 < formulas.sound(seconds) <= formulas.sound(seconds + more)
        # Google: 32 tokens a second. OpenAI: 10.
        assert formulas.sound(seconds) >= 32 * seconds


def test_sound_fills_windows_where_an_encoder_has_them() -> None:
    assert Formulas(image=anthropic_image, sound_per_second=50, sound_window_s=30).sound(31) == 61 * 50
    assert GOOGLE.sound(60) == 61 * 32
    assert ANTHROPIC.sound(60) == 0
