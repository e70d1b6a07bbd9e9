"""Sums over a batch: what it may cost at most, and what its results cost."""

import itertools
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_world import NOW, form, lines, messages, request, settings, value_of

from tollway.exchange.batch_money import (
    LONGEST_LINE,
    ResultsMeter,
    Tally,
    bound,
    of_nothing,
    of_tally,
    prices_now,
    settlement,
    whole,
)
from tollway.exchange.target import Target, choose
from tollway.ledger.entry import Context
from tollway.ledger.job import Job
from tollway.money import LARGEST
from tollway.pricing.charge import Charge, Unpriced
from tollway.pricing.estimate import Quote
from tollway.providers.anthropic_batches import read_requests
from tollway.providers.batches import Requests
from tollway.providers.openai_batches import read_upload
from tollway.request import Ask

SNAPSHOT = settings()


def target(model: str = "claude-haiku-4-5", snapshot: Any = SNAPSHOT) -> Target:
    path = "/v1/messages/batches" if model.startswith("claude") else "/v1/batches"
    found = choose(request("POST", path), Ask(model=model), snapshot, NOW)
    assert isinstance(found, Target)
    return found


def uploaded(content: bytes) -> Requests:
    found = read_upload(*form(content))
    assert isinstance(found, Requests), found
    return found


def bound_of(body: Any, snapshot: Any = SNAPSHOT) -> Quote | Unpriced:
    asked = request("POST", "/v1/messages/batches", body)
    found = read_requests(asked.body)
    assert isinstance(found, Requests), found
    return value_of(bound(found, asked, target(found.model, snapshot), snapshot, NOW))


