"""The story of a request: from credential to log line, without I/O.

Money first: nothing is forwarded without a reservation that stands, and every reservation made here is settled or
released on every path out. `tests/exchange/test_every_path.py` walks them all.
"""

from collections.abc import Sequence

from tollway.budgets.window import Calendar
from tollway.cache.entry import Kept
from tollway.exchange import keeping
from tollway.exchange.case import Case
from tollway.exchange.closing import given_up, refuse, repeatable, replayed
from tollway.exchange.holding import NOTHING_LEARNED
from tollway.exchange.rated import corrected
from tollway.exchange.refusal import Refusal
from tollway.exchange.road import in_steps, travelled
from tollway.exchange.steps import Authenticate, Steps
from tollway.exchange.story import Story
from tollway.exchange.terms import completed
from tollway.pricing.calibration import Calibration
from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot


def exchange(
    request: InferenceRequest,
    snapshot: Snapshot,
    calendar: Calendar,
    now: int,
    learned: Calibration = NOTHING_LEARNED,
    ask: Ask | Malformed | None = None,
    steps: Sequence[tuple[InferenceRequest, Ask | Malformed | None]] = (),
) -> Steps:
    """One request, told. Yields the commands of `steps.py` and is sent their replies; `now` is Unix milliseconds.

    `learned`: what requests turned out to cost until now, for budgets that hold the expected cost. `ask`: what the body
    asks for, where it was read beforehand because it is large; it is not read again.
    `steps`: calls of which the first that answers is wanted, in place of one; `request` is then what carried them.
    """
    story = Story(request)
    identity = yield Authenticate(request)
    if type(identity) is Refusal:
        return (yield from refuse(story, "authenticate", identity))
    story.identity = identity

    asked: list[tuple[InferenceRequest, Ask]] = []
    for one, known in steps or ((request, ask),):
        if known is None:
            known = codec_for(one.api).read_ask(one.upstream_path, one.query, one.content_type, one.body)
        if type(known) is Malformed:
            return (yield from refuse(story, "read", Refusal(code="body_invalid", message=known.message)))
        asked.append((one, completed(known, one)))
    story.asked = asked[0][1].model
    if request.handling.idempotency_key is not None:
        begun = yield from keeping.begun(request, identity, snapshot)
        if isinstance(begun, Refusal):
            return (yield from refuse(story, "read", begun))
        if isinstance(begun, Kept):
            barred = keeping.barred(request, identity, begun, snapshot)
            if barred is not None:
                return (yield from refuse(story, "policy", barred))
            return (yield from replayed(story, begun, request.started_ns, repeat=True))
        story.repeat = begun
    case = Case(story, identity, snapshot, calendar, now, learned)
    passed = yield from (in_steps(case, asked) if steps else travelled(case, *asked[0]))
    if passed is not None:
        yield from given_up(story, passed)
    if story.repeat is not None:
        # Its caller left, or it broke off: there is no answer to give again.
        yield from repeatable(story, None)
    if story.admitted:
        yield from corrected(story)
