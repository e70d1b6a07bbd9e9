"""Whether a target is tried again, and when. Pure: chance is taken from the request's id."""

import hashlib
from email.utils import parsedate

from tollway.gateway import Retry
from tollway.request import Handling

ONCE = Retry()
MOST_ATTEMPTS = 5
MOST_CALLS = 10
"""Of all steps of one array of calls together: rate limits count it as one request."""
CHANCES = 2**56
"""`chance_of` gives one of so many."""
LONGEST_DELAY_MS = 60_000
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
"""What a provider answers that may answer otherwise in a moment. A 501, or a 505, never will."""


def worth_retrying(status: int) -> bool:
    """Whether the same request may fare better at the same target."""
    return status in _AGAIN


def retry_of(settings: Retry, handling: Handling) -> Retry:
    """What holds for a request: what its headers say, else what the gateway's settings do."""
    if handling.max_attempts is None and handling.retry_delay_ms is None and handling.backoff is None:
        return settings
    return Retry(
        max_attempts=settings.max_attempts if handling.max_attempts is None else handling.max_attempts,
        delay_ms=settings.delay_ms if handling.retry_delay_ms is None else handling.retry_delay_ms,
        backoff=settings.backoff if handling.backoff is None else handling.backoff,
    )


def attempts_of(retry: Retry) -> int:
    """How often a target is tried at most."""
    return min(retry.max_attempts, MOST_ATTEMPTS)


def wait_ms(retry: Retry, tried: int, chance: int, retry_after_ms: int | None = None) -> int | None:
    """Milliseconds until the next try, when `tried` were made; `None` where there is to be none.

    What is computed is cut by up to a quarter by `chance` (of `CHANCES`), so that a crowd that failed together does not come back
    together, and the next delay of two that double is longer all the same.
    What the provider asks for (`retry_after_ms`) is never gone below; where it asks for more than a minute, no caller waits for it.
    """
    if tried >= attempts_of(retry):
        return None
    match retry.backoff:
        case "constant":
            base = retry.delay_ms
        case "linear":
            base = retry.delay_ms * tried
        case "exponential":
            base = retry.delay_ms * 2 ** (tried - 1)
    base = min(base, LONGEST_DELAY_MS)
    wait = base - base * chance // (4 * CHANCES)
    if retry_after_ms is None:
        return wait
    if retry_after_ms > LONGEST_DELAY_MS:
        return None
    return max(wait, retry_after_ms)


def retry_after_ms(headers: tuple[tuple[bytes, bytes], ...]) -> int | None:
    """What a provider's answer asks to be waited, in milliseconds: `retry-after-ms`, or `Retry-After` in seconds (RFC 9110, 10.2.3).

    Of a date it cannot be known by whose clock it is: it stands for longer than anybody waits.
    """
    found: int | None = None
    for name, value in headers:
        text = value.decode("latin-1").strip()
        if name == b"retry-after-ms" and text.isascii() and text.isdigit():
            return min(int(text[:10]), 2**31)
        if name == b"retry-after":
            whole, _, part = text.partition(".")
            if whole.isascii() and whole.isdigit() and (not part or (part.isascii() and part.isdigit())):
                found = min(int(whole[:8]), 2**21) * 1000 + (int(f"{part:0<3}"[:3]) if part else 0)
            elif parsedate(text) is not None:
                found = LONGEST_DELAY_MS + 1
    return found


def chance_of(request_id: str, what: str) -> int:
    """A number from 0 to below `CHANCES`, spread evenly over requests, and the same for the same request and purpose."""
    drawn = hashlib.sha256(f"{request_id}\0{what}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(drawn[:7], "big")
