"""The commands an exchange yields and the replies it is sent.

| command      | replies                            |
|--------------|------------------------------------|
| Authenticate | Identity, Refusal                  |
| Reserve      | Held, Exhausted, Gone, Unavailable |
| Forward      | Head, NotSent, NoAnswer            |
| Read         | Ended                              |
| Relay        | Ended                              |
| Pause        | None                               |
| Recheck      | Held, Exhausted, Gone, Unavailable |
| Send         | Sent                               |
| Settle       | None                               |
| Release      | None                               |
| Log          | None                               |
| Compute      | Any                                |
| Count        | Counted, None                      |
| ReadRequests | Requests, Malformed                |
| Recall       | Job, None, Unavailable             |
| Remember     | None, Unavailable                  |
| Admit        | Admitted, Limited                  |
| Corrected    | None                               |
| Weighed      | int                                |
| Booked       | None                               |
| Consult      | Seen                               |
| Lookup       | Kept, None                         |
| Keep         | None                               |
| Begin        | Fresh, Wait, Replay, Mismatch, Lost, Unavailable |
| Finish       | None                               |
| Decide       | Decided                            |
| Pinned       | None                               |
| Translate    | Worded, Untranslatable, Malformed, Unavailable |
| TranslateBack | Told, Unavailable                 |

A failure is a reply, never an exception. Commands behind Log are only for what is switched on, such as routes and the cache.

Those that every request has are final, and told apart by `type(...) is`: to ask `isinstance` of a Struct that is another costs ten
times as much, and a request asks fifty times.
"""

from collections.abc import Callable, Generator
from typing import Any, Literal, final

import msgspec

from tollway.cache.entry import Tape
from tollway.exchange.allowance import Allowance
from tollway.exchange.auto_steps import Decide, Pinned
from tollway.exchange.keeping_steps import Begin, Finish, Keep, Lookup
from tollway.exchange.recheck import Recheck
from tollway.exchange.refusal import Refusal
from tollway.exchange.translate_steps import Translate, TranslateBack
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.job import Job
from tollway.ledger.reservation import Exhausted, Reservation
from tollway.logs.record import LogRecord
from tollway.pricing.calibration import Observed
from tollway.providers.codec import Meter
from tollway.providers.gathered import Gatherer
from tollway.providers.rewrite import Rewrite, written
from tollway.providers.shown import Kept
from tollway.providers.vocabularies import Name
from tollway.rates.claims import RateClaim
from tollway.rates.counters import Admitted
from tollway.request import InferenceRequest
from tollway.routes.walk import Weigh
from tollway.snapshot import Route
from tollway.translate.codec import Translating
from tollway.usage import Report


@final
class Authenticate(msgspec.Struct, frozen=True):
    """Who is asking?"""

    request: InferenceRequest


@final
class Reserve(msgspec.Struct, frozen=True):
    """Hold the money, durably, on every account or on none; wait up to `wait_s` where others only hold it."""

    reservation: Reservation
    wait_s: float = 0.0


Stops = Callable[[Exhausted | None], Refusal]
"""Makes the refusal of an answer whose hold could not be raised; `None` is for a ledger that does not answer."""


@final
class Forward(msgspec.Struct, frozen=True):
    """Send the request to the provider. Only to be yielded with a reservation that stands."""

    reservation: Reservation
    route: Route
    request: InferenceRequest
    path: str
    rewrite: Rewrite | None = None
    """What is to be changed in the request's body before it is sent; `None` where it goes as it came."""
    query: bytes | None = None
    """Without the question mark, where it is not the request's own."""
    allowance: Allowance | None = None
    """How the hold follows the answer; `None` where it covers the whole of it."""
    stops: Stops | None = None
    """What the caller is told where the hold cannot be raised."""
    timeout_ms: int | None = None
    """Until the head of the answer; `None`: as long as the provider's settings say."""

    @property
    def body(self) -> bytes:
        """What is sent. A large one takes long to write: see `Heavy.write`."""
        body = self.request.body
        return body if self.rewrite is None else written(body, self.rewrite)


@final
class Read(msgspec.Struct, frozen=True):
    """Take the whole answer in, because its cost goes into a header before it."""

    plain: bool = False
    """Its bytes are to be read here, whatever content encoding they came in."""


@final
class Relay(msgspec.Struct, frozen=True):
    """Pass the answer on as it comes, past the meter."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    meter: Meter
    longest_s: float
    gather: Gatherer | None = None
    """Takes the answer instead of the caller, who is to have it as a whole."""
    translation: Translating | None = None
    """Puts the answer into the words of the caller's API."""
    tape: Tape | None = None
    """Takes down what the caller is sent."""


@final
class Pause(msgspec.Struct, frozen=True):
    """Wait before going on; less if the caller leaves."""

    delay_ms: int


