"""What a caller's headers ask of the gateway itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.handling import _FIELDS, LONGEST, NAMES, OLD_NAMES, fields_of, handling_of
from tollway.proxy.taken import Taken
from tollway.request import NO_HANDLING, Handling


def test_who_says_nothing_asks_for_nothing() -> None:
    assert handling_of({}, None) == NO_HANDLING


def test_every_name_that_is_taken_from_the_headers_is_read() -> None:
    assert set(_FIELDS) == NAMES
    assert set(OLD_NAMES.values()) <= NAMES


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        (b"request-timeout", "1500", "timeout_ms", 1_500),
        (b"max-attempts", "5", "max_attempts", 5),
        (b"retry-delay", "0", "retry_delay_ms", 0),
        (b"backoff", "Exponential", "backoff", "exponential"),
        (b"skip-cache", "true", "skip_cache", True),
        (b"skip-cache", "0", "skip_cache", False),
        (b"cache-ttl", "0", "cache_ttl_s", 0),
        (b"cache-key", "greeting", "cache_key", "greeting"),
        (b"session-id", "s-1", "session_id", "s-1"),
        (b"collect-log", "false", "collect_log", False),
        (b"collect-log-payload", "TRUE", "collect_payload", True),
        (b"turn-id", "t-1", "turn_id", "t-1"),
        (b"no-session-affinity", "TRUE", "no_session_affinity", True),
        (b"allowed-models", "openai/*, ,anthropic/claude-*", "allowed_models", ("openai/*", "anthropic/claude-*")),
        (b"allowed-providers", "openai", "allowed_providers", ("openai",)),
    ],
)
def test_a_header_means_a_field(name: bytes, text: str, field: str, value: object) -> None:
    found = handling_of({name: text}, None)
    assert isinstance(found, Handling)
    assert found == Handling(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        (b"request-timeout", "0", "a whole number from 1 to 3,600,000"),
        (b"request-timeout", "1.5", "a whole number"),
        (b"request-timeout", "٥", "a whole number"),
        (b"request-timeout", "9" * 5_000, "a whole number"),
        (b"max-attempts", "6", "from 1 to 5"),
        (b"max-attempts", "-1", "from 1 to 5"),
        (b"max-attempts", "2,3", "from 1 to 5"),
        (b"retry-delay", "60001", "from 0 to 60,000"),
        (b"backoff", "quadratic", "constant, linear or exponential"),
        (b"skip-cache", "perhaps", '"true" or "false"'),
        (b"collect-log", "", '"true" or "false"'),
        (b"collect-log-payload", "no", '"true" or "false"'),
        (b"cache-key", "", "1 to 1,024 printable characters"),
        (b"cache-key", "k" * (LONGEST + 1), "1 to 1,024 printable characters"),
        (b"cache-key", "a\tb", "printable"),
        (b"allowed-models", " , ", "names with commas between them"),
        (b"allowed-models", "m," * 5_000, "names with commas"),
    ],
)
def test_what_it_cannot_mean_is_said_with_what_it_can(name: bytes, text: str, wanted: str) -> None:
    found = handling_of({name: text}, None)
    assert isinstance(found, str)
    assert found.startswith(f'The header {name.decode()} is "{text[:64]}"; send ') and wanted in found


@given(st.sampled_from(sorted(NAMES)), st.text(max_size=40))
def test_whatever_a_header_says_is_a_value_or_a_sentence(name: bytes, text: str) -> None:
    assert isinstance(handling_of({name: text}, None), Handling | str)


def test_both_spellings_and_cloudflares_old_ones_are_the_same() -> None:
    spelled = [b"tollway-cache-ttl", b"cf-aig-cache-ttl", b"cf-cache-ttl"]
    assert [Taken([(name, b" 60 ")]).asked for name in spelled] == [{b"cache-ttl": "60"}] * 3
    assert Taken([(b"cf-skip-cache", b"true")]).asked == {b"skip-cache": "true"}


def test_of_two_neither_is_picked() -> None:
    asked = Taken([(b"tollway-max-attempts", b"2"), (b"cf-aig-max-attempts", b"3")]).asked
    assert asked is not None and isinstance(handling_of(asked, None), str)
    assert Taken([(b"idempotency-key", b"a"), (b"idempotency-key", b"b")]).idempotency_key == "a,\nb"


def test_an_idempotency_key_is_kept_as_it_was_written() -> None:
    assert handling_of({}, "8e03978e") == Handling(idempotency_key="8e03978e")


def test_what_is_said_is_known_by_its_name_and_not_by_its_value() -> None:
    assert fields_of({b"retry-delay": "0", b"skip-cache": "false"}) == {"retry_delay_ms", "skip_cache"}
    assert fields_of({}) == frozenset()
