"""What the tries of a request share: above all the time of each."""

import world
from hypothesis import given
from hypothesis import strategies as st

from tollway.exchange.case import Candidate, Case
from tollway.exchange.holding import NOTHING_LEARNED
from tollway.exchange.story import Story
from tollway.exchange.target import Target, choose
from tollway.identity.identity import ANONYMOUS
from tollway.request import Ask


def case() -> Case:
    snapshot = world.snapshot()
    return Case(Story(world.request()), ANONYMOUS, snapshot, world.calendar(), world.NOW, NOTHING_LEARNED)


def test_the_first_try_is_made_when_the_request_arrives() -> None:
    assert case().at == world.NOW


@given(st.lists(st.integers(-(10**9), 10**13), max_size=5))
def test_a_later_try_is_made_later_and_never_earlier_than_one_before(instants_ns: list[int]) -> None:
    found = case()
    last = found.at
    for at_ns in instants_ns:
        found.story.ran(at_ns)
        assert found.at >= last
        last = found.at
    assert last == world.NOW + max([0, *(at_ns // 1_000_000 for at_ns in instants_ns)])


def test_a_candidate_is_tried_once_and_waits_as_long_as_its_provider_may_unless_somebody_says_otherwise() -> None:
    request, found = world.request(), case()
    target = choose(request, Ask(model="openai/gpt-4o-mini"), found.snapshot, world.NOW)
    assert isinstance(target, Target)
    candidate = Candidate(request=request, ask=Ask(), target=target)
    assert (candidate.retry.max_attempts, candidate.timeout_ms, candidate.last, candidate.exempt) == (
        1,
        None,
        True,
        frozenset(),
    )