def job(requests: int = 2, **fields: Any) -> Job:
    made = Job(
        id="anthropic/b", kind="batch", context=Context(gateway="default", provider="anthropic", model="claude-haiku-4-5"),
        listed=("anthropic", "claude-haiku-4-5"), created_at=NOW, endpoint="/messages", requests=requests, bound=10**9,
        request_id="r", attempt=1, legs=(("all", 5),),
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


NUMBERS = itertools.count()


def succeeded(given: int, made: int, **usage: Any) -> bytes:
    """The result of another request each time."""
    counts = {"input_tokens": given, "output_tokens": made, "service_tier": "batch", **usage}
    message = {"id": "m", "type": "message", "model": "claude-haiku-4-5", "content": [], "usage": counts}
    return msgspec.json.encode({"custom_id": f"x{next(NUMBERS)}", "result": {"type": "succeeded", "message": message}})


def read(tally: Tally, *lines: bytes) -> Tally:
    for line in lines:
        tally.read(line)
    return tally


class TestBound:
    def test_it_is_at_the_standard_price_because_a_provider_may_charge_that(self) -> None:
        quote = bound_of(messages("a", cap=1000))
        assert isinstance(quote, Quote)
        assert quote.amount >= 1000 * 5_000

    def test_no_smaller_cap_makes_a_batch_fit(self) -> None:
        quote = bound_of(messages("a"))
        assert isinstance(quote, Quote)
        assert quote.clamped(quote.amount) is quote
        assert quote.clamped(quote.amount - 1) is None

    def test_an_input_without_a_known_size_leaves_the_window_or_no_bound(self) -> None:
        body = messages("a", "b")
        linked = [{"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}]
        body["requests"][1]["params"] = {
            **body["requests"][1]["params"],
            "messages": [{"role": "user", "content": linked}],
        }
        seen, unseen = bound_of(messages("a", "b")), bound_of(body)
        assert isinstance(seen, Quote) and isinstance(unseen, Quote)
        assert unseen.unbounded is not None or unseen.amount > 10 * seen.amount

    def test_a_model_without_a_price_has_none_however_many_requests_there_are(self) -> None:
        assert isinstance(bound_of(messages("a", "b", model="claude-never-heard-of")), Unpriced)

    def test_an_answer_without_a_cap_of_a_model_without_a_known_one_has_no_bound(self) -> None:
        priced = settings(prices=[{"provider": "openai", "model": "unheard-of", "input": "1", "output": "1"}])
        asked = request("POST", "/v1/batches")
        one = uploaded(lines("a", model="unheard-of", max_tokens=None))
        quote = value_of(bound(one, asked, target("unheard-of", priced), priced, NOW))
        assert isinstance(quote, Quote) and quote.unbounded is not None and "without a cap" in quote.unbounded
        capped_one = uploaded(lines("a", model="unheard-of"))
        capped = value_of(bound(capped_one, asked, target("unheard-of", priced), priced, NOW))
        assert isinstance(capped, Quote) and capped.unbounded is None

    def test_more_than_a_ledger_holds_has_no_bound(self) -> None:
        dear = settings(prices=[{"provider": "anthropic", "model": "claude-dear", "input": "1", "output": "900000000"}])
        body = messages("a", "b", model="claude-dear", cap=10_000_000)
        quote = bound_of(body, dear)
        assert isinstance(quote, Quote) and quote.amount <= LARGEST
        assert quote.amount < LARGEST or quote.unbounded is not None

    def test_what_the_prices_are_called_changes_with_them(self) -> None:
        asked, model = request("POST", "/v1/batches"), target("gpt-4o-mini")
        now = prices_now(asked, model, SNAPSHOT, NOW)
        assert now
        other = settings(prices=[{"provider": "openai", "model": "gpt-4o-mini", "input": "9", "output": "9"}])
        assert prices_now(asked, target("gpt-4o-mini", other), other, NOW) not in ("", now)
        assert prices_now(asked, target("never-heard-of"), SNAPSHOT, NOW) == ""

    def test_a_whole_bound_is_what_it_is(self) -> None:
        quote = whole(target(), 7, "p", None)
        assert (quote.amount, quote.floor, quote.unbounded, quote.price_id) == (7, 7, None, "p")


class TestTally:
    def test_each_answer_is_billed_at_half_the_list_price(self) -> None:
        tally = read(Tally(job(), SNAPSHOT.book), succeeded(10, 3), succeeded(5, 4))
        assert tally.is_whole
        charge = tally.charge()
        assert charge.amount == 15 * 500 + 7 * 2_500 == sum(line.amount for line in charge.lines)
        assert [(line.meter, line.quantity) for line in charge.lines] == [("input", 15), ("output", 7)]
        usage = tally.usage()
        assert usage is not None and (usage.input_tokens, usage.output_tokens) == (15, 7)

    def test_cached_input_and_inference_in_one_country_have_prices_of_their_own(self) -> None:
        line = succeeded(10, 0, cache_read_input_tokens=100)
        assert read(Tally(job(1), SNAPSHOT.book), line).charge().amount == 10 * 500 + 100 * 50
        opus = job(1, listed=("anthropic", "claude-opus-4-6"))
        here = succeeded(1000, 0, inference_geo="us").replace(b"claude-haiku-4-5", b"claude-opus-4-6")
        there = succeeded(1000, 0).replace(b"claude-haiku-4-5", b"claude-opus-4-6")
        inside, outside = read(Tally(opus, SNAPSHOT.book), here), read(Tally(opus, SNAPSHOT.book), there)
        assert inside.charge().amount * 10 == outside.charge().amount * 11

    @given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**5)), min_size=1, max_size=20))
    def test_the_charge_is_the_sum_of_what_each_answer_costs_alone(self, answers: list[tuple[int, int]]) -> None:
        together = read(Tally(job(len(answers)), SNAPSHOT.book), *(succeeded(*answer) for answer in answers))
        alone = [read(Tally(job(1), SNAPSHOT.book), succeeded(*answer)).charge().amount for answer in answers]
        assert together.is_whole and together.charge().amount == sum(alone)

    @pytest.mark.parametrize(
        "line", [b"", b"{", b"[]", b"{}", b'{"result": {"type": "succeeded"}}', b"\xff", b'{"result":{"type":"new"}}']
    )
    def test_a_line_that_cannot_be_read_leaves_everything_open(self, line: bytes) -> None:
        tally = read(Tally(job(2), SNAPSHOT.book), succeeded(1, 1), line)
        assert not tally.is_whole

    def test_a_line_too_many_leaves_everything_open(self) -> None:
        assert not read(Tally(job(1), SNAPSHOT.book), succeeded(1, 1), succeeded(1, 1)).is_whole

    def test_answers_in_a_file_are_all_there_once_the_provider_has_counted_them(self) -> None:
        made = job(3, endpoint="/chat/completions", listed=("openai", "gpt-4o-mini"))
        body = {
            "model": "gpt-4o-mini",
            "choices": [],
            "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
        }
        told = {"response": {"status_code": 200, "body": body}, "error": None}
        lines_read = [msgspec.json.encode({"custom_id": custom_id, **told}) for custom_id in "abcd"]
        for answers, read_lines, is_whole in (
            (None, 2, False),
            (2, 1, False),
            (2, 2, True),
            (1, 2, True),
            (2, 4, False),
        ):
            tally = read(Tally(msgspec.structs.replace(made, answers=answers), SNAPSHOT.book), *lines_read[:read_lines])
            assert tally.is_whole is is_whole, (answers, read_lines)

    @pytest.mark.parametrize("endpoint", ["/messages", "/chat/completions"])
    def test_a_request_that_is_told_twice_does_not_stand_for_another(self, endpoint: str) -> None:
        if endpoint == "/messages":
            made, one, other = job(2), succeeded(1, 1), succeeded(1, 1)
        else:
            made = job(2, endpoint=endpoint, listed=("openai", "gpt-4o-mini"), answers=2)
            usage = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
            body = {"model": "gpt-4o-mini", "choices": [], "usage": usage}
            told = {"response": {"status_code": 200, "body": body}, "error": None}
            one, other = (msgspec.json.encode({"custom_id": custom_id, **told}) for custom_id in "ab")
        assert read(Tally(made, SNAPSHOT.book), one, other).is_whole
        assert not read(Tally(made, SNAPSHOT.book), one, one).is_whole
        unnamed = other.replace(b"custom_id", b"custom-id")
        assert not read(Tally(made, SNAPSHOT.book), one, unnamed).is_whole

    def test_a_free_model_is_settled_at_nothing(self) -> None:
        free = settings(prices=[{"provider": "anthropic", "model": "claude-free", "free": True}])
        tally = read(Tally(job(1, listed=("anthropic", "claude-free"), bound=0), free.book), succeeded(1, 1))
        assert tally.is_whole and tally.charge().amount == 0


