import msgspec
import pytest
from tests.workers.filled import BOOK, HOUR, START, snapshot_of

from tollway.budgets.accounts import UNLIMITED
from tollway.budgets.holds import Claim, claims, holds
from tollway.budgets.window import Calendar
from tollway.document import compile_document
from tollway.document.text import parse
from tollway.exchange.selection import facts_of_entry
from tollway.identity.keys import PRIORITIES, Priority
from tollway.ledger.entry import Context
from tollway.ledger.reservation import Hold, Reservation
from tollway.money import DOLLAR
from tollway.snapshot import Snapshot
from tollway.workers import renewed
from tollway.workers.renewed import Renewed

CONTEXT = Context(gateway="default", provider="openai", model="gpt-4o", user="alice")
DAY = "window: {period: day, timezone: UTC}"
ALL = f'{{name: all, limit: "20", {DAY}}}'


def made_under(snapshot: Snapshot, priority: Priority = "standard", at: int = START) -> Reservation:
    facts = facts_of_entry(CONTEXT, snapshot, at)
    placed = holds(claims(snapshot.counting("default", facts), facts, priority), 7, at, Calendar(), metered=True)
    context = msgspec.msgpack.encode(CONTEXT)
    return Reservation("r.1", "r", 1, placed, at, at + HOUR, 7, context, 0, PRIORITIES[priority])


def renewed_by(made: Reservation, *budgets: str) -> tuple[Hold, ...]:
    return Renewed(snapshot_of(*budgets), Calendar())(made)


def test_the_same_settings_change_nothing() -> None:
    budgets = ALL, f'{{name: each, limit: "3", {DAY}, split_by: [user], carry_over: "1"}}'
    made = made_under(snapshot_of(*budgets))
    assert len(made.holds) == 2
    assert renewed_by(made, *budgets) == made.holds


def test_the_limit_of_now_stands_and_the_amount_stays() -> None:
    (hold,) = renewed_by(made_under(snapshot_of(ALL)), ALL.replace("20", "5"))
    assert (hold.limit, hold.amount, hold.metered, hold.enforced) == (5 * DOLLAR, 7, True, True)


def test_overrides_modes_carry_over_and_shares_are_those_of_now() -> None:
    each = f'{{name: each, limit: "20", {DAY}, split_by: [user]'
    made = made_under(snapshot_of(each + "}"), "batch")
    changed = (
        f'{each}, mode: monitor, carry_over: "2", overrides: [{{user: "ali*", limit: "9"}}], '
        "actions: [{at: 60, do: block, priority: batch}]}"
    )
    (hold,) = renewed_by(made, changed)
    previous = Calendar().previous(snapshot_of(changed).budgets[0].window, START)
    assert (hold.limit, hold.enforced, hold.share) == (9 * DOLLAR, False, 60)
    assert (hold.carry, hold.previous) == (2 * DOLLAR, previous)
    (hold,) = renewed_by(made, f'{each}, overrides: [{{user: "*", limit: unlimited}}]}}')
    assert (hold.limit, hold.enforced) == (UNLIMITED, False)


@pytest.mark.parametrize("left", [(), (ALL.replace("}}", "}, enabled: false}"),)], ids=["gone", "off"])
def test_a_budget_that_is_gone_or_off_limits_nobody(left: tuple[str, ...]) -> None:
    (hold,) = renewed_by(made_under(snapshot_of(ALL)), *left)
    assert (hold.account, hold.limit, hold.enforced, hold.amount) == ("all", UNLIMITED, False, 7)


@pytest.mark.parametrize(
    "changed",
    [
        ALL.replace("period: day", "period: month").replace("20", "1"),
        ALL.replace("period: day, timezone: UTC", "rolling: day").replace("20", "1"),
        ALL.replace("20", "1").replace("}}", "}, split_by: [user]}"),
        ALL.replace("20", "1").replace("}}", "}, where: {user: bob}}"),
    ],
    ids=["window", "rolling", "split", "where"],
)
def test_what_the_budget_does_not_have_any_more_keeps_its_limit(changed: str) -> None:
    made = made_under(snapshot_of(ALL))
    assert renewed_by(made, changed) == made.holds


def test_who_asked_is_not_known_of_what_cannot_be_read() -> None:
    made = msgspec.structs.replace(made_under(snapshot_of(ALL)), context=b"\xff")
    assert renewed_by(made, ALL.replace("20", "1")) == made.holds


def test_a_stream_of_yesterday_is_judged_in_its_own_window_by_the_limit_of_now() -> None:
    made = made_under(snapshot_of(ALL), at=START - 24 * HOUR)
    (hold,) = renewed_by(made, ALL.replace("20", "5"))
    assert (hold.limit, hold.bucket) == (5 * DOLLAR, made.holds[0].bucket)


def test_callers_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed, "REMEMBERED", 2)
    by = Renewed(snapshot_of(ALL.replace("20", "5")), Calendar())
    made = made_under(snapshot_of(ALL))
    for number in range(5):
        named = msgspec.structs.replace(CONTEXT, user=f"u{number}")
        (hold,) = by(msgspec.structs.replace(made, context=msgspec.msgpack.encode(named)))
        assert hold.limit == 5 * DOLLAR


