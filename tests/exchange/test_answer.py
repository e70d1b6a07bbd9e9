import json
from typing import Any

import msgspec
import pytest
import world

from tollway.budgets.budget import Budget
from tollway.budgets.holds import Claim, holds
from tollway.budgets.window import Fixed, Rolling, Total, Window
from tollway.exchange import answer
from tollway.exchange import told as told_of
from tollway.exchange.steps import Ended, Head
from tollway.exchange.story import Story
from tollway.exchange.target import Target, choose
from tollway.ledger.reservation import Balance, Exhausted, Hold
from tollway.money import display
from tollway.pricing.charge import Charge, Unpriced
from tollway.pricing.estimate import Quote, estimate
from tollway.providers.registry import codec_for
from tollway.providers.rewrite import written
from tollway.request import Ask, InferenceRequest
from tollway.usage import Report, Usage

SNAPSHOT = world.snapshot()
CALENDAR = world.calendar()
MODEL = "gpt-4o-mini"
# $0.15 and $0.60 per million tokens of gpt-4o-mini, in nanodollars a token.
IN, OUT = 150, 600


def target_of(snapshot: Any = SNAPSHOT, model: str = MODEL, provider: str = "openai") -> Target:
    found = choose(world.request(provider=provider), Ask(model=model), snapshot, world.NOW)
    assert isinstance(found, Target)
    return found


def quote_of(model: str = MODEL, **ask: Any) -> Quote:
    quote = estimate(
        Ask(model=model, **{"max_output_tokens": 100, **ask}),
        50,
        provider="openai",
        model=model,
        book=SNAPSHOT.book,
        at_ms=world.NOW,
    )
    assert isinstance(quote, Quote)
    return quote


QUOTE = quote_of()
TARGET = target_of()


def ended(usage: Usage | None = None, *, reason: Any = "complete", finished: bool = True, **fields: Any) -> Ended:
    report = Report(
        usage=usage, finish_reason=fields.pop("finish_reason", None), response_model=fields.pop("response_model", None)
    )
    return Ended(reason=reason, report=report, finished=finished, at=world.NOW, at_ns=0, **{"streamed": True} | fields)


def final(
    end: Ended, quote: Quote | None = QUOTE, target: Target = TARGET, snapshot: Any = SNAPSHOT
) -> Charge | Unpriced:
    return answer.final_charge(end, quote, target, snapshot, world.NOW)


def charged(end: Ended, quote: Quote | None = QUOTE, **more: Any) -> tuple[str, int]:
    charge = final(end, quote, **more)
    assert isinstance(charge, Charge)
    assert sum(line.amount for line in charge.lines) == charge.amount
    return charge.basis, charge.amount


def test_a_whole_answer_costs_what_it_says() -> None:
    assert charged(ended(Usage(input_tokens=20, output_tokens=10), output_bytes=400)) == ("metered", 20 * IN + 10 * OUT)


def test_an_answer_may_cost_more_than_was_held() -> None:
    usage = Usage(input_tokens=20, output_tokens=300)
    assert charged(ended(usage, output_bytes=400)) == ("metered", 20 * IN + 300 * OUT)
    assert QUOTE.amount < 20 * IN + 300 * OUT


def test_an_answer_that_says_nothing_is_counted_by_its_bytes() -> None:
    assert charged(ended(output_bytes=40)) == ("counted", QUOTE.input_tokens * IN + 40 * OUT)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_that_is_still_to_be_made_is_presumed(status: str) -> None:
    assert charged(ended(finish_reason=status, output_bytes=40)) == ("presumed", QUOTE.amount)
    assert final(ended(finish_reason=status), None) == Unpriced("openai", MODEL)


def test_what_is_counted_never_passes_the_cap_or_the_hold() -> None:
    assert charged(ended(output_bytes=2**40)) == ("counted", QUOTE.input_tokens * IN + 100 * OUT)
    small = quote_of(max_output_tokens=1)
    basis, amount = charged(ended(output_bytes=2**40), small)
    assert amount <= small.amount and basis == "counted"


def test_a_model_that_is_dearer_than_the_hold_allows_is_presumed_when_it_is_only_counted() -> None:
    assert charged(ended(output_bytes=2**40, response_model="gpt-4o")) == ("presumed", QUOTE.amount)


def test_a_stream_that_was_cut_counts_what_was_seen_and_what_was_on_its_way() -> None:
    for reason in ("client_gone", "broken_off", "too_long"):
        cut = ended(reason=reason, output_bytes=30, finished=False)
        assert charged(cut, quote_of(max_output_tokens=1000)) == ("counted", QUOTE.input_tokens * IN + (30 + 100) * OUT)


