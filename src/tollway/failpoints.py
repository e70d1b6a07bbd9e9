"""Named places at which a gateway dies, fails or stands still, for tests of recovery. None unless TOLLWAY_FAILPOINTS is set.

    TOLLWAY_FAILPOINTS="after_intent=kill, mid_stream@3=delay:500, in_prune=raise"

No line of the gateway asks whether a point is set: `arm` puts itself around the functions of `_SEAMS`, once, at the start.
A point acts once, when it is passed for the n-th time (`@n`, else the first). `kill` is SIGKILL, `raise` is a store that is
away (StoreUnavailable), `delay:MS` stops the whole process for so long.

    after_reserve      holds are placed in memory, the intent is not written
    after_intent       the intent is durable, nobody has been told
    before_dispatch    nothing has been sent to the provider
    after_first_byte   of the provider's body
    mid_stream         each further piece of it
    after_last_byte    all of it has come
    after_extend       the raise is durable
    after_shrink       lowered in memory, the row is queued
    after_settle       booked in memory, the row is queued
    after_ledger       the rows of a commit are written
    in_checkpoint      the log is about to be folded in
    in_prune           in the transaction that prunes
    in_outbox          events are kept, none is delivered
    in_backfill        an opening is booked in memory, its row is queued
    in_recovery        what was open is presumed, and nobody has been told
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.ledger.reservation import Held
from tollway.proxy.transport import NoAnswer, NotSent
from tollway.proxy.upstream.client import HttpTransport
from tollway.storage.sql import recovery
from tollway.storage.sql import writer as group
from tollway.storage.sql.ledger import SqlLedger
from tollway.storage.sql.outbox import SqlOutbox
from tollway.storage.sqlite import writer

VARIABLE: Final = "TOLLWAY_FAILPOINTS"

POINTS: Final[tuple[str, ...]] = (
    "after_reserve", "after_intent", "before_dispatch", "after_first_byte", "mid_stream", "after_last_byte", "after_extend",
    "after_shrink", "after_settle", "after_ledger", "in_checkpoint", "in_prune", "in_outbox", "in_backfill", "in_recovery",
)  # fmt: skip

Hit = Callable[[str], None]


class Act(NamedTuple):
    """What happens at a point, and at which pass."""

    at: int
    action: Literal["kill", "raise", "delay"]
    delay_s: float = 0.0


class Failpoints:
    """The points that are set, and how often each was passed."""

    def __init__(self, acts: Mapping[str, Act]) -> None:
        self._acts = acts
        self._passed: dict[str, int] = dict.fromkeys(POINTS, 0)

    def hit(self, point: str) -> None:
        """Passes a point. Raises StoreUnavailable where it is set to."""
        self._passed[point] += 1
        act = self._acts.get(point)
        if act is None or self._passed[point] != act.at:
            return
        match act.action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "raise":
                raise StoreUnavailable(f"The failpoint {point} was passed.")
            case "delay":
                time.sleep(act.delay_s)


def read(text: str) -> Mapping[str, Act]:
    """What a value of TOLLWAY_FAILPOINTS sets. Raises SettingsInvalid naming the part that cannot be read."""
    acts: dict[str, Act] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        where, _, what = part.partition("=")
        point, _, at = where.partition("@")
        action, _, delay = what.partition(":")
        sound = delay.isdecimal() if action == "delay" else not delay
        if point not in POINTS or not (at or "1").isdecimal() or not sound or action not in ("kill", "raise", "delay"):
            raise SettingsInvalid(
                f"{VARIABLE}: {part!r} is not POINT[@TIMES]=kill|raise|delay:MS with a point of {', '.join(POINTS)}."
            )
        acts[point] = Act(int(at or "1"), action, int(delay or "0") / 1000)
    return acts


def arm(text: str) -> Callable[[], None]:
    """Sets the points of `text` in this process; the function it returns takes them away again. Raises SettingsInvalid."""
    hit = Failpoints(read(text)).hit
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in _SEAMS]
    for (owner, name, around), (_, _, real) in zip(_SEAMS, before, strict=True):
        setattr(owner, name, around(real, hit))

    def disarm() -> None:
        for owner, name, real in before:
            setattr(owner, name, real)

    return disarm


class _Watched:
    """A provider's answer whose pieces pass points."""

    __slots__ = ("_hit", "_pieces", "_response")

    def __init__(self, response: Any, hit: Hit) -> None:
        self._response = response
        self._hit = hit
        self._pieces = 0

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return self._response.headers

    async def read(self) -> bytes:
        piece = await self._response.read()
        if not piece:
            self._hit("after_last_byte")
        else:
            self._hit("mid_stream" if self._pieces else "after_first_byte")
            self._pieces += 1
        return piece

    def close(self) -> None:
        self._response.close()


