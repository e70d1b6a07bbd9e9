import pytest

from tollway.errors import SettingsInvalid
from tollway.pricing.overrides import PriceOverride, read_overrides
from tollway.pricing.units import NOTHING, ModelLimits, UnitPrice


def test_dollars_per_million_tokens_and_dollars_each_are_read_exactly() -> None:
    (override,) = read_overrides(
        [PriceOverride(provider="grok", model="My-*", input="0.0375", output="1.5", cache_write_1h="3", request="0.01")]
    )
    assert override.provider == "xai"
    assert override.units == {
        "input": UnitPrice(37_500_000, 10**6),
        "output": UnitPrice(1_500_000_000, 10**6),
        "cache_write_1h": UnitPrice(3_000_000_000, 10**6),
        "request": UnitPrice(10_000_000, 1),
    }
    assert not override.free


@pytest.mark.parametrize(
    ("pattern", "provider", "model", "holds"),
    [
        ("My-*", "openai", "my-model", True),
        ("My-*", "openai", "not-my-model", False),
        ("my", "openai", "my", True),
        ("my", "openai", "my-model", False),
        ("*", "openai", "anything", True),
        ("*", "anthropic", "anything", False),
    ],
)
def test_a_pattern_matches_the_whole_name_in_any_case(pattern: str, provider: str, model: str, holds: bool) -> None:
    (override,) = read_overrides([PriceOverride(provider="openai", model=pattern, free=True)])
    assert override.holds(provider, model) is holds


@pytest.mark.parametrize(
    "written",
    [
        PriceOverride(provider="local", model="*", free=True),
        PriceOverride(provider="local", model="*", input="0", output="0"),
    ],
)
def test_free_may_be_said_in_two_ways(written: PriceOverride) -> None:
    (override,) = read_overrides([written])
    assert override.free
    assert all(unit.amount == 0 for unit in override.units.values())
    assert override.units["input"] == NOTHING


def test_a_price_for_each_request_needs_no_token_price() -> None:
    (override,) = read_overrides([PriceOverride(provider="local", model="*", request="0.002")])
    assert override.units == {"request": UnitPrice(2_000_000, 1)}


def test_limits_may_be_given_with_a_price() -> None:
    (override,) = read_overrides(
        [PriceOverride(provider="local", model="*", free=True, context_window=8192, max_output_tokens=1024)]
    )
    assert override.limits == ModelLimits(8192, 1024)


def test_another_amount_is_another_digest() -> None:
    one, same, other = read_overrides(
        [PriceOverride(provider="local", model="*", input=amount, output="1") for amount in ("1", "1.0", "2")]
    )
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "names no amount"),
        ({"free": True, "input": "1", "output": "1"}, "free: true"),
        ({"input": "1"}, 'both "input" and "output"'),
        ({"output": "1"}, 'both "input" and "output"'),
        ({"output": "1", "request": "1"}, 'both "input" and "output"'),
        ({"web_search": "1"}, 'both "input" and "output"'),
        ({"input": "1e-3", "output": "1"}, "is not an amount of US dollars"),
        ({"input": "$1", "output": "1"}, "is not an amount of US dollars"),
        ({"input": "-1", "output": "1"}, "below zero"),
        ({"free": True, "effective_from": "0001-01-01T00:00:00+14:00"}, "in no year from 1 to 9999"),
        ({"free": True, "effective_to": "9999-12-31T23:59:59-14:00"}, "in no year from 1 to 9999"),
    ],
)
def test_a_price_that_cannot_be_meant_is_refused_and_named(fields: dict[str, str | bool], message: str) -> None:
    written = PriceOverride(provider="local", model="tiny", **fields)  # type: ignore[arg-type]
    with pytest.raises(SettingsInvalid, match=message) as raised:
        read_overrides([written])
    assert 'price of "local/tiny"' in str(raised.value)


def test_every_other_meter_is_read_in_the_unit_it_is_written_for() -> None:
    (override,) = read_overrides(
        [
            PriceOverride(
                provider="openai",
                model="*",
                images={"HD/1024x1792": "0.12"},
                image="0.04",
                videos={"1080p": "0.5"},
                video_seconds="0.3",
                characters="15",
                pages="0.004",
                annotated_pages="0.005",
                search_unit="0.002",
                messages="0.004",
                input_audio_hours="0.36",
                output_audio_hours="0.9",
                citation="2",
                input="1",
                output="1",
                input_video="3",
            )
        ]
    )
    assert override.units["image:hd/1024x1792"] == UnitPrice(120_000_000, 1)
    assert override.units["video_seconds:1080p"] == UnitPrice(500_000_000, 1)
    assert override.units["characters"] == UnitPrice(15_000_000_000, 10**6)
    assert override.units["input_audio_seconds"] == UnitPrice(360_000_000, 3_600)
    assert override.units["output_audio_seconds"] == UnitPrice(900_000_000, 3_600)
    assert override.units["citation"] == UnitPrice(2_000_000_000, 10**6)
    assert override.units["search_unit"] == UnitPrice(2_000_000, 1)
    assert len(override.units) == 15


@pytest.mark.parametrize(
    ("written", "factor"),
    [
        ({"discount": "15%"}, (85, 100)),
        ({"discount": "12.5 %"}, (175, 200)),
        ({"discount": "0%"}, (100, 100)),
        ({"markup": "5%"}, (105, 100)),
        ({"markup": "250%"}, (350, 100)),
    ],
)
def test_a_part_of_the_list_price_is_an_exact_fraction(written: dict[str, str], factor: tuple[int, int]) -> None:
    (override,) = read_overrides([PriceOverride(provider="openai", model="*", **written)])  # type: ignore[arg-type]
    assert override.factor == factor
    assert override.units == {} and not override.free


def test_an_override_holds_from_an_instant_until_before_another() -> None:
    (override,) = read_overrides(
        [
            PriceOverride(
                provider="openai",
                model="*",
                free=True,
                effective_from="2026-07-01",
                effective_to="2026-08-01T02:00:00+02:00",
            )
        ]
    )
    begins, ends = 1_782_864_000_000, 1_785_542_400_000
    assert (override.effective_from, override.effective_to) == (begins, ends)
    assert [override.active(at) for at in (begins - 1, begins, ends - 1, ends)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"discount": "15"}, 'write "15%"'),
        ({"discount": "-1%"}, 'write "15%"'),
        ({"discount": "100%"}, 'write "free: true"'),
        ({"discount": "15%", "markup": "5%"}, "leave one of the two out"),
        ({"discount": "15%", "input": "1", "output": "1"}, "leave out the amounts"),
        ({"discount": "15%", "free": True}, "leave out the amounts"),
        ({"web_search": "1"}, 'needs both "input" and "output"'),
        ({"annotated_pages": "1"}, 'needs both "input" and "output"'),
        ({"images": {"hd": "x"}}, "images, hd"),
        ({"free": True, "effective_from": "July"}, "neither a date"),
        ({"free": True, "effective_from": "2026-07-01T00:00:00"}, "has no time zone"),
        ({"free": True, "effective_from": "2026-07-02", "effective_to": "2026-07-02"}, "ends before it begins"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(written: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_overrides([PriceOverride(provider="openai", model="gpt", **written)])  # type: ignore[arg-type]
    assert 'price of "openai/gpt"' in str(refused.value) and said in str(refused.value)