def test_a_stream_that_was_cut_takes_the_input_that_was_told_before() -> None:
    cut = ended(Usage(input_tokens=7, output_tokens=1), reason="client_gone", finished=False, output_bytes=3)
    assert charged(cut, quote_of(max_output_tokens=1000)) == ("counted", 7 * IN + 103 * OUT)


def test_a_stream_that_just_stopped_is_a_cut_one() -> None:
    stopped = ended(Usage(input_tokens=7, output_tokens=1), finished=False, output_bytes=3)
    assert charged(stopped, quote_of(max_output_tokens=1000)) == ("counted", 7 * IN + 103 * OUT)


def test_a_stream_of_several_answers_is_not_at_its_end_when_one_of_them_is() -> None:
    several = quote_of(choices=2)
    cut = ended(Usage(input_tokens=20, output_tokens=10), reason="client_gone", finish_reason="stop", output_bytes=400)
    basis, amount = charged(cut, several)
    assert basis == "counted" and amount > 20 * IN + 100 * OUT


def test_a_stream_that_was_cut_behind_its_last_usage_costs_what_it_says() -> None:
    cut = ended(Usage(input_tokens=20, output_tokens=10), reason="client_gone", finish_reason="stop", output_bytes=40)
    assert charged(cut) == ("metered", 20 * IN + 10 * OUT)


@pytest.mark.parametrize("reason", ["client_gone", "broken_off", "too_long"])
def test_a_provider_that_bills_after_a_disconnect_is_owed_the_whole_hold(reason: Any) -> None:
    written = {"openai": {"api_key": "k", "bills_after_disconnect": True}}
    target = target_of(world.snapshot(providers=written))
    assert charged(ended(reason=reason, output_bytes=1), target=target) == ("presumed", QUOTE.amount)
    assert charged(ended(Usage(input_tokens=1, output_tokens=1), output_bytes=1), target=target)[0] == "metered"
    assert final(ended(reason=reason, output_bytes=1), None, target) == Unpriced("openai", MODEL)


CONTRADICTORY = Usage(input_tokens=5, cache_read_input_tokens=9, output_tokens=1)


def test_a_report_that_contradicts_itself_is_not_believed() -> None:
    basis, amount = charged(ended(CONTRADICTORY, output_bytes=10))
    assert (basis, amount) == ("presumed", QUOTE.amount)


def test_a_report_of_nothing_for_an_answer_is_not_believed() -> None:
    nothing = Usage(input_tokens=0, output_tokens=0)
    basis, amount = charged(ended(nothing, output_bytes=10))
    assert basis == "counted" and amount > 0
    assert charged(ended(nothing, output_bytes=0)) == ("metered", 0)


def test_a_report_of_ten_times_what_the_request_allows_is_not_believed() -> None:
    absurd = Usage(input_tokens=20, output_tokens=90_000_000)
    assert charged(ended(absurd, output_bytes=10)) == ("counted", 20 * IN + 100 * OUT)


def test_a_tool_that_was_billed_is_in_what_is_counted() -> None:
    cut = ended(
        Usage(input_tokens=7, output_tokens=1, web_searches=1), reason="client_gone", finished=False, output_bytes=3
    )
    quote = quote_of(max_output_tokens=100_000)
    assert charged(cut, quote)[1] > 7 * IN + 103 * OUT


@pytest.mark.parametrize(
    "end",
    [
        ended(output_bytes=10),
        ended(reason="client_gone", output_bytes=10),
        ended(CONTRADICTORY),
        ended(Usage(input_tokens=5), reason="broken_off"),
    ],
)
def test_without_a_price_nothing_is_made_up(end: Ended) -> None:
    assert final(end, None, target_of(model="a-model-nobody-knows")) == Unpriced("openai", "a-model-nobody-knows")


def test_a_price_that_becomes_known_with_the_answer_is_used() -> None:
    end = ended(Usage(input_tokens=20, output_tokens=10), response_model=MODEL, output_bytes=9)
    assert charged(end, None, target=target_of(model="a-model-nobody-knows")) == ("metered", 20 * IN + 10 * OUT)


def test_an_answer_of_a_model_without_a_price_is_unpriced_also_where_it_was_held() -> None:
    end = ended(Usage(input_tokens=20, output_tokens=10), output_bytes=9)
    found = final(end, QUOTE, target_of(model="a-model-nobody-knows"))
    assert found == Unpriced("openai", "a-model-nobody-knows")


