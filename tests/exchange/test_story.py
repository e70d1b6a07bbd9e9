from typing import Any

import pytest
import world

from tollway.budgets.holds import Claim, claims, holds
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Ended, Head, Sent
from tollway.exchange.story import Story
from tollway.exchange.target import Target, choose
from tollway.identity.attributes import facts_of, with_target
from tollway.identity.identity import of_key
from tollway.ledger.reservation import Balance, Held, Reservation
from tollway.logs.record import Decision
from tollway.money import ZERO, Money
from tollway.pricing.charge import Charge, ChargeLine, Unpriced
from tollway.pricing.estimate import Quote, estimate
from tollway.pricing.units import UnitPrice
from tollway.request import Ask
from tollway.usage import Report, Usage

CALENDAR = world.calendar()
CHARGE = Charge(amount=7, lines=(), price_id="p", basis="metered")  # type: ignore[arg-type]


def ended(**fields: Any) -> Ended:
    values: dict[str, Any] = {
        "reason": "complete",
        "report": Report(),
        "at": world.NOW + 5,
        "at_ns": 9_000_000,
        **fields,
    }
    return Ended(**values)


def told(**settings: Any) -> tuple[Story, Reservation, tuple[Claim, ...], Quote]:
    """A story that has come as far as its reservation."""
    snapshot = world.snapshot(**settings)
    request = world.request(metadata='{"app":"chat"}', user_agent="curl/8")
    story = Story(request)
    key = snapshot.key(world.KEY)
    assert key is not None
    story.identity = of_key(key)
    facts = facts_of(story.identity, "default", {"app": "chat"})
    story.knows(facts)
    target = choose(request, Ask(model="openai/gpt-4o-mini"), snapshot, world.NOW)
    assert isinstance(target, Target)
    story.target = target
    claimed = claims(snapshot.budgets_of["default"], with_target(facts, "openai", "gpt-4o-mini"))
    ask = Ask(model="gpt-4o-mini", max_output_tokens=100)
    quote = estimate(ask, 100, provider="openai", model="gpt-4o-mini", book=snapshot.book, at_ms=world.NOW)
    assert isinstance(quote, Quote)
    placed = holds(claimed, quote.amount, world.NOW, CALENDAR)
    return story, Reservation("r.1", request.id, 1, placed, world.NOW, world.NOW + 1, quote.amount), claimed, quote


def held(reservation: Reservation, *spent: int, refuse: tuple[int, ...] = ()) -> Held:
    balances = [Balance(h.account, s, h.amount, h.limit) for h, s in zip(reservation.holds, spent, strict=True)]
    return Held(tuple(balances), refuse)


def budget(name: str, limit: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "limit": limit, "window": {"period": "day"}, **fields}


def tightest(*budgets: dict[str, Any], spent: tuple[int, ...]) -> str | None:
    story, reservation, claimed, quote = told(budgets=list(budgets))
    story.granted(reservation, held(reservation, *spent), claimed, quote, clamped=False)
    return story.tightest[0].budget.name if story.tightest is not None else None


def test_the_tightest_budget_has_least_left() -> None:
    assert tightest(budget("a", "5"), budget("b", "3"), spent=(0, 0)) == "b"
    assert tightest(budget("a", "5"), budget("b", "3"), spent=(3 * 10**9, 0)) == "a"


def test_a_budget_that_only_watches_is_never_the_tightest() -> None:
    assert tightest(budget("a", "5"), budget("b", "3", mode="monitor"), spent=(0, 0)) == "a"
    assert tightest(budget("b", "3", mode="monitor"), spent=(0,)) is None


def test_a_hold_of_its_own_makes_no_budget_the_tightest() -> None:
    # 100 nanodollars apart, and the hold is larger: once it is settled, the second has less left.
    assert tightest(budget("a", "1.0000001"), budget("b", "1", guarantee="settled"), spent=(0, 0)) == "b"


def test_each_account_of_a_claim_has_its_balance() -> None:
    keys = [{"name": "alice", "secret": world.KEY, "user": "alice", "groups": ["x", "y"]}]
    story, reservation, claimed, quote = told(
        budgets=[budget("each", "1", split_by=["group"]), budget("all", "9")], keys=keys
    )
    assert [h.account for h in reservation.holds] == ["each[group=x]", "each[group=y]", "all"]
    story.granted(reservation, held(reservation, 0, 5, 0), claimed, quote, clamped=False)
    assert story.tightest is not None
    assert (story.tightest[0].budget.name, story.tightest[1].account) == ("each", "each[group=y]")


