"""How a gateway tries its targets, as it is written."""

from tollway.document.written_gateway import GatewayDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import Retry

MOST_ATTEMPTS = 5
LONGEST_DELAY_MS = 60_000
LONGEST_TIMEOUT_MS = 3_600_000


def read_retry(written: GatewayDocument) -> Retry:
    """How often, and after which time. Raises SettingsInvalid naming the field, the value and the way out."""
    where = f"gateways.{written.slug}"
    own = {
        "retry_max_attempts": written.retry_max_attempts,
        "retry_delay": written.retry_delay,
        "retry_backoff": written.retry_backoff,
    }
    said = [name for name, value in own.items() if value is not None]
    if written.retry is not None and said:
        raise SettingsInvalid(f"{where}: {said[0]} says the same as retry; write one of them.")
    plain = Retry()
    if written.retry is not None:
        found = Retry(
            max_attempts=written.retry.max_attempts, delay_ms=written.retry.delay_ms, backoff=written.retry.backoff
        )
    else:
        found = Retry(
            max_attempts=plain.max_attempts if written.retry_max_attempts is None else written.retry_max_attempts,
            delay_ms=plain.delay_ms if written.retry_delay is None else written.retry_delay,
            backoff=plain.backoff if written.retry_backoff is None else written.retry_backoff,
        )
    if not 1 <= found.max_attempts <= MOST_ATTEMPTS:
        name = "retry.max_attempts" if written.retry is not None else "retry_max_attempts"
        raise SettingsInvalid(f"{where}.{name}: {found.max_attempts} is not from 1 to {MOST_ATTEMPTS}.")
    if not 0 <= found.delay_ms <= LONGEST_DELAY_MS:
        name = "retry.delay_ms" if written.retry is not None else "retry_delay"
        raise SettingsInvalid(f"{where}.{name}: {found.delay_ms} is not from 0 to {LONGEST_DELAY_MS:,}.")
    return found


def read_timeout(written: GatewayDocument) -> int | None:
    """Milliseconds until an answer has to begin. Raises SettingsInvalid."""
    timeout_ms = written.timeout_ms
    if timeout_ms is not None and not 1 <= timeout_ms <= LONGEST_TIMEOUT_MS:
        raise SettingsInvalid(
            f"gateways.{written.slug}.timeout_ms: {timeout_ms} is not from 1 to {LONGEST_TIMEOUT_MS:,} milliseconds; leave it "
            "out to wait as long as the provider's first_byte_timeout_s says."
        )
    return timeout_ms
