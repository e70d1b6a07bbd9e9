"""The past comes in its order, whole, and in pieces, however it is spread over time."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.admin import past
from tollway.admin.past import attempts, slices
from tollway.budgets.replay import Past
from tollway.ledger.entry import Context, Kind, LedgerEntry, entry_id
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.price import UnitPrice
from tollway.storage.memory import MemoryLedger
from tollway.storage.memory.records import MemoryRecords
from tollway.storage.protocol import Filter, Page
from tollway.usage import Usage

ALICE = Context(gateway="default", provider="openai", model="gpt-5", user="alice")


def entry(
    number: int, at: int, amount: int, kind: Kind = "charge", *, again: int = 0, context: Context = ALICE
) -> LedgerEntry:
    return LedgerEntry(
        id=entry_id(f"r{number}", 1, kind, again),
        reservation_id=f"r{number}.1",
        request_id=f"r{number}",
        attempt=1,
        kind=kind,
        charge=Charge(Money(amount)),
        legs=(("b", 0),),
        context=context,
        occurred_at=at,
        recorded_at=at,
    )


async def read(entries: list[LedgerEntry], since: int, until: int) -> list[list[LedgerEntry]]:
    ledger = MemoryLedger()
    for each in entries:
        assert ledger.settle(each)
    return [list(found) async for found in slices(MemoryRecords(ledger), since, until)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 10_000), max_size=60), st.integers(1, 12), st.integers(0, 5_000), st.integers(5_001, 10_001)
)
async def test_every_entry_comes_once_and_in_its_order(ats: list[int], most: int, since: int, until: int) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(past, "MOST", most)
    patch.setattr(past, "AIM", most // 2)
    patch.setattr(past, "READ_AT_ONCE", 3)
    patch.setattr(past, "_HOUR_MS", 700)
    try:
        found = await read([entry(number, at, 1) for number, at in enumerate(ats)], since, until)
    finally:
        patch.undo()
    flat = [(each.occurred_at, each.request_id) for piece in found for each in piece]
    assert [at for at, _ in flat] == sorted(at for at in ats if since <= at < until)
    assert len(set(flat)) == len(flat)
    for piece in found:
        assert len(piece) <= most or len({each.occurred_at for each in piece}) == 1


async def test_a_long_silence_is_passed_in_few_questions() -> None:
    ledger, asked = MemoryLedger(), list[Filter]()

    class Watched(MemoryRecords):
        async def entries(self, where: Filter, *, limit: int, cursor: str | None) -> Page:
            asked.append(where)
            return await super().entries(where, limit=limit, cursor=cursor)

    half_a_century = 50 * 365 * 86_400_000
    ledger.settle(entry(1, half_a_century, 5))
    found = [each async for piece in slices(Watched(ledger), 0, half_a_century + 1) for each in piece]
    assert len(found) == 1
    assert len(asked) < 20


async def test_openings_are_left_out() -> None:
    found = await read([entry(1, 5, 10), entry(2, 6, 99, "opening")], 0, 10)
    assert [each.kind for piece in found for each in piece] == ["charge"]


def test_an_attempt_is_all_that_was_booked_for_it() -> None:
    found = list(attempts([entry(1, 5, 10), entry(2, 5, 3), entry(1, 5, -4, "correction")]))
    assert found == [(ALICE, Past(5, 6, "alice", "openai/gpt-5")), (ALICE, Past(5, 3, "alice", "openai/gpt-5"))]


def test_what_has_no_price_is_unknown_until_a_correction_prices_it() -> None:
    ((_, unknown),) = attempts([entry(1, 5, 0, "unpriced")])
    ((_, known),) = attempts([entry(1, 5, 0, "unpriced"), entry(1, 5, 7, "correction")])
    assert (unknown.priced, unknown.amount, known.priced, known.amount) == (False, 0, True, 7)


def test_a_presumption_that_was_corrected_is_what_it_cost() -> None:
    ((_, one),) = attempts([entry(1, 5, 100, "presumed"), entry(1, 5, -90, "correction")])
    assert (one.amount, one.priced, one.judged) == (10, True, True)


def test_a_credit_is_no_request() -> None:
    service = Context(gateway="g", provider="p", model="", service="ci")
    ((_, one),) = attempts([entry(1, 5, -10, "credit", context=service)])
    assert one == Past(5, -10, "ci", "p", judged=False)


def test_what_the_answer_cost_is_told_where_the_lines_of_the_charge_tell_it() -> None:
    def line(meter: str, amount: int) -> ChargeLine:
        return ChargeLine(meter, 1, UnitPrice(Money(amount), 1), Money(amount))

    used = Usage(input_tokens=3, output_tokens=70)
    whole = Charge(Money(17), (line("input", 10), line("output", 5), line("reasoning", 2)))
    late = Charge(Money(-3), (*whole.lines, line("presumed", -20)))
    charged = msgspec.structs.replace(entry(1, 5, 17), charge=whole, usage=used)
    presumed = entry(2, 5, 20, "presumed")
    corrected = msgspec.structs.replace(entry(2, 5, -3, "correction"), charge=late, usage=used)
    rerated = msgspec.structs.replace(entry(1, 5, 4, "correction"), charge=Charge(Money(4), (line("output", 4),)))
    for told, tokens, cost in (
        ([charged], 70, 7),
        ([presumed, corrected], 70, 7),
        ([presumed], 0, 0),
        ([charged, rerated], 0, 0),
        ([entry(3, 5, 17)], 0, 0),
    ):
        ((_, one),) = attempts(told)
        assert (one.output_tokens, one.output_amount) == (tokens, cost), told
        assert one.usage == (used if told[-1].usage or told[0].usage else None)
