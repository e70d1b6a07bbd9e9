"""What a caller reads of its budgets; the refusals themselves are tried in test_answer.py and test_exchange.py."""

import world
from test_exchange import OK, Playbook, budget, whole

from tollway.exchange.steps import Forward, Read


def headers_of(snapshot: object | None = None, **asked: object) -> dict[bytes, bytes]:
    play = Playbook(snapshot, **asked)  # type: ignore[arg-type]
    play.forwarded()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(type(play.command), None)
    send, _ = play.sent_and_logged()
    return dict(send.headers)


def test_an_answer_says_what_it_cost_and_what_is_left_of_the_tightest_budget() -> None:
    found = headers_of(world.snapshot(**budget(name="team é")))
    assert found[b"tollway-cost-usd"] == b"0.000009"
    assert found[b"tollway-budget"] == b"team ?", "a header is plain ASCII"
    assert found[b"tollway-budget-limit-usd"] == b"1"
    assert found[b"tollway-budget-remaining-usd"] == b"0.999991"
    assert found[b"tollway-budget-resets-at"].startswith(b"2026-09-22T00:00:00")


def test_a_caller_of_cloudflares_spelling_is_answered_in_it() -> None:
    found = headers_of(cf_spelling=True)
    assert found[b"cf-aig-cost-usd"] == b"0.000009" and found[b"cf-aig-step"] == b"0"
    assert not any(name.startswith(b"tollway-") for name in found)