POLICED = "keys: [{name: k, secret: sk-0123456789abcdef, user: alice, groups: [eng]}]\npolicies: ["
EACH = '{name: each, actor: "user:{cf.user.id}", action: {type: limit, amount: 3, period: daily}}'
LEADS = (
    EACH.replace("each", "leads").replace(": 3", ": 30").replace("action", "condition: '\"leads\" in groups', action")
)
FREE = EACH.replace("each", "free").replace("limit, amount: 3, period: daily", "no-limit")
OF_KEY = msgspec.structs.replace(CONTEXT, key="k", groups=("eng",))
OF_TOKEN = msgspec.structs.replace(CONTEXT, groups=("eng",))


def under(*policies: str) -> Snapshot:
    text = 'providers: {openai: {api_key: "none"}}\n' + POLICED + ", ".join(policies) + "]"
    return compile_document(
        parse(text), resolve=lambda reference, _: reference, book=BOOK, pepper=b"p", revision=2, text=text
    )


def held_for_policy(context: Context = OF_KEY, limit: int = 3 * DOLLAR) -> Reservation:
    """Of a request of alice's, admitted under `EACH`."""
    (budget,) = under(EACH).buckets
    window = Claim(msgspec.structs.replace(budget, limit=limit, overrides=()), (f"{budget.id}[actor=user:alice]",))
    placed = holds((window,), 7, START, Calendar(), metered=True)
    return Reservation("r.1", "r", 1, placed, START, START + HOUR, 7, msgspec.msgpack.encode(context), 0, 1)


def limits(now: Snapshot, context: Context = OF_KEY, limit: int = 3 * DOLLAR) -> tuple[int, bool]:
    (hold,) = Renewed(now, Calendar())(held_for_policy(context, limit))
    assert hold.amount == 7 and hold.metered
    return hold.limit, hold.enforced


@pytest.mark.parametrize("context", [OF_KEY, OF_TOKEN], ids=["key", "token"])
def test_what_is_held_for_a_policy_has_the_limit_of_now(context: Context) -> None:
    assert limits(under(EACH), context) == (3 * DOLLAR, True)
    assert limits(under(EACH.replace(": 3", ": 1")), context) == (DOLLAR, True)
    assert limits(under(EACH.replace(": 3", ": 9")), context) == (9 * DOLLAR, True)
    # Whoever is no lead does not get what they have, and the highest of what applies counts.
    assert limits(under(EACH.replace(": 3", ": 1"), LEADS), context) == (DOLLAR, True)
    leads = msgspec.structs.replace(context, groups=("eng", "leads"))
    assert limits(under(EACH.replace(": 3", ": 1"), LEADS), leads) == (30 * DOLLAR, True)


def test_a_policy_that_is_gone_or_lets_go_refuses_nothing_more() -> None:
    assert limits(under()) == (UNLIMITED, False)
    assert limits(under(FREE)) == (UNLIMITED, False)
    assert limits(under(EACH.replace("daily", "monthly"))) == (UNLIMITED, False)
    assert limits(under(EACH.replace("{cf.user.id}", "bob"))) == (UNLIMITED, False)
    assert limits(under(EACH, FREE)) == (UNLIMITED, False)
    assert limits(under(EACH), limit=UNLIMITED) == (3 * DOLLAR, True), "the other way round too"


def test_a_policy_that_is_about_others_now_leaves_the_limit() -> None:
    assert limits(under(LEADS)) == (3 * DOLLAR, True)


def test_where_a_token_told_more_than_is_kept_the_highest_limit_counts() -> None:
    abroad = LEADS.replace('"leads" in groups', 'cf.country == "DE"')
    assert limits(under(EACH, abroad), OF_TOKEN) == (30 * DOLLAR, True)
    assert limits(under(EACH, abroad), OF_KEY) == (3 * DOLLAR, True), "a key has no country"
    asked = LEADS.replace('"leads" in groups', "has(cf.country)")
    assert limits(under(EACH, asked), OF_TOKEN) == (30 * DOLLAR, True)
    assert limits(under(EACH, asked), OF_KEY) == (3 * DOLLAR, True)
    # Nobody knows whether it is switched off for the caller; it is if it was.
    off = FREE.replace("action", "condition: 'cf.country == \"DE\"', action")
    assert limits(under(EACH, off), OF_TOKEN) == (3 * DOLLAR, True)
    assert limits(under(EACH, off), OF_TOKEN, UNLIMITED) == (UNLIMITED, False)


def test_limits_of_policies_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed, "REMEMBERED", 2)
    by = Renewed(under(EACH.replace(": 3", ": 1")), Calendar())
    for number in range(5):
        context = msgspec.structs.replace(OF_KEY, metadata={"run": str(number)})
        for _ in range(2):
            (hold,) = by(held_for_policy(context))
            assert hold.limit == DOLLAR