@pytest.mark.parametrize("reason", ["complete", "client_gone"])
def test_what_is_free_stays_free(reason: Any) -> None:
    counted = ended(Usage(input_tokens=20), reason=reason, output_bytes=9)
    assert charged(counted, answer.FREE) == charged(ended(reason=reason, output_bytes=9), answer.FREE) == ("metered", 0)
    free = world.snapshot(prices=[{"provider": "openai", "model": MODEL, "free": True}])
    quote = estimate(Ask(), 50, provider="openai", model=MODEL, book=free.book, at_ms=world.NOW)
    assert isinstance(quote, Quote)
    generated = ended(Usage(input_tokens=20, output_tokens=10), reason=reason, output_bytes=9)
    assert charged(generated, quote, target=target_of(free), snapshot=free) == ("metered", 0)


def test_a_free_call_that_has_generated_something_is_charged_what_it_reports() -> None:
    generated = ended(Usage(input_tokens=20, output_tokens=10), output_bytes=9)
    assert charged(generated, answer.FREE) == ("metered", 20 * IN + 10 * OUT)
    charge = final(generated, answer.FREE)
    (note,) = answer.notes(generated, charge, answer.FREE, TARGET, SNAPSHOT, world.NOW)
    assert note.code == "hold_exceeded"


def test_a_read_shows_a_usage_that_was_billed_when_it_was_made() -> None:
    assert charged(ended(Usage(input_tokens=20, output_tokens=10), output_bytes=9), answer.READ) == ("metered", 0)


HIDING = target_of(model="o3")


@pytest.mark.parametrize("reason", ["client_gone", "broken_off", "too_long", "complete"])
@pytest.mark.parametrize("usage", [None, Usage(input_tokens=9, output_tokens=1)])
def test_a_cut_stream_of_a_model_that_hides_its_reasoning_costs_its_hold(reason: Any, usage: Usage | None) -> None:
    quote = quote_of("o3", max_output_tokens=100_000)
    cut = ended(usage, reason=reason, finished=False, output_bytes=30)
    assert charged(cut, quote, target=HIDING) == ("presumed", quote.amount)
    visible = quote_of(max_output_tokens=100_000)
    assert charged(cut, visible)[0] == "counted"


def test_a_whole_answer_without_usage_of_a_model_that_hides_its_reasoning_costs_its_hold() -> None:
    quote = quote_of("o3")
    assert charged(ended(output_bytes=30), quote, target=HIDING) == ("presumed", quote.amount)
    assert charged(ended(output_bytes=30, streamed=False), quote, target=HIDING) == ("presumed", quote.amount)


def test_a_cut_stream_with_its_last_usage_is_metered_though_the_model_hides_its_reasoning() -> None:
    usage = Usage(input_tokens=20, output_tokens=10)
    cut = ended(usage, reason="client_gone", finish_reason="stop", output_bytes=4)
    assert charged(cut, quote_of("o3"), target=HIDING)[0] == "metered"
    assert charged(ended(usage, output_bytes=4), quote_of("o3"), target=HIDING)[0] == "metered"


def test_an_output_that_is_not_counted_by_the_provider_is_counted_here() -> None:
    unknown = ended(Usage(input_tokens=20), output_bytes=40)
    assert charged(unknown) == ("counted", 20 * IN + 40 * OUT)
    assert charged(unknown, quote_of(unbounded="a file")) == ("counted", 20 * IN + 40 * OUT)
    assert charged(ended(Usage(input_tokens=20), output_bytes=0)) == ("metered", 20 * IN)


def test_an_output_that_has_no_price_needs_no_count() -> None:
    quote = quote_of("text-embedding-3-small")
    embedded = ended(Usage(input_tokens=20), output_bytes=4000)
    assert charged(embedded, quote, target=target_of(model="text-embedding-3-small"))[0] == "metered"


def noted(end: Ended, quote: Quote | None = QUOTE, target: Target = TARGET) -> list[tuple[str, str]]:
    found = answer.notes(end, final(end, quote, target), quote, target, SNAPSHOT, world.NOW)
    assert all((note.step, note.outcome) == ("settle", "note") for note in found)
    return [(note.code, note.detail) for note in found]


