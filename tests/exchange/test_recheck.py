"""What a request that a budget slows down is asked again before it is sent."""

import world
from playbook import Playbook, budget, refused

from tollway.exchange.recheck import Recheck
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Authenticate, Forward, Pause, Release, Unavailable
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held


def waiting() -> Playbook:
    play = Playbook(world.snapshot(**budget(actions=[{"at": 50, "do": "slow", "delay_ms": 60_000}])))
    play.authenticated()
    pause = play.held(600_000_000)
    assert isinstance(pause, Pause) and pause.delay_ms == 60_000
    play.on(Pause, None)
    return play


def released(play: Playbook) -> str:
    release = play.command
    assert isinstance(release, Release)
    play.on(Release, None)
    return release.code


def test_a_request_that_waited_is_sent_where_nothing_has_changed() -> None:
    play = waiting()
    recheck = play.authenticated()
    assert isinstance(recheck, Recheck) and recheck.reservation_id.endswith(".1")
    assert isinstance(play.on(Recheck, Held(())), Forward)


def test_an_account_that_was_frozen_meanwhile_releases_and_refuses_it() -> None:
    play = waiting()
    play.authenticated()
    play.on(Recheck, Exhausted(0, Balance("b", 600_000_000, 0, 10**9), False, frozen=True, reason="a leak"))
    assert released(play) == "budget_frozen"
    code, send, record = refused(play)
    assert code == "budget_frozen" and b"a leak" in send.body
    assert not [command for command in play.commands if isinstance(command, Forward)]
    assert record.decisions[-1].step == "reserve"


def test_a_limit_that_was_lowered_meanwhile_releases_and_refuses_it() -> None:
    play = waiting()
    play.authenticated()
    play.on(Recheck, Exhausted(0, Balance("b", 600_000_000, 0, 0), False))
    assert released(play) == "budget_exceeded"
    assert refused(play)[0] == "budget_exceeded"


def test_a_ledger_that_does_not_answer_sends_nothing() -> None:
    for reply in (Unavailable("disk"), Gone("presumed")):
        play = waiting()
        play.authenticated()
        play.on(Recheck, reply)
        assert released(play) == "budget_store_unavailable"
        assert refused(play)[0] == "budget_store_unavailable"


def test_a_key_that_was_revoked_meanwhile_opens_nothing() -> None:
    play = waiting()
    play.on(Authenticate, Refusal(code="credential_unknown", rule="alice", message='The key "alice" is switched off.'))
    assert released(play) == "credential_unknown"
    code, send, record = refused(play)
    assert (code, send.status) == ("credential_unknown", 401)
    assert record.decisions[-1].step == "authenticate"
