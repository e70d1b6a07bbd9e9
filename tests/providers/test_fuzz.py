"""Whatever a provider answers and a caller asks: no crash, no negative count, no free answer, the same however it is cut.

The same cases by the million: `make fuzz`. The rules are in `fuzzing.py`.
"""

from random import Random
from typing import Any

import fuzz_growth
import fuzz_seeds
import fuzzing
import msgspec
import pytest
from fuzzing import Case, Fuzz, Violation
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.providers import registry

SEEDS = fuzz_seeds.SEEDS + fuzz_seeds.recorded()
FUZZ_RANDOM = Random()
FUZZ = Fuzz(FUZZ_RANDOM, SEEDS)
BY_API = {seed.api: seed for seed in reversed(fuzz_seeds.SEEDS)}
CASES = 60
"""Of every example, so that preparing one costs little."""

NAMES = st.sampled_from(sorted({name for seed in fuzz_seeds.BUILT_IN for name in fuzzing.names_in(seed)}))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)


def test_every_api_is_fuzzed() -> None:
    assert set(BY_API) == set(registry._CODECS)  # pyright: ignore[reportPrivateUsage]


def test_every_priced_api_is_tried_at_a_price() -> None:
    unpriced = {api for api, seed in BY_API.items() if not fuzzing.offers(seed)}
    assert unpriced <= {"openai.batches", "openai.files", "anthropic.batches"}


@pytest.mark.parametrize("api", sorted(BY_API))
@given(st.integers(0, 2**32))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_spoilt_answers_streams_and_requests_keep_the_rules(api: str, lot: int) -> None:
    FUZZ_RANDOM.seed(lot)
    for _ in range(CASES):
        case = FUZZ.case(api)
        try:
            fuzzing.check(case)
        except Exception as error:
            error.add_note(repr(case)[:4000])
            raise


@pytest.mark.parametrize("api", sorted(BY_API))
@given(st.dictionaries(NAMES, JSON, max_size=6), st.integers(0, 999))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_json_keeps_the_rules(api: str, value: dict[str, Any], lot: int) -> None:
    body, seed = msgspec.json.encode(value), BY_API[api]
    fuzzing.check(Case("answer", seed, body, lot=lot))
    fuzzing.check(Case("request", seed, body, lot=lot))
    events = b"data: " + body + b"\n\n"
    fuzzing.check(Case("stream", seed, events, cuts=(lot % len(events),), lot=lot))


@pytest.mark.parametrize(
    "api", ["openai.chat", "openai.responses", "anthropic.messages", "google.generate", "bedrock.converse"]
)
def test_time_grows_no_faster_than_the_body(api: str) -> None:
    shapes = {
        name: fuzz_growth.SHAPES[name]
        for name in ("many tools", "many native tools", "many keys", "an image", "quotes")
    }
    unfair = [growth for growth in fuzz_growth.measured(BY_API[api], 200_000, shapes) if not growth.fair]
    assert unfair == []


def test_a_broken_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = BY_API["openai.chat"]
    codec = fuzzing.codec_for("openai.chat")
    monkeypatch.setattr(type(codec), "read_ask", lambda *_: fuzzing.Ask(choices=-1))
    with pytest.raises(Violation, match="no figure of an ask is negative"):
        fuzzing.check(Case("request", seed, seed.request))