def test_a_charge_above_its_hold_is_noted_with_both_amounts() -> None:
    above = ended(Usage(input_tokens=20, output_tokens=300), output_bytes=400)
    amount = 20 * IN + 300 * OUT
    assert noted(above) == [("hold_exceeded", f"charged {display(amount)}, held {display(QUOTE.amount)}")]
    assert noted(ended(Usage(input_tokens=20, output_tokens=10), output_bytes=40)) == []
    assert noted(above, None) == noted(above, quote_of(unbounded="a file")) == []


def test_a_stream_that_reports_fewer_tokens_than_were_seen_is_noted_and_charged_as_reported() -> None:
    usage = Usage(input_tokens=20, output_tokens=1)
    little = ended(usage, output_bytes=100_000)
    assert noted(little) == [("usage_suspect", "1 output tokens reported for 100,000 bytes of output")]
    assert charged(little)[0] == "metered"
    assert noted(ended(usage, output_bytes=6_000)) == []


def test_a_usage_that_contradicts_itself_and_is_charged_is_noted_with_the_amount() -> None:
    above = Usage(input_tokens=20, output_tokens=300)
    for usage, also in ((Usage(input_tokens=20, output_tokens=10), []), (above, ["hold_exceeded"])):
        told = ended(usage, output_bytes=400)
        odd = msgspec.structs.replace(told, report=msgspec.structs.replace(told.report, suspect="total_tokens is 9"))
        amount = display(20 * IN + (usage.output_tokens or 0) * OUT)
        assert noted(odd)[0] == ("usage_suspect", f"total_tokens is 9; charged {amount}")
        assert [code for code, _ in noted(odd)[1:]] == also


def test_a_usage_that_is_not_believed_is_noted_with_both_amounts() -> None:
    absurd = ended(Usage(input_tokens=20, output_tokens=90_000_000), output_bytes=10)
    reported, charged_for = display(20 * IN + 90_000_000 * OUT), display(20 * IN + 100 * OUT)
    held = display(QUOTE.amount)
    assert noted(absurd) == [("usage_suspect", f"reported {reported}, charged {charged_for}, held {held}")]
    impossible = f"reported what cannot be, charged {held}, held {held}"
    assert noted(ended(CONTRADICTORY, output_bytes=10)) == [("usage_suspect", impossible)]
    assert noted(ended(Usage(input_tokens=-5, output_tokens=1), output_bytes=10)) == [("usage_suspect", impossible)]


def test_an_answer_that_reported_nothing_for_good_is_not_suspect() -> None:
    partial = Usage(input_tokens=7, output_tokens=1)
    assert noted(ended(output_bytes=10)) == []
    assert noted(ended(partial, reason="client_gone", finished=False, output_bytes=3)) == []
    assert noted(ended(partial, reason="client_gone", finish_reason="stop", streamed=False, output_bytes=3)) == []


def test_what_was_never_answered_is_presumed_at_its_bound() -> None:
    found = answer.presumed(QUOTE, TARGET)
    assert isinstance(found, Charge) and (found.amount, found.basis) == (QUOTE.amount, "presumed")
    assert answer.presumed(None, TARGET) == Unpriced("openai", MODEL)


# What goes out.


def budget(**fields: Any) -> Budget:
    return Budget(**{"id": "b", "name": "B", "limit": 10**9, "window": Fixed("day"), **fields})


def sent(
    body: Any, *claims: Budget, snapshot: Any = SNAPSHOT, **fields: Any
) -> tuple[str, bytes, bool, InferenceRequest]:
    request = world.request(body, **fields)
    codec = codec_for(request.api)
    ask = codec.read_ask(request.upstream_path, request.query, request.content_type, request.body)
    assert isinstance(ask, Ask)
    target = choose(request, ask, snapshot, world.NOW)
    assert isinstance(target, Target)
    quote = estimate(
        ask,
        50,
        provider=target.listed.provider,
        model=target.listed.model,
        book=snapshot.book,
        at_ms=world.NOW,
    )
    assert isinstance(quote, Quote)
    claimed = tuple(Claim(one, ("b",)) for one in claims)
    out = answer.outgoing(request, ask, target, claimed, quote)
    path, rewrite, strip = out.path, out.rewrite, out.strip_usage
    return path, request.body if rewrite is None else written(request.body, rewrite), strip, request


CHAT = {"messages": [{"role": "user", "content": "hi"}]}


def test_the_callers_bytes_pass_as_they_are_where_nothing_must_change() -> None:
    spaced = b'{ "model" : "gpt-4o-mini",  "max_tokens":5, "messages" :[ ] }'
    path, body, strip, request = sent(spaced, budget())
    assert (path, body, strip) == ("/v1/chat/completions", spaced, False)
    assert body is request.body


