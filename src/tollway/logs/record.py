"""One request as the log keeps it: who, what, which rules, what it cost, how long it took. Never a secret, never a body."""

from typing import Literal

import msgspec

from tollway.ledger.reservation import Hold
from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.usage import Usage

Billing = Literal["charged", "kept", "not_sent", "not_billed", "unknown"]
"""charged: `charge` says how much. kept: the answer was kept from a request before. not_sent: no provider was called.
not_billed: the provider answered with an error and told no usage, so its hold was given back. unknown: nobody knows."""
_UNSENT = ("not_sent", "downgraded")


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One choice made on the way, with the rule that made it."""

    step: str
    """authenticate | route | policy | price | reserve | forward | settle"""
    outcome: Literal["allow", "deny", "note"]
    code: str = ""
    """A key of `errors.REASONS`, or a note such as "clamped", "would_refuse"."""
    rule: str = ""
    """The budget, policy, key or provider that decided."""
    detail: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of a provider."""

    number: int
    provider: str
    model: str
    outcome: str
    """answered | rejected | not_sent | no_answer | client_gone | broken_off"""
    status: int | None = None
    code: str = ""
    cost: Money | None = None
    """Nanodollars that were booked for it; `None` where nothing was, or no price is known."""
    sent_us: int | None = None
    """From the request received to this call sent, in microseconds; `None` where it was not sent."""
    ended_us: int | None = None
    """To its end."""


class Raised(msgspec.Struct, frozen=True):
    """How the metered holds of an answer followed it; those that are not metered stayed as they were."""

    first: int
    """Nanodollars held to begin with, on each account."""
    last: int
    """Nanodollars held when it ended; less than `first` where the input turned out to be smaller than its bound."""
    times: int
    """How often they were raised."""


class Durations(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Microseconds on the monotonic clock."""

    total_us: int
    sent_us: int | None = None
    """From the request received to the one sent to the provider, of the last try."""
    upstream_us: int | None = None
    """From the request sent to the end of the answer, of all tries together."""
    first_chunk_us: int | None = None
    """From the request received to the first byte of the answer."""

    waited_us: int = 0
    """Between tries, by a budget's command, and in line for money that others held."""

    @property
    def overhead_us(self) -> int:
        """What Tollway itself took."""
        return max(self.total_us - (self.upstream_us or 0) - self.waited_us, 0)


class LogRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request from credential to log line."""

    request_id: str
    at: int
    """Unix milliseconds of its arrival."""
    gateway: str
    method: str
    path: str
    api: str
    status: int
    """The status the caller was given; 499 where the caller left first."""
    code: str = ""
    """Why it was refused or ended early; empty where all went well."""
    provider: str | None = None
    request_model: str | None = None
    """The one that was called, or was to be; of a request that came to none, the name in it."""
    unserved: bool = False
    """It came to no model: `request_model` is what its caller wrote, and may be any name. So it is counted with those that name none
    wherever names are kept for good."""
    response_model: str | None = None
    user: str | None = None
    groups: tuple[str, ...] = ()
    key: str | None = None
    service: str | None = None
    metadata: dict[str, str] = {}
    usage: Usage | None = None
    finish_reason: str | None = None
    """Why the model stopped, as the provider names it."""
    charge: Charge | None = None
    """Of all attempts together. `None` where nothing was charged or no price is known; `code` and `decisions` say which."""
    holds: tuple[Hold, ...] = ()
    """As they were placed."""
    raised: Raised | None = None
    """What became of those that are metered; `None` where none is."""
    before: tuple[tuple[int, int], ...] = ()
    """What was spent and held on the account of each of `holds` when it was placed, in nanodollars, without it."""
    proven_by: Literal["", "key", "token"] = ""
    """What says who it is; empty for nobody in particular."""
    declared: tuple[str, ...] = ()
    """Names among `metadata` that the caller only declared."""
    decisions: tuple[Decision, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    durations: Durations
    streamed: bool = False
    request_bytes: int = 0
    response_bytes: int = 0
    user_agent: str = ""
    cached: bool = False
    """The answer was kept from a request before: it cost nothing, and no provider was called."""
    saved: Money | None = None
    """cached: nanodollars that the answer cost then; `None` where no price was known."""

    @property
    def billing(self) -> Billing:
        """What became of its money."""
        if self.charge is not None:
            return "charged"
        if self.cached:
            return "kept"
        if self.usage is not None or any(
            note.code == "price_unknown" for note in self.decisions if note.step == "settle"
        ):
            return "unknown"
        outcomes = {attempt.outcome for attempt in self.attempts if attempt.outcome not in _UNSENT}
        if not outcomes:
            return "not_sent"
        return "not_billed" if outcomes == {"rejected"} else "unknown"