def test_what_a_watching_budget_would_have_said_is_noted() -> None:
    story, reservation, claimed, quote = told(budgets=[budget("w", "1", mode="monitor")])
    story.granted(reservation, held(reservation, 10**9, refuse=(0,)), claimed, quote, clamped=False)
    notes = story.record(200, "").decisions
    assert [(d.code, d.rule, d.detail) for d in notes if d.code] == [
        ("would_refuse", "w", "$1.00 spent of $1.00, monitored only")
    ]
    assert [(d.outcome, d.rule) for d in notes if not d.code] == [("allow", "w")]


def test_a_lowered_cap_is_noted() -> None:
    story, reservation, claimed, quote = told()
    story.granted(reservation, held(reservation, 0, 0), claimed, quote, clamped=True)
    assert story.clamped_to == quote.output_tokens
    assert "clamped" in [d.code for d in story.record(200, "").decisions]


@pytest.mark.parametrize(("basis", "kind"), [("metered", "charge"), ("counted", "charge"), ("presumed", "presumed")])
def test_an_entry_is_of_the_kind_its_charge_is(basis: Any, kind: str) -> None:
    story, reservation, _, _ = told()
    charge = Charge(amount=7, lines=(), price_id="p", basis=basis)  # type: ignore[arg-type]
    entry = story.entry(
        reservation, charge, ended(report=Report(usage=Usage(input_tokens=1), response_model="m-1")), world.NOW
    )
    assert (entry.kind, entry.charge, entry.id) == (kind, charge, f"{reservation.request_id}.1.{kind}")
    assert entry.response_model == "m-1"
    # What is presumed was not made from the usage, so the ledger does not add that up.
    assert entry.usage == (None if basis == "presumed" else Usage(input_tokens=1))
    assert entry.legs == tuple((h.account, h.bucket) for h in reservation.holds)
    assert (entry.occurred_at, entry.recorded_at) == (world.NOW, world.NOW + 5)


def test_a_usage_that_contradicts_itself_is_not_added_up() -> None:
    story, reservation, _, _ = told()
    charge = Charge(amount=7, lines=(), price_id="p", basis="counted")  # type: ignore[arg-type]
    entry = story.entry(reservation, charge, ended(report=Report(usage=Usage(input_tokens=-5))), world.NOW)
    assert entry.usage is None


def test_an_unknown_price_is_a_kind_of_its_own() -> None:
    story, reservation, _, _ = told()
    entry = story.entry(reservation, Unpriced("openai", "x"), None, world.NOW)
    assert (entry.kind, entry.charge.amount, entry.recorded_at) == ("unpriced", 0, world.NOW)


def test_an_entry_and_the_reservation_say_who_asked_for_what() -> None:
    story, _, _, _ = told()
    context = story.context()
    assert (context.gateway, context.provider, context.model, context.user) == (
        "default",
        "openai",
        "gpt-4o-mini",
        "alice@example.com",
    )
    assert context.metadata == {"team": "ml", "app": "chat"} and context.groups == ("eng",) and context.key == "alice"
    assert story.context() is context


def test_a_record_tells_the_whole_story() -> None:
    story, reservation, claimed, quote = told()
    story.granted(reservation, held(reservation, 0, 0), claimed, quote, clamped=False)
    story.settled(CHARGE)
    head = Head(200, (), True, 2_000_000)
    story.ended(1, head, ended(streamed=True, bytes_passed=9, upstream_us=4, first_chunk_ns=3_000_000))
    record = story.record(200, "")
    assert (record.status, record.charge, record.streamed, record.response_bytes) == (200, CHARGE, True, 9)
    assert (record.durations.total_us, record.durations.first_chunk_us, record.durations.upstream_us) == (
        9_000,
        3_000,
        4,
    )
    assert (record.provider, record.request_model, record.user, record.user_agent) == (
        "openai",
        "gpt-4o-mini",
        "alice@example.com",
        "curl/8",
    )
    assert record.holds == reservation.holds
    assert [(a.number, a.provider, a.outcome, a.status) for a in record.attempts] == [(1, "openai", "answered", 200)]
    assert world.KEY not in repr(record) and world.PROVIDER_KEY not in repr(record)


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (200, "complete", "answered"),
        (500, "complete", "rejected"),
        (200, "client_gone", "client_gone"),
        (200, "broken_off", "broken_off"),
    ],
)
def test_an_attempt_ends_as_it_ended(status: int, reason: Any, outcome: str) -> None:
    story, _, _, _ = told()
    story.ended(1, Head(status, (), False, 0), ended(reason=reason))
    assert [a.outcome for a in story.record(status, "").attempts] == [outcome]