def test_only_the_models_name_changes_behind_a_unified_path() -> None:
    _, body, _, _ = sent(b'{"x": 1.0, "model": "openai/gpt-4o-mini", "max_tokens":5, "messages":[]}')
    assert list(json.loads(body).items()) == [("x", 1.0), ("model", "gpt-4o-mini"), ("max_tokens", 5), ("messages", [])]
    assert b"1.0" in body


@pytest.mark.parametrize(
    ("claims", "capped"),
    [
        ((budget(),), True),
        ((budget(mode="monitor"),), False),
        ((budget(guarantee="settled"),), False),
        ((budget(guarantee="settled"), budget()), True),
        ((), False),
    ],
)
def test_a_cap_is_written_where_a_budget_holds_money_for_it(claims: tuple[Budget, ...], capped: bool) -> None:
    _, body, _, _ = sent({"model": MODEL, **CHAT}, *claims)
    assert ("max_completion_tokens" in json.loads(body)) is capped


def test_a_compatible_server_is_sent_the_cap_it_knows() -> None:
    local = {"local": {"api": "openai", "base_url": "https://l/v1", "api_key": "none", "prices": "openai"}}
    _, body, _, _ = sent({"model": MODEL, **CHAT}, budget(), snapshot=world.snapshot(providers=local))
    assert "max_tokens" in json.loads(body) and "max_completion_tokens" not in json.loads(body)


def test_a_stream_is_asked_for_its_usage_which_is_then_taken_out() -> None:
    _, body, strip, _ = sent({"model": MODEL, "stream": True, "max_tokens": 5, **CHAT})
    assert strip and json.loads(body)["stream_options"] == {"include_usage": True}


def test_a_stream_whose_caller_asked_for_its_usage_keeps_it() -> None:
    own = {"model": MODEL, "stream": True, "max_tokens": 5, "stream_options": {"include_usage": True}, **CHAT}
    _, body, strip, request = sent(own)
    assert not strip and body is request.body


def test_google_names_its_model_in_the_path() -> None:
    path, body, _, request = sent(
        {"contents": []},
        api="google.generate",
        dialect="google",
        path="/v1beta/models/google/gemini-2.5-flash:generateContent",
    )
    assert path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert json.loads(body) == json.loads(request.body)


# Saying that a budget has no more.

HELD = Hold("b", 0, 0, 5, 10)


def exhausted(
    balance: Balance, *, window: Window | None = None, contended: bool = False, amount: int = 30_000_000
) -> Any:
    claimed = (
        Claim(budget(id="other", name="Other"), ("x", "y")),
        Claim(budget(window=window or Fixed("day")), ("b",)),
    )
    return told_of.exhausted(Exhausted(2, balance, contended), HELD, claimed, amount, CALENDAR, world.NOW)


def test_a_spent_budget_says_what_when_and_how_long() -> None:
    refusal = exhausted(Balance("b", 5_000_000_000, 0, 5_000_000_000))
    assert (refusal.code, refusal.rule) == ("budget_exceeded", "B")
    assert refusal.message == 'Budget "B" is exhausted: $5.00 of $5.00 spent; resets 2026-09-22 00:00 UTC.'
    assert refusal.retry_after_s == 35_200
    assert refusal.details == {
        "budget": "B",
        "budget_id": "b",
        "account": "b",
        "window": "calendar day, UTC",
        "limit_usd": "5",
        "spent_usd": "5",
        "held_usd": "0",
        "needed_usd": "0.03",
        "resets_at": "2026-09-22T00:00:00.000Z",
    }


def test_a_limit_of_nothing_does_not_advise_to_wait() -> None:
    refusal = exhausted(Balance("b", 0, 0, 0))
    assert (refusal.code, refusal.retry_after_s) == ("budget_exceeded", None)


def test_a_budget_with_too_little_left_says_what_was_needed() -> None:
    assert (
        "$4.99 of $5.00 spent, and this request may cost $0.03"
        in exhausted(Balance("b", 4_990_000_000, 0, 5_000_000_000)).message
    )


def test_a_budget_that_others_hold_is_told_from_a_spent_one() -> None:
    refusal = exhausted(Balance("b", 10**9, 4 * 10**9, 5 * 10**9), contended=True)
    assert (refusal.code, refusal.retry_after_s) == ("budget_contended", 1)
    assert "$1.00 spent and $4.00 held of $5.00; this request needs $0.03" in refusal.message