class TestMeter:
    @given(st.integers(1, 400), st.booleans())
    def test_however_results_are_cut_they_are_read_and_pass_as_they_came(self, size: int, ends: bool) -> None:
        body = b"\n".join([succeeded(3, 2), succeeded(4, 5), b""]) + succeeded(1, 1) + (b"\n" if ends else b"")
        tally = Tally(job(3), SNAPSHOT.book)
        meter = ResultsMeter(tally)
        shown = b"".join(meter.feed(body[at : at + size]) for at in range(0, len(body), size)) + meter.finish()
        assert shown == body and tally.is_whole
        assert tally.charge().amount == 8 * 500 + 8 * 2_500
        assert meter.report().usage is None

    def test_a_long_line_is_put_aside_and_the_batch_is_whole_once_it_was_read(self) -> None:
        long = succeeded(1, 1)[:-1] + b',"x":"' + b"y" * 300_000 + b'"}'
        tally = Tally(job(2), SNAPSHOT.book)
        meter = ResultsMeter(tally)
        aside = meter.put_aside()
        body = succeeded(1, 1) + b"\n" + long + b"\n"
        for at in range(0, len(body), 1_024):
            assert meter.feed(body[at : at + 1_024]) == body[at : at + 1_024]
        meter.finish()
        assert len(aside.events[0]) == len(long) and not tally.is_whole
        reader = pickle.loads(pickle.dumps(meter.reader))
        said = [aside.take(reader, bytes(event)) for event in aside.events]
        meter.reader = reader
        meter.taken(said, None)
        assert tally.is_whole and meter.report().usage is None
        assert tally.charge().amount == 2 * 500 + 2 * 2_500

    def test_a_line_without_an_end_is_not_kept_for_ever(self) -> None:
        tally = Tally(job(1), SNAPSHOT.book)
        meter = ResultsMeter(tally)
        for _ in range(2):
            meter.feed(b"x" * (LONGEST_LINE // 2 + 1))
        meter.feed(b"\n" + succeeded(1, 1) + b"\n")
        assert not tally.is_whole


def test_a_settlement_ends_the_reservation_of_the_batch_on_its_own_legs() -> None:
    made = job()
    entry = settlement(made, Charge(5), None, "m", NOW + 9)  # type: ignore[arg-type]
    assert (entry.id, entry.reservation_id, entry.legs) == ("r.1.charge", "r.1", made.legs)
    assert (entry.occurred_at, entry.recorded_at, entry.kind) == (NOW, NOW + 9, "charge")
    assert of_nothing(made, NOW).charge.amount == 0
    assert of_tally(job(1), read(Tally(job(1), SNAPSHOT.book), succeeded(1, 1)), NOW).charge.amount == 3_000
