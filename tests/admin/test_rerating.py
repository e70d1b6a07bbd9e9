import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.admin.rerated import AT, charged, entry, settings

from tollway.admin.rerating import LEFT_OUT, TAKEN_BACK, Kept, Rated, rerate, tier_of
from tollway.ledger import journal
from tollway.ledger.entry import LedgerEntry
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine, Unpriced, presumed, stated
from tollway.pricing.custom_cost import custom_price
from tollway.pricing.units import Price, UnitPrice
from tollway.snapshot import Snapshot
from tollway.usage import Step, Usage

LIST = settings()
DOUBLE = settings({"provider": "openai", "model": "gpt-4o*", "markup": "100%"})
LOCAL = settings({"provider": "local", "model": "*", "input": "1", "output": "2"})
USAGE = Usage(input_tokens=1000, cache_read_input_tokens=400, output_tokens=500, reasoning_output_tokens=100)


def again(*entries: LedgerEntry, at: Snapshot = LIST, tier: str | None = None) -> Rated | Kept:
    return rerate(entries, at, now=AT + 5, unknown_tier=tier)


def corrected(*entries: LedgerEntry, at: Snapshot = LIST, tier: str | None = None) -> LedgerEntry:
    found = again(*entries, at=at, tier=tier)
    assert isinstance(found, Rated) and found.correction is not None, found
    return found.correction


def reason(*entries: LedgerEntry, at: Snapshot = DOUBLE, tier: str | None = None) -> str:
    found = again(*entries, at=at, tier=tier)
    assert isinstance(found, Kept), found
    assert found.reason in LEFT_OUT
    assert found.before == sum(one.charge.amount for one in entries)
    return found.reason


counts = st.integers(min_value=0, max_value=400_000)
usages = st.builds(
    lambda fresh, read, written, kept, output, reasoned: Usage(
        input_tokens=fresh + read + written + kept,
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written + kept,
        cache_creation_1h_input_tokens=kept,
        output_tokens=output + reasoned,
        reasoning_output_tokens=reasoned,
    ),
    *[counts] * 6,
)
models = st.sampled_from(
    [
        ("openai", "gpt-4o", None),
        ("openai", "gpt-4o", "priority"),
        ("openai", "gpt-5", "flex"),
        ("anthropic", "claude-sonnet-4-5", None),
        ("anthropic", "claude-opus-4-8", "fast+us"),
    ]
)
prices = st.sampled_from(
    [
        {"discount": "15%"},
        {"markup": "7.5%"},
        {"free": True},
        {"input": "3.33", "output": "0.000000001"},
        {"input": "1", "output": "2", "cache_read": "0.1", "reasoning": "5"},
    ]
)


@given(model=models | st.just(("local", "llama", None)), usage=usages)
def test_what_was_charged_costs_the_same_while_prices_stay_the_same(
    model: tuple[str, str, str | None], usage: Usage
) -> None:
    provider, name, tier = model
    found = again(charged(1, LOCAL, usage, provider=provider, model=name, tier=tier), at=LOCAL)
    assert isinstance(found, Rated)
    assert found.correction is None and found.before == found.after


@given(model=models, usage=usages, first=prices, second=prices)
def test_corrections_add_up_to_new_less_old_however_often_prices_change(
    model: tuple[str, str, str | None], usage: Usage, first: dict[str, str], second: dict[str, str]
) -> None:
    provider, name, tier = model
    entries = [charged(1, LIST, usage, provider=provider, model=name, tier=tier)]
    steps = [settings({"provider": provider, "model": name} | price) for price in (first, second)]
    for snapshot in (*steps, LIST):
        found = again(*entries, at=snapshot, tier=tier or "standard")
        assert isinstance(found, Rated)
        fresh = charged(2, snapshot, usage, provider=provider, model=name, tier=tier)
        assert found.after == fresh.charge.amount
        if found.correction is not None:
            charge = found.correction.charge
            assert charge.amount == found.after - found.before == sum(line.amount for line in charge.lines)
            entries.append(found.correction)
        assert sum(one.charge.amount for one in entries) == found.after
    assert len({one.id for one in entries}) == len(entries)
    assert sum(one.charge.amount for one in entries) == entries[0].charge.amount