@final
class Send(msgspec.Struct, frozen=True):
    """Answer the caller with a whole body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@final
class Settle(msgspec.Struct, frozen=True):
    """Make the charge final."""

    entry: LedgerEntry
    observed: Observed | None = None
    """What is to be learned from it."""


class Release(msgspec.Struct, frozen=True):
    """Give the holds back: provably nothing was billed."""

    reservation_id: str
    code: str


@final
class Log(msgspec.Struct, frozen=True):
    """Remember the request."""

    record: LogRecord


class Compute(msgspec.Struct, frozen=True):
    """Work something out that takes too long for one turn of the event loop; the work is pure, and the reply its value."""

    work: Callable[[], Generator[None, None, Any]]
    """It yields after every short step, so that others have their turn."""


class Count(msgspec.Struct, frozen=True):
    """Count in tokens, elsewhere; `None` where that cannot be done now."""

    vocabulary: Name
    shown: tuple[str, ...] = ()
    """What a stream has shown."""
    request: InferenceRequest | None = None
    """Whose prompt is to be counted as well."""


class ReadRequests(msgspec.Struct, frozen=True):
    """Read the requests of a batch in the request's body, which may be large."""

    request: InferenceRequest


class Admit(msgspec.Struct, frozen=True):
    """Count the request on every rate limit, or on none."""

    claims: tuple[RateClaim, ...]
    tokens: int
    """What it is likely to use."""
    requests: int = 1
    """0 where it is counted already, and is now likely to use so many more."""


class Corrected(msgspec.Struct, frozen=True):
    """Put right what an admitted request was expected to use."""

    admitted: Admitted
    tokens: int | None
    """`None`: it was never sent."""


class Weighed(msgspec.Struct, frozen=True):
    """Count the request on a limit of a route; the reply is 0 where it is under it, else the milliseconds until it would be."""

    weigh: Weigh


class Booked(msgspec.Struct, frozen=True):
    """Count what a request cost on the limits of a route that count dollars."""

    weighed: tuple[Weigh, ...]
    nanodollars: int


class Consult(msgspec.Struct, frozen=True):
    """How have these targets done of late? One `Seen` for each is replied."""

    names: tuple[str, ...]


class Recall(msgspec.Struct, frozen=True):
    """What is known of this batch or file?"""

    job_id: str


class Remember(msgspec.Struct, frozen=True):
    """Keep what is known of a batch or file, durably."""

    job: Job


Command = (
    Authenticate
    | Reserve
    | Pause
    | Recheck
    | Forward
    | Read
    | Relay
    | Send
    | Settle
    | Release
    | Log
    | Compute
    | Count
    | ReadRequests
    | Recall
    | Remember
    | Admit
    | Corrected
    | Weighed
    | Booked
    | Consult
    | Lookup
    | Keep
    | Begin
    | Finish
    | Translate
    | TranslateBack
    | Decide
    | Pinned
)


class Seen(msgspec.Struct, frozen=True):
    """How a target has done of late, here."""

    resting: bool = False
    """It has failed so often that it is left alone for a while."""
    latency_ms: int | None = None
    """Until the head of its answers, on average; `None` where none was seen."""


@final
class Unavailable(msgspec.Struct, frozen=True):
    """The ledger cannot hold anything now; nothing is held."""

    message: str


@final
class Head(msgspec.Struct, frozen=True):
    """The provider's status and headers are in."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    """As far as a caller may see them, framing left out."""
    streamed: bool
    """The body is to be relayed as it comes: an event stream, or something too large or strange to be read whole."""
    at_ns: int


@final
class NotSent(msgspec.Struct, frozen=True):
    """Nothing reached the provider."""

    code: str
    message: str
    at_ns: int
    gone: bool = False
    """The caller has left: nothing else is to be tried."""


@final
class NoAnswer(msgspec.Struct, frozen=True):
    """It was sent, and no head came back: it may have been billed."""

    code: str
    message: str
    at_ns: int
    gone: bool = False
    """The caller has left: nothing else is to be tried."""
    refused: bool = False
    """It was ended for its cost: no other try is any better."""
    sent_ns: int | None = None
    """When it was sent; `None` where that is not known."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The answer is over."""

    reason: Literal["complete", "client_gone", "broken_off", "too_long", "over_budget"]
    """over_budget: a metered answer reached what was left of a budget, or its account was frozen: see `refusal`."""
    report: Report
    output_bytes: int = 0
    """Of generated text seen: what a cut answer is counted by."""
    bytes_passed: int = 0
    streamed: bool = False
    finished: bool = True
    """The provider's own end of the stream was seen; `False` where a stream just stopped."""
    upstream_us: int | None = None
    """From the request sent to the end of the answer."""
    raw: bytes = b""
    """The answer of a Read as it came off the wire, or decoded where it asked for that."""
    at: int
    """Unix milliseconds."""
    at_ns: int
    first_chunk_ns: int | None = None
    refusal: Refusal | None = None
    """What the caller was told where the answer was cut for its cost."""
    unseen_tokens: int = 0
    """Tokens that may have been made while the caller took nothing or the provider showed nothing, and were never seen."""
    would_refuse: tuple[int, ...] = ()
    """The holds of budgets that only watch, and would have ended the answer."""
    kept: Kept | None = None
    """The text that was shown, where it may have to be counted."""
    shown_ms: int = 0
    """From the first to the last piece of it."""
    unseen_ms: int = 0
    """For how long more may have been made that was not on its way yet, or has not come."""
    failed: int | None = None
    """The HTTP status of the error that it was, and nothing else, whatever its own status says."""
    behind: bool = False
    """The caller was slower than the provider, and what had come meanwhile was not all looked at: see `unseen_tokens`."""


class Sent(msgspec.Struct, frozen=True):
    """The caller has been answered, or had left."""

    at_ns: int


Steps = Generator[Command, Any, None]
"""An exchange under way."""
