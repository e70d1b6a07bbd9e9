import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.admin.gateways import Caller
from tests.admin.rerated import AT, charged, entry, settings

from tollway.admin import rerate
from tollway.admin.problem import Problem
from tollway.admin.rerate import RerateBody, attempts, book, plan, rerate_shown
from tollway.admin.where import Where
from tollway.ledger.reservation import Hold, Reservation
from tollway.money import Money, dollars, parse
from tollway.pricing.charge import Unpriced
from tollway.snapshot import Snapshot
from tollway.storage.memory import MemoryStore
from tollway.storage.protocol import Filter
from tollway.usage import Usage

here = pytest.mark.asyncio(loop_scope="module")

LIST = settings()
DAY_MS = 86_400_000
EVERYTHING: dict[str, Any] = {"where": {"since": "2026-01-01T00:00:00Z"}}


def running(snapshot: Snapshot, store: MemoryStore, now: int = AT) -> Any:
    return SimpleNamespace(snapshot=snapshot, store=store, clock=SimpleNamespace(now=lambda: now))


def asked(**fields: Any) -> RerateBody:
    return RerateBody(where=Where.model_validate({"since": "2026-01-01T00:00:00Z"} | fields))


def at_markup(percent: int) -> Snapshot:
    return settings({"provider": "openai", "model": "*", "markup": f"{percent}%"})


async def filled(usages: list[tuple[int, int]], store: MemoryStore) -> None:
    for number, (read, written) in enumerate(usages):
        usage = Usage(input_tokens=read, output_tokens=written)
        # All at one instant: the entries of one lie among those of the others.
        old = charged(number, LIST, usage, model=("gpt-4o", "gpt-4o-mini")[number % 2])
        hold = Hold("all", 1, 1, 10**9, 10**12)
        await store.ledger.reserve(Reservation(old.reservation_id, f"r{number}", 1, (hold,), AT, AT + 1000, 10**9), AT)
        assert store.ledger.settle(old)


counts = st.integers(min_value=0, max_value=10**6)


@given(usages=st.lists(st.tuples(counts, counts), max_size=12), markups=st.lists(st.integers(0, 300), max_size=3))
def test_corrections_add_up_and_the_ledger_verifies_and_applying_twice_changes_nothing(
    usages: list[tuple[int, int]], markups: list[int]
) -> None:
    async def run() -> None:
        store = MemoryStore()
        await filled(usages, store)
        for markup in markups:
            runtime = running(at_markup(markup), store)
            made = await plan(runtime, asked())
            assert made.attempts == len(usages)
            spent = sum(one.charge.amount for one in store.ledger.entries)
            assert made.before == spent
            assert await book(runtime, made.corrections()) == len(made.changed)
            assert sum(one.charge.amount for one in store.ledger.entries) == made.after
            assert await book(runtime, made.corrections()) == 0
            again = await plan(runtime, asked())
            assert (again.before, again.after, again.token()) == (made.after, made.after, None)
            assert await store.ledger.verify() == []
            # The account of the budget has followed, where it was booked.
            (balance,) = store.ledger.balances((Hold("all", 1, 1, 0, 0),))
            assert balance.spent == made.after

    asyncio.run(run())


async def test_a_window_that_is_over_is_corrected_and_the_one_of_now_is_not() -> None:
    store = MemoryStore()
    old = charged(1, LIST, Usage(input_tokens=1000, output_tokens=1000))
    moved = entry(1, old.charge, old.usage, at=AT - DAY_MS, legs=(("all", AT - DAY_MS),))
    fresh = entry(2, old.charge, old.usage, at=AT, legs=(("all", AT),))
    for one in (moved, fresh):
        store.ledger.settle(one)
    runtime = running(at_markup(100), store)
    made = await plan(runtime, asked(until="2026-11-21T00:00:00Z"))
    assert await book(runtime, made.corrections()) == 1

    def spent(bucket: int, since: int) -> int:
        (balance,) = store.ledger.balances((Hold("all", bucket, since, 0, 0),))
        return balance.spent

    assert spent(AT, AT) == old.charge.amount
    assert spent(AT - DAY_MS, AT - DAY_MS) == 3 * old.charge.amount
    assert await store.ledger.verify() == []


async def test_of_two_that_were_worked_out_from_the_same_past_only_one_is_booked() -> None:
    store = MemoryStore()
    await filled([(1000, 1000)], store)
    one, other = [await plan(running(at_markup(percent), store), asked()) for percent in (50, 100)]
    assert one.token() != other.token()
    runtime = running(LIST, store)
    assert await book(runtime, one.corrections()) == 1
    assert await book(runtime, other.corrections()) == 0
    assert sum(e.charge.amount for e in store.ledger.entries) == one.after


async def test_an_attempts_entries_come_together_whatever_lies_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerate, "READ_AT_ONCE", 2)
    store = MemoryStore()
    await filled([(1, 1), (2, 2), (3, 3)], store)
    runtime = running(at_markup(10), store)
    await book(runtime, (await plan(runtime, asked())).corrections())
    found = [one async for one in attempts(store.records, Filter())]
    assert sorted([e.id for e in group] for group in found) == [
        [f"r{number}.1.charge", f"r{number}.1.correction"] for number in range(3)
    ]