def test_a_correction_stands_on_the_accounts_and_in_the_windows_of_its_charge() -> None:
    old = charged(1, LIST, USAGE)
    made = corrected(old, at=DOUBLE)
    assert (made.id, made.kind, made.reservation_id) == ("r1.1.correction", "correction", "r1.1")
    assert (made.legs, made.context, made.occurred_at) == (old.legs, old.context, old.occurred_at)
    assert made.recorded_at == AT + 5
    assert made.charge.amount == old.charge.amount
    assert made.charge.lines[-1].meter == TAKEN_BACK
    assert made.usage is None, "tokens count once"


def test_the_second_correction_has_a_number_and_amends_the_first() -> None:
    old = charged(1, LIST, USAGE)
    first = corrected(old, at=DOUBLE)
    second = corrected(old, first)
    assert second.id == "r1.1.correction.1"
    assert second.charge.amount == -first.charge.amount


def test_an_entry_without_a_price_is_corrected_from_nothing() -> None:
    old = entry(
        1, Unpriced("local", "llama"), Usage(input_tokens=1000, output_tokens=1000), provider="local", model="llama"
    )
    made = corrected(old, at=LOCAL)
    assert made.charge.amount == 3_000_000
    assert reason(old, at=LIST) == "price_unknown"


def test_a_late_settlement_is_rated_with_what_was_presumed_before_it() -> None:
    bound = entry(1, presumed(Money(10**9)), None)
    late = journal.correction(charged(1, LIST, USAGE), 10**9)
    made = corrected(bound, late, at=DOUBLE)
    assert made.id == "r1.1.correction.1"
    assert made.charge.amount == charged(1, LIST, USAGE).charge.amount
    found = again(bound, late)
    assert isinstance(found, Rated) and found.correction is None


def test_the_answers_of_a_batch_stay_rounded_one_by_one_while_the_price_is_the_same() -> None:
    # Three answers of one input token each, at $0.15 a million: 150 nanodollars; of a dearer meter rounded up apart.
    unit = UnitPrice(Money(10), 3)
    lines = (ChargeLine("input", 4, unit, Money(4 * 4)), ChargeLine("output", 3, unit, Money(10)))
    was = entry(
        1,
        Charge(Money(26), lines, "local/llama@settings#00000000"),
        Usage(input_tokens=4, output_tokens=3),
        provider="local",
        model="llama",
    )
    late = journal.correction(was, 100)
    book = settings({"provider": "local", "model": "*", "input": "0.003333333", "output": "1"})
    found = again(entry(1, presumed(Money(100)), None, provider="local", model="llama"), late, at=book)
    assert isinstance(found, Rated)
    assert found.after == 14 + 3000


def test_a_batch_is_left_out_where_long_requests_cost_more() -> None:
    late = journal.correction(charged(1, LIST, USAGE, provider="anthropic", model="claude-sonnet-4-5"), 10)
    bound = entry(1, presumed(Money(10)), None, provider="anthropic", model="claude-sonnet-4-5")
    assert reason(bound, late, at=LIST) == "several_answers"


def test_the_service_tier_is_that_of_the_charge() -> None:
    old = charged(1, LIST, USAGE, tier="priority")
    assert corrected(old, at=DOUBLE).charge.price_id == charged(2, DOUBLE, USAGE, tier="priority").charge.price_id


def test_an_unknown_tier_leaves_out_what_depends_on_it_unless_someone_says_which() -> None:
    own = settings({"provider": "openai", "model": "gpt-4o", "input": "1", "output": "1"})
    old = charged(1, own, USAGE, tier="priority")
    assert reason(old, at=LIST) == "tier_unknown"
    assert corrected(old, tier="standard").charge.price_id == charged(2, LIST, USAGE).charge.price_id
    assert corrected(old, tier="priority").charge.price_id == charged(2, LIST, USAGE, tier="priority").charge.price_id
    # What the settings write in dollars is the same at every tier.
    other = settings({"provider": "openai", "model": "gpt-4o", "input": "2", "output": "2"})
    assert corrected(old, at=other).charge.amount == old.charge.amount