def _after(point: str, when: Callable[[Any], bool] = bool) -> Callable[[Any, Hit], Any]:
    """Passes `point` after a function has answered, if `when` holds of its answer."""

    def around(real: Any, hit: Hit) -> Any:
        def called(*arguments: Any, **options: Any) -> Any:
            answer = real(*arguments, **options)
            if when(answer):
                hit(point)
            return answer

        return called

    return around


def _after_waiting(point: str, when: Callable[[Any], bool] = bool) -> Callable[[Any, Hit], Any]:
    """The same for a function that waits."""

    def around(real: Any, hit: Hit) -> Any:
        async def called(*arguments: Any, **options: Any) -> Any:
            answer = await real(*arguments, **options)
            if when(answer):
                hit(point)
            return answer

        return called

    return around


def _before(point: str) -> Callable[[Any, Hit], Any]:
    """Passes `point` before a function is called."""

    def around(real: Any, hit: Hit) -> Any:
        def called(*arguments: Any, **options: Any) -> Any:
            hit(point)
            return real(*arguments, **options)

        return called

    return around


def _around_send(real: Any, hit: Hit) -> Any:
    async def send(*arguments: Any) -> Any:
        hit("before_dispatch")
        answer = await real(*arguments)
        return answer if isinstance(answer, NotSent | NoAnswer) else _Watched(answer, hit)

    return send


def _around_settle(real: Any, hit: Hit) -> Any:
    def settle(self: Any, entry: Any) -> bool:
        booked = real(self, entry)
        if booked:
            hit("in_backfill" if entry.kind == "opening" else "after_settle")
        return booked

    return settle


def _around_finish(real: Any, hit: Hit) -> Any:
    def finish(self: Any, outcome: Any, batch: Any, job: Any) -> None:
        real(self, outcome, batch, job)
        # Whoever waits for the commit is told in a later turn of the loop.
        if batch.entries and not isinstance(outcome.known, Exception):
            hit("after_ledger")

    return finish


def _always(_: Any) -> bool:
    return True


def _is_held(answer: Any) -> bool:
    return isinstance(answer, Held)


# Where → which function → what goes around it.
_SEAMS: Final[tuple[tuple[Any, str, Callable[[Any, Hit], Any]], ...]] = (
    (SqlLedger, "_queue_intent", _after("after_reserve", _always)),
    (SqlLedger, "reserve", _after_waiting("after_intent", _is_held)),
    (SqlLedger, "extend", _after_waiting("after_extend", _is_held)),
    (SqlLedger, "shrink", _after("after_shrink")),
    (SqlLedger, "settle", _around_settle),
    (HttpTransport, "send", _around_send),
    (group.Writer, "_finish", _around_finish),
    (writer, "_checkpoint", _before("in_checkpoint")),
    (recovery, "prune", _after("in_prune", _always)),
    (recovery, "presume_open", _after("in_recovery", _always)),
    (SqlOutbox, "raise_", _after_waiting("in_outbox")),
)
