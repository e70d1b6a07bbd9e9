"""What a caller's headers ask of the gateway itself: `tollway-*`, and Cloudflare's `cf-aig-*` of the same meaning."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from tollway.request import Handling

NAMES = frozenset(
    b"request-timeout max-attempts retry-delay backoff skip-cache cache-ttl cache-key session-id turn-id no-session-affinity "
    b"allowed-models allowed-providers collect-log collect-log-payload".split()
)
"""Behind the prefix."""
OLD_NAMES = {b"cf-skip-cache": b"skip-cache", b"cf-cache-ttl": b"cache-ttl"}
"""Cloudflare's own from before `cf-aig-`."""
LONGEST = 1_024
_LONGEST_TIMEOUT_MS = 3_600_000


def handling_of(said: Mapping[bytes, str], idempotency_key: str | None) -> Handling | str:
    """What the headers mean, by their names without the prefix; or what is wrong with one, as a sentence."""
    found: dict[str, object] = {"idempotency_key": idempotency_key}
    for name, text in said.items():
        field, read = _FIELDS[name]
        value = read(text)
        if isinstance(value, _Wrong):
            return f'The header {name.decode()} is "{text[:64]}"; send {value.wanted}.'
        found[field] = value
    return Handling(**found)  # type: ignore[arg-type]


def fields_of(said: Iterable[bytes]) -> frozenset[str]:
    """The fields of `Handling` that headers of these names speak of, be it that they switch something off."""
    return frozenset(_FIELDS[name][0] for name in said)


class _Wrong(msgspec.Struct, frozen=True):
    wanted: str


def _number(least: int, most: int) -> Callable[[str], int | _Wrong]:
    def read(text: str) -> int | _Wrong:
        if text.isascii() and text.isdigit() and least <= int(text[:12]) <= most:
            return int(text)
        return _Wrong(f"a whole number from {least:,} to {most:,}")

    return read


def _flag(text: str) -> bool | _Wrong:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), _Wrong('"true" or "false"'))


def _backoff(text: str) -> str | _Wrong:
    lowered = text.lower()
    return lowered if lowered in ("constant", "linear", "exponential") else _Wrong("constant, linear or exponential")


def _text(text: str) -> str | _Wrong:
    return text if 0 < len(text) <= LONGEST and text.isprintable() else _Wrong(f"1 to {LONGEST:,} printable characters")


def _list(text: str) -> tuple[str, ...] | _Wrong:
    found = tuple(entry.strip() for entry in text.split(",") if entry.strip())
    return found if found and len(text) <= 8 * LONGEST else _Wrong("names with commas between them")


_FIELDS: dict[bytes, tuple[str, Callable[[str], object]]] = {
    b"request-timeout": ("timeout_ms", _number(1, _LONGEST_TIMEOUT_MS)),
    b"max-attempts": ("max_attempts", _number(1, 5)),
    b"retry-delay": ("retry_delay_ms", _number(0, 60_000)),
    b"backoff": ("backoff", _backoff),
    b"skip-cache": ("skip_cache", _flag),
    # What is no time that anything is kept for is said by the cache, which knows the bounds.
    b"cache-ttl": ("cache_ttl_s", _number(0, 10**9)),
    b"cache-key": ("cache_key", _text),
    b"session-id": ("session_id", _text),
    b"turn-id": ("turn_id", _text),
    b"no-session-affinity": ("no_session_affinity", _flag),
    b"allowed-models": ("allowed_models", _list),
    b"allowed-providers": ("allowed_providers", _list),
    b"collect-log": ("collect_log", _flag),
    b"collect-log-payload": ("collect_payload", _flag),
}