@pytest.mark.parametrize(
    ("price_id", "tier"),
    [
        ("openai/gpt-4o@always#2026-11-21", (True, None)),
        ("openai/gpt-4o@always+priority.2026-10-12#2026-11-21", (True, "priority")),
        ("anthropic/claude@2026-01-01+fast.always+us+zone.11/10+settings.0a1b2c3d#2026-11-21", (True, "fast+us")),
        ("openrouter/a+b@c@always+priority.unlisted#2026-11-21", (True, "priority")),
        ("openai/gpt-4o@settings#338e2b09", (False, None)),
        ("openai/*@ceiling#2026-11-21", (False, None)),
        ("request/*@custom#338e2b09", (False, None)),
        ("openrouter/a@stated", (False, None)),
        ("", (False, None)),
        (None, (False, None)),
    ],
)
def test_a_prices_id_tells_its_tier_or_that_it_does_not(price_id: str | None, tier: tuple[bool, str | None]) -> None:
    assert tier_of(price_id) == tier


def test_a_counted_answer_is_rated_by_what_its_lines_count() -> None:
    counted = Usage(input_tokens=50, output_tokens=70)
    old = charged(1, LIST, counted)
    told = Usage(input_tokens=50, output_tokens=1)
    old = msgspec.structs.replace(old, usage=told, charge=msgspec.structs.replace(old.charge, basis="counted"))
    made = corrected(old, at=DOUBLE)
    assert made.charge.amount == old.charge.amount
    assert made.charge.basis == "counted"


def test_what_only_the_request_told_is_in_the_lines() -> None:
    old = charged(1, LIST, Usage(characters=1000), model="tts-1")
    bare = msgspec.structs.replace(old, usage=None)
    own = settings({"provider": "openai", "model": "tts-1", "markup": "50%"})
    assert corrected(bare, at=own).charge.amount * 2 == old.charge.amount


def test_what_cannot_be_rated_is_left_out_with_its_reason() -> None:
    custom = custom_price('{"per_token_in": 0.001}')
    assert isinstance(custom, Price)
    line = ChargeLine("input", 10, UnitPrice(Money(5), 1), Money(50))
    free = entry(1, Charge(Money(0), (), ""), USAGE)
    assert reason(entry(1, presumed(Money(5)), None)) == "presumed"
    assert reason(entry(1, Charge(Money(50), (line,), custom.id), Usage(input_tokens=10))) == "custom_cost"
    assert reason(entry(1, stated(Money(5), "openai/gpt-4o@stated"), USAGE)) == "stated_cost"
    assert reason(free) == "free_call"
    assert reason(entry(1, Unpriced("gone", "x"), USAGE, provider="gone")) == "provider_unknown"
    assert reason(entry(1, Unpriced("openai", "x"), USAGE, model="nobody-knows")) == "price_unknown"
    assert reason(entry(1, Unpriced("openai", "gpt-4o"), None)) == "usage_unknown"
    assert reason(corrected(charged(1, LIST, USAGE), at=DOUBLE)) == "entry_missing"


def test_sub_calls_are_left_out_as_the_ledger_does_not_keep_whose_they_were() -> None:
    steps = (Step(model="gpt-4o", usage=Usage(input_tokens=5)), Step(model="gpt-4o-mini", usage=Usage(input_tokens=5)))
    old = charged(1, LIST, Usage(input_tokens=10), steps=steps)
    assert reason(old) == "usage_unexplained"


def test_a_usage_that_contradicts_itself_is_left_out() -> None:
    broken = Usage(input_tokens=1, cache_read_input_tokens=5, output_tokens=1)
    assert reason(entry(1, Unpriced("openai", "gpt-4o"), broken), tier="standard") == "usage_unexplained"


def test_a_model_that_was_free_can_be_charged_after_all() -> None:
    gift = settings({"provider": "openai", "model": "gpt-4o", "free": True})
    old = charged(1, gift, USAGE)
    assert old.charge.amount == 0
    assert corrected(old, tier="standard").charge.amount == charged(2, LIST, USAGE).charge.amount


def test_what_was_counted_at_the_ceiling_comes_down_to_its_price() -> None:
    line = ChargeLine("input", 10, UnitPrice(Money(5000), 1), Money(50_000))
    at_ceiling = Charge(Money(50_000), (line,), "local/*@ceiling#2026-11-21")
    old = entry(1, at_ceiling, Usage(input_tokens=10), provider="local", model="llama")
    assert corrected(old, at=LOCAL).charge.amount == 10_000 - 50_000