async def test_more_corrections_than_fit_are_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerate, "MOST", 1)
    store = MemoryStore()
    await filled([(1, 1), (2, 2)], store)
    with pytest.raises(Problem, match="narrow it down"):
        await plan(running(at_markup(10), store), asked())


async def test_what_is_left_out_is_counted_by_reason_with_an_example() -> None:
    store = MemoryStore()
    for number in (1, 2):
        store.ledger.settle(entry(number, Unpriced("openai", "x"), Usage(input_tokens=1), model="nobody-knows"))
    shown = rerate_shown(await plan(running(LIST, store), asked()))
    (left,) = shown.left_out
    assert (left.reason, left.attempts, left.charged_usd, left.request_id) == ("price_unknown", 2, "0", "r2")
    assert shown.token is None and shown.attempts == 2


@here
async def test_a_preview_books_nothing_and_its_token_books_exactly_it(caller: Caller) -> None:
    for model in ("openai/gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-haiku-4-5"):
        assert (await caller.chat(model=model)).status == 200
    before = (await caller.admin("/api/v1/spend")).json["total"]
    nothing = (await caller.admin("/api/v1/prices/rerate", EVERYTHING)).json
    assert (nothing["corrections"], nothing["token"], nothing["difference_usd"]) == (0, None, "0")

    config = caller.folder / "tollway.yaml"
    config.write_text(config.read_text() + 'prices:\n  - {provider: openai, model: "gpt-4o*", markup: "50%"}\n')
    assert (await caller.admin("/api/v1/reload", method="POST")).status == 200
    preview = (await caller.admin("/api/v1/prices/rerate", EVERYTHING)).json
    assert preview["corrections"] == 2 and preview["unchanged"] == preview["attempts"] - 2
    assert [one["model"] for one in preview["models"]] == ["gpt-4o", "gpt-4o-mini"]
    assert (await caller.admin("/api/v1/spend")).json["total"] == before

    wrong = await caller.admin("/api/v1/prices/rerate/apply", {**EVERYTHING, "token": "x" * 32})
    assert (wrong.status, wrong.json["code"]) == (409, "rerate_changed")
    applied = await caller.admin("/api/v1/prices/rerate/apply", {**EVERYTHING, "token": preview["token"]})
    assert applied.json == {**preview, "booked": 2}
    after = (await caller.admin("/api/v1/spend")).json["total"]
    assert parse(after["spent_usd"]) - parse(before["spent_usd"]) == parse(preview["difference_usd"]) > 0
    assert after["input_tokens"] == before["input_tokens"]

    twice = await caller.admin("/api/v1/prices/rerate/apply", {**EVERYTHING, "token": preview["token"]})
    assert twice.status == 409
    assert "booked already" in twice.json["detail"]
    assert (await caller.admin("/api/v1/spend")).json["total"] == after
    verified = (await caller.admin("/api/v1/status?verify=true")).json["store"]
    assert verified == {"ok": True, "verified": True, "differences": []}
    budget = (await caller.admin("/api/v1/budgets/company")).json
    assert budget["accounts"][0]["spent_usd"] == after["spent_usd"]
    corrections = (await caller.admin("/api/v1/ledger/entries?kind=correction")).json["items"]
    assert dollars(sum(parse(one["amount_usd"]) for one in corrections)) == preview["difference_usd"]


@here
async def test_a_question_that_cannot_be_meant_is_a_problem(caller: Caller) -> None:
    for body, said in (
        ({}, "where: Field required"),
        ({"where": {}}, "where.since: say from when on"),
        ({"where": {"sinc": "x"}}, 'no query parameter "sinc"'),
        ({**EVERYTHING, "tier": "x"}, "tier: Extra inputs"),
        ({"where": {"since": "yesterday"}}, "where.since"),
    ):
        answer = await caller.admin("/api/v1/prices/rerate", body)
        assert answer.status == 400, body
        assert said in answer.json["detail"], answer.json
    assert (await caller.admin("/api/v1/prices/rerate?x=1", EVERYTHING)).json["code"] == "parameter_unknown"
    assert (await caller.admin("/api/v1/prices/rerate/apply", EVERYTHING)).json["code"] == "body_invalid"


def test_a_token_is_the_same_in_any_order_and_another_for_another_amount() -> None:
    one, other = [charged(number, LIST, Usage(input_tokens=number)) for number in (1, 2)]
    tokens: list[str | None] = []
    for entries in ((one, other), (other, one), (one,)):
        made = rerate.Plan(revision=1, price_book="")
        for old in entries:
            made.add(rerate.rerate([old], at_markup(10), now=AT, unknown_tier=None))
        tokens.append(made.token())
    assert tokens[0] == tokens[1] != tokens[2]
    assert Money(0) == made.before - one.charge.amount