def test_a_whole_answer_is_over_when_it_is_sent() -> None:
    story, _, _, _ = told()
    story.ended(1, Head(200, (), False, 2_000_000), ended())
    story.sent(Sent(11_000_000))
    durations = story.record(200, "").durations
    assert (durations.total_us, durations.first_chunk_us) == (11_000, 2_000)


def test_a_request_refused_at_the_door_has_a_record_too() -> None:
    story = Story(world.request(provider="acme", method="PUT"))
    story.refused("authenticate", Refusal(code="credential_missing", message="No key."))
    record = story.record(401, "credential_missing")
    assert (record.provider, record.user, record.charge, record.attempts, record.method) == (
        "acme",
        None,
        None,
        (),
        "PUT",
    )
    assert [(d.step, d.outcome, d.code, d.detail) for d in record.decisions] == [
        ("authenticate", "deny", "credential_missing", "No key.")
    ]
    assert record.durations.total_us == 0


def test_what_is_noted_of_a_settlement_is_in_the_record() -> None:
    story, _, _, _ = told()
    note = Decision(step="settle", outcome="note", code="hold_exceeded", detail="charged $2, held $1")
    story.noted((note,))
    story.noted(())
    assert story.record(200, "").decisions == (note,)


def test_of_a_cut_answer_the_ledger_adds_up_what_was_counted_and_not_its_beginning() -> None:
    story, reservation, _, _ = told()
    lines = (
        ChargeLine("input", 20, UnitPrice(Money(150), 1), Money(3_000)),
        ChargeLine("output", 130, UnitPrice(Money(600), 1), Money(78_000)),
    )
    charge = Charge(Money(81_000), lines, "p", "counted")
    begun = ended(report=Report(usage=Usage(input_tokens=20, output_tokens=1)))
    assert story.entry(reservation, charge, begun, world.NOW).usage == Usage(input_tokens=20, output_tokens=130)
    silent = ended(report=Report(usage=None))
    assert story.entry(reservation, charge, silent, world.NOW).usage == Usage(input_tokens=20, output_tokens=130)


def test_what_was_counted_at_the_dearest_price_of_all_tells_no_tokens() -> None:
    story, reservation, _, _ = told()
    line = ChargeLine("counted", 1, UnitPrice(Money(5), 1), Money(5))
    begun = ended(report=Report(usage=Usage(input_tokens=20, output_tokens=1)))
    assert story.entry(reservation, Charge(Money(5), (line,), "p", "counted"), begun, world.NOW).usage is None


def test_nothing_of_one_try_is_told_of_the_next() -> None:
    story, _, _, _ = told()
    story.ended(1, Head(500, (), False, 2_000_000), ended())
    story.tightest, story.clamped_to, story.warnings = (None, None, None), 9, ("w",)  # type: ignore[assignment]
    story.would_refuse, story.lost, story.cache_status = ("b",), ("seed",), "MISS"
    story.again()
    assert (story.attempt, story.step) == (2, 0)
    assert (story.tightest, story.clamped_to, story.swap, story.warnings) == (None, None, None, ())
    assert (story.would_refuse, story.lost, story.cache_status) == ((), (), "")
    record = story.record(502, "upstream_unreachable")
    assert (record.usage, record.holds, record.durations.upstream_us) == (None, (), None)
    assert len(record.attempts) == 1, "but what was tried stays in the log"


def test_a_target_that_is_passed_over_is_a_step_and_a_try_of_its_own() -> None:
    story = Story(world.request())
    story.passed_over("openai/a", Refusal(code="budget_exceeded", rule="b", message="spent " * 200))
    assert (story.step, story.attempt) == (1, 2)
    (note,) = story.record(200, "").decisions
    assert (note.step, note.outcome, note.code, note.rule) == ("route", "note", "passed_over", "b")
    assert note.detail.startswith("openai/a (budget_exceeded): spent") and len(note.detail) == 512


def test_tokens_are_those_of_all_tries_and_unknown_where_they_are_of_one() -> None:
    story = Story(world.request())
    assert story.tokens == 0, "nothing was used until now"
    story.settled(Charge(Money(1)), Usage(input_tokens=20, output_tokens=10))
    story.settled(Charge(Money(1)), Usage(input_tokens=5))
    assert story.tokens == 35
    story.settled(Charge(Money(1)), None)
    assert story.tokens is None
    story.settled(Charge(Money(1)), Usage(input_tokens=5))
    assert story.tokens is None


def test_what_has_no_price_may_have_been_billed_and_what_is_free_was_not() -> None:
    story = Story(world.request())
    story.settled(Charge(ZERO))
    assert not story.billed and story.booked == 0
    story.settled(None)
    assert story.billed and story.booked == 0
    story.settled(Charge(Money(7)))
    assert story.booked == 7
