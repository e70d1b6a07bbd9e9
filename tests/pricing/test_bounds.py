"""No usage within a quote's bounds is charged above it: many random ones for every family of models and meters."""

import random
from pathlib import Path

import pytest

from tollway.pricing.catalogue import midnight
from tollway.pricing.charge import Charge, charge_report
from tollway.pricing.estimate import AUDIO_BYTES_PER_SECOND, TOOL_CALLS, Quote, estimate
from tollway.pricing.price import FILE, HORIZON_MS, PriceBook, PriceOverride
from tollway.request import Ask
from tollway.usage import Report, Usage

BOOK = PriceBook.decode((Path(__file__).parents[2] / "src" / "tollway" / "pricing" / FILE).read_bytes()).with_overrides(
    [
        PriceOverride(provider="azure", model="gpt-4o*", discount="12.5%"),
        PriceOverride(provider="local", model="pictures", images={"hd/1x1": "0.5", "sd/1x1": "0.1"}, request="0.01"),
    ]
)
DAY = midnight("2026-11-21")

FAMILIES = [
    ("openai", "gpt-5.6-sol"),
    ("openai", "gpt-5-mini"),
    ("openai", "gpt-4.1-mini"),
    ("openai", "gpt-image-1"),
    ("openai", "dall-e-3"),
    ("openai", "sora-2-pro"),
    ("openai", "tts-1-hd"),
    ("openai", "whisper-1"),
    ("azure", "eu/gpt-5.1"),
    ("azure", "gpt-4o"),
    ("anthropic", "claude-opus-4-6"),
    ("anthropic", "claude-opus-4-8"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-3-pro-image-preview"),
    ("google", "veo-3.1-fast-generate-preview"),
    ("google-vertex", "gemini-2.0-flash"),
    ("google-vertex", "text-embedding-005"),
    ("aws-bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("aws-bedrock", "stability.stable-diffusion-xl-v1"),
    ("cohere", "rerank-v3.5"),
    ("mistral", "mistral-ocr-latest"),
    ("groq", "whisper-large-v3"),
    ("deepseek", "deepseek-v4-pro"),
    ("perplexity", "sonar-pro"),
    ("xai", "grok-4-fast-reasoning"),
    ("openrouter", "google/gemini-2.5-flash"),
    ("local", "pictures"),
]
TIERS = (None, "auto", "default", "flex", "priority", "fast", "us", "fast+us", "global", "low", "high", "unheard-of")
KINDS = (None, "hd/1024x1792", "standard/1024x1024", "low/1024x1024", "1024x1024", "hd/1x1", "4k", "auto/auto")


def known(draw: random.Random) -> Usage:
    """What a request of any API may fix."""
    return Usage(
        images=draw.randint(0, 5),
        image_kind=draw.choice(KINDS),
        output_video_seconds=draw.randint(0, 60),
        video_kind=draw.choice((None, "720p", "1080p", "4k", "1792x1024", "what")),
        characters=draw.randint(0, 10_000),
        pages=draw.randint(0, 100),
        annotated_pages=draw.choice((None, 0)),
        search_units=draw.randint(0, 20),
        output_audio_seconds=draw.randint(0, 100),
        citation_tokens=draw.randint(0, 1_000),
        input_audio_seconds=draw.choice((None, draw.randint(0, 100))),
    )


def ask(draw: random.Random) -> Ask:
    return Ask(
        max_output_tokens=draw.choice((None, draw.randint(0, 200_000))),
        choices=draw.randint(1, 4),
        unbounded=draw.choice((None, None, "a linked image")),
        media_parts=draw.randint(0, 2),
        media_tokens=draw.randint(0, 3_000),
        messages=draw.randint(0, 50),
        paid_tools=draw.choice(((), ("web_search",), ("file_search", "web_search"))),
        service_tier=draw.choice(TIERS),
        long_cache=draw.random() < 0.5,
        known=known(draw) if draw.random() < 0.8 else None,
    )


def parts(draw: random.Random, whole: int, number: int) -> list[int]:
    cuts = sorted(draw.randint(0, whole) for _ in range(number - 1))
    return [b - a for a, b in zip([0, *cuts], [*cuts, whole], strict=True)]


def usage(draw: random.Random, asked: Ask, bound: Quote, body_bytes: int) -> Usage:
    fixed = asked.known or Usage(images=bound.choices, characters=body_bytes)
    whole = bound.input_tokens // draw.choice((1, 1, 3, 50))
    media = asked.media_parts > 0 or asked.media_tokens > 0 or asked.unbounded is not None
    heard_again, read, written, kept, audio, image, video, _ = parts(draw, whole, 8)
    if not media:
        heard_again = audio = image = video = 0
    kept = kept if asked.long_cache else 0
    output = bound.output_tokens * bound.choices // draw.choice((1, 1, 7))
    reasoning, spoken, drawn, _ = parts(draw, output, 4)
    seconds = fixed.input_audio_seconds
    searches = TOOL_CALLS if "web_search" in asked.paid_tools else 0
    pages = draw.randint(0, fixed.pages or 0)
    told = draw.random() < 0.8
    return Usage(
        input_tokens=whole,
        cache_read_input_tokens=heard_again + read,
        cache_read_audio_tokens=heard_again,
        cache_creation_input_tokens=written + kept,
        cache_creation_1h_input_tokens=kept,
        input_audio_tokens=heard_again + audio,
        input_image_tokens=image,
        input_video_tokens=video,
        output_tokens=output if told else None,
        reasoning_output_tokens=reasoning if told else None,
        output_audio_tokens=spoken if told else None,
        output_image_tokens=drawn if told else None,
        web_searches=draw.randint(0, searches),
        file_searches=draw.randint(0, TOOL_CALLS) if "file_search" in asked.paid_tools else None,
        images=draw.randint(0, fixed.images or 0),
        # Without a kind in the request the answer may be of any.
        image_kind=fixed.image_kind or draw.choice(KINDS),
        output_video_seconds=draw.randint(0, fixed.output_video_seconds or 0),
        video_kind=fixed.video_kind or draw.choice(("720p", "4k", None)),
        characters=draw.choice((None, draw.randint(0, fixed.characters or 0))),
        pages=pages,
        annotated_pages=draw.randint(
            0, min(pages, fixed.annotated_pages if fixed.annotated_pages is not None else pages)
        ),
        search_units=draw.randint(0, fixed.search_units or 0),
        output_audio_seconds=draw.randint(0, fixed.output_audio_seconds or 0),
        citation_tokens=draw.randint(0, fixed.citation_tokens or 0),
        input_audio_seconds=draw.randint(
            0, seconds if seconds is not None else -(-body_bytes // AUDIO_BYTES_PER_SECOND)
        ),
    )


def billed_at(draw: random.Random, provider: str, asked: str | None) -> str | None:
    """A tier that the answer may name, whatever was asked for: a dearer one only where it was asked for or left open."""
    cheap = [None, "default", "flex", "batch", *([asked] if asked != "auto" else [])]
    if provider == "anthropic" and (asked or "") not in ("global",):
        cheap.append("us" if asked is None or "+" in asked or asked == "us" else f"{asked}+us")
    if provider == "perplexity" and asked not in ("low", "medium", "high"):
        cheap += ["low", "medium", "high"]
    return draw.choice(cheap)


def check(provider: str, model: str, number: int) -> int:
    draw = random.Random(f"{provider}/{model}")
    bounded = 0
    for _ in range(number):
        asked, body_bytes, at_ms = ask(draw), draw.randint(0, 400_000), DAY + draw.randint(0, 48 * 3_600_000)
        bound = estimate(asked, body_bytes, provider=provider, model=model, book=BOOK, at_ms=at_ms)
        assert isinstance(bound, Quote)
        if bound.unbounded is not None:
            continue
        bounded += 1
        report = Report(
            usage=usage(draw, asked, bound, body_bytes), service_tier=billed_at(draw, provider, asked.service_tier)
        )
        charged = charge_report(
            report, BOOK, provider=provider, requested_model=model, at_ms=at_ms + draw.randint(0, HORIZON_MS)
        )
        if charged is None:
            continue
        assert isinstance(charged, Charge)
        assert 0 <= charged.amount <= bound.amount, (asked, report, charged, bound)
        assert charged.amount == sum(line.amount for line in charged.lines)
        assert len({line.meter for line in charged.lines}) == len(charged.lines)
        assert all(line.amount >= 0 and line.quantity > 0 for line in charged.lines)
    return bounded


@pytest.mark.parametrize(("provider", "model"), FAMILIES)
def test_no_usage_within_the_bounds_is_charged_above_the_quote(provider: str, model: str) -> None:
    assert check(provider, model, 300) > 30


@pytest.mark.slow
@pytest.mark.parametrize(("provider", "model"), FAMILIES)
def test_of_a_hundred_thousand_usages_within_the_bounds_none_is_charged_above_the_quote(
    provider: str, model: str
) -> None:
    assert check(provider, model, 100_000) > 10_000