def test_a_budget_that_never_resets_promises_nothing() -> None:
    refusal = exhausted(Balance("b", 10, 0, 10), window=Total())
    assert refusal.message.endswith("does not reset.") and refusal.retry_after_s is None
    assert refusal.details["resets_at"] is None


def test_a_rolling_budget_does_not_say_that_it_never_frees() -> None:
    refusal = exhausted(Balance("b", 10, 0, 10), window=Rolling("day"))
    assert refusal.message.endswith("counts the last 24 hours, rolling.") and "does not reset" not in refusal.message


# What a caller is told of its budgets.


def told(
    charge: Charge | None = None,
    *,
    status: int = 200,
    guarantee: Any = "hard",
    spent: int = 10**9,
    name: str = "Each, ü\r\nx",
    window: Window | None = None,
    **request: Any,
) -> dict[bytes, bytes]:
    story = Story(world.request(**request))
    story.target = TARGET
    claim = Claim(budget(name=name, limit=2 * 10**9, guarantee=guarantee, window=window or Fixed("day")), ("b",))
    (hold,) = holds([claim], 100, world.NOW, CALENDAR)
    story.tightest = (claim, hold, Balance("b", spent, hold.amount, hold.limit))
    found = told_of.headers(story, Head(status, ((b"content-type", b"text/x"),), False, 0), charge)
    assert all(0x20 <= byte <= 0x7E for _, value in found for byte in value)
    return dict(found)


def test_an_answer_carries_its_cost_and_what_is_left() -> None:
    assert told(Charge(amount=40, price_id="p")) == {  # type: ignore[arg-type]
        b"content-type": b"text/x",
        b"tollway-request-id": b"01900000-0000-7000-8000-000000000001",
        b"tollway-provider": b"openai",
        b"tollway-model": b"gpt-4o-mini",
        b"tollway-cost-usd": b"0.00000004",
        b"tollway-budget": b"Each, ???x",
        b"tollway-budget-limit-usd": b"2",
        b"tollway-budget-remaining-usd": b"0.99999996",
        b"tollway-budget-resets-at": b"2026-09-22T00:00:00.000Z",
    }


REMAINING = b"tollway-budget-remaining-usd"


def test_a_stream_is_told_what_is_left_with_its_hold_in_it() -> None:
    found = told(None)
    assert found[REMAINING] == b"0.9999999" and b"tollway-cost-usd" not in found


def test_an_error_gives_its_hold_back_before_it_is_told_what_is_left() -> None:
    assert told(None, status=429)[REMAINING] == b"1"


def test_a_settled_budget_has_no_hold_to_give_back() -> None:
    charge = Charge(amount=40, price_id="p")  # type: ignore[arg-type]
    assert told(charge, guarantee="settled")[REMAINING] == b"0.99999996"
    assert told(None, guarantee="settled")[REMAINING] == b"1"


def test_an_overspent_budget_has_nothing_left_and_never_less() -> None:
    assert told(Charge(amount=40, price_id="p"), spent=3 * 10**9)[REMAINING] == b"0"  # type: ignore[arg-type]


def test_a_window_without_an_end_has_no_reset() -> None:
    assert b"tollway-budget-resets-at" not in told(window=Total())


def test_a_caller_that_writes_cloudflares_headers_is_answered_in_them() -> None:
    found = told(cf_spelling=True)
    assert not any(name.startswith(b"tollway-") for name in found)
    ids = {found[name] for name in (b"cf-aig-log-id", b"cf-aig-event-id", b"cf-aig-request-id")}
    assert ids == {b"01900000-0000-7000-8000-000000000001"} and found[b"cf-aig-step"] == b"0"


def test_a_lowered_cap_is_told() -> None:
    story = Story(world.request())
    assert b"tollway-max-tokens" not in dict(told_of.headers(story, Head(200, (), False, 0), None))
    story.clamped_to = 300
    assert dict(told_of.headers(story, Head(200, (), False, 0), None))[b"tollway-max-tokens"] == b"300"


@pytest.mark.parametrize("reason", ["client_gone", "broken_off"])
def test_a_whole_answer_that_was_cut_is_billed_as_its_hold(reason: str) -> None:
    """It was made before its first byte; how much of it arrived tells nothing of what it cost."""
    assert charged(ended(reason=reason, output_bytes=3, streamed=False)) == ("presumed", QUOTE.amount)
