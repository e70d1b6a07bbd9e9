"""What a caller reads of its budgets; the refusals themselves are tried in test_answer.py and test_exchange.py."""

import msgspec
import pytest
import world
from playbook import refused
from test_exchange import OK, Playbook, budget, whole

from tollway.exchange.steps import Count, Forward, Read, Reserve, Send
from tollway.ledger.reservation import Balance, Exhausted


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


@pytest.mark.parametrize(("named", "said"), [(b"job-7", b"job-7"), (b"x" * 129, None), (b"\xff", None), (b"", None)])
def test_a_callers_name_for_its_event_is_said_back_where_it_can_be(named: bytes, said: bytes | None) -> None:
    found = headers_of(cf_spelling=True, headers=((b"cf-aig-event-id", named),))
    assert found[b"cf-aig-event-id"] == (said or found[b"cf-aig-request-id"])


def refusal_of(reply: Exhausted, **fields: object) -> tuple[Send, str, str]:
    """What is sent, its message, and what the log has of it, where the ledger says that of the first hold."""
    play = Playbook(world.snapshot(**budget(**fields)))
    play.authenticated()
    play.on(Reserve, reply)
    if isinstance(play.command, Count):
        # Fewer tokens than bytes may fit; nobody can count them here.
        play.on(Count, None)
    _, send, record = refused(play)
    return send, msgspec.json.decode(send.body)["error"]["message"], record.decisions[-1].detail


def test_a_budget_of_nothing_does_not_tell_anybody_to_wait() -> None:
    send, message, _ = refusal_of(Exhausted(0, Balance("b", 300_000, 0, 0), False), limit="0")
    assert message == (
        'Budget "b" allows nothing that costs money: its limit is $0.00. Waiting does not help; an administrator can raise it.'
    )
    headers = dict(send.headers)
    assert b"retry-after" not in headers and headers[b"x-should-retry"] == b"false"
    assert msgspec.json.decode(send.body)["error"]["tollway"]["resets_at"] is None


@pytest.mark.parametrize("reason", ["A leaked key.", "A leaked key"])
def test_a_freeze_tells_callers_why_and_the_log_who(reason: str) -> None:
    frozen = Exhausted(0, Balance("b", 0, 0, 10**9), False, True, reason, "ops@example.com")
    send, message, logged = refusal_of(frozen)
    assert message == (
        'Budget "b" was frozen by an administrator (account b): "A leaked key"; nothing that costs money is sent until it '
        "is unfrozen."
    )
    assert b"ops@example.com" not in send.body and str(send.headers).find("ops@") == -1
    assert msgspec.json.decode(send.body)["error"]["tollway"]["reason"] == reason
    assert logged == f"{message} (frozen by ops@example.com)"


def test_a_freeze_without_a_reason_says_so_by_saying_nothing() -> None:
    send, message, _ = refusal_of(Exhausted(0, Balance("b", 0, 0, 10**9), False, True, by="token"))
    assert "(account b); nothing" in message
    assert msgspec.json.decode(send.body)["error"]["tollway"]["reason"] is None


def test_amounts_in_a_refusal_never_look_as_if_the_request_fitted() -> None:
    # Whatever is left is less than the request needs.
    _, message, _ = refusal_of(Exhausted(0, Balance("b", 49_999_000, 0, 50_000_000), False), limit="0.05")
    assert "$0.049999 of $0.05 spent, and this request may cost $0.00" in message
    assert "may cost $0.00 " not in message


def test_what_is_kept_for_answers_under_way_is_told_where_the_rest_would_do() -> None:
    _, message, _ = refusal_of(Exhausted(0, Balance("b", 0, 10**8, 10**9), True))
    assert "$0.00 spent and $0.10 held of $1.00" in message
    assert "and the rest is kept for answers under way. Try again" in message
