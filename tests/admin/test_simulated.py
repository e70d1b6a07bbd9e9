"""How a replay and a suggestion are written down."""

from tollway.admin.simulated import replay_shown, suggestions_shown
from tollway.budgets.budget import Budget
from tollway.budgets.holds import claims
from tollway.budgets.replay import Changed, Past, Replay
from tollway.budgets.suggest import Observed
from tollway.budgets.window import Calendar, Fixed
from tollway.match import Attribute
from tollway.money import DOLLAR

MIDNIGHT = 1_790_035_200_000
DAY_MS = 86_400_000
EACH = Budget(id="each", name="each", limit=DOLLAR, window=Fixed("day"), split_by=("user",), untagged="bucket")


def test_a_caller_that_is_nobody_is_null_and_ten_groups_are_listed() -> None:
    replay = Replay([EACH], Calendar(), 0)
    for number in range(12):
        user = f"u{number}" if number else None
        facts = {"user": Attribute((user,), "key")} if user is not None else {}
        replay.tell(Past(MIDNIGHT, (2 + number) * DOLLAR, user, "m"), claims([EACH], facts))
    (shown,) = replay_shown(replay).budgets
    assert [group.name for group in shown.by_user] == [f"u{number}" for number in range(11, 1, -1)]
    assert (shown.blocked, shown.accounts_blocked, shown.blocked_usd) == (12, 12, "90")
    assert shown.text == 'Budget "each" would have blocked 12 requests, $90.00.'


def test_one_request_is_one_request_and_a_limit_of_nothing_has_no_percent() -> None:
    nothing = Budget(id="b", name="b", limit=0, window=Fixed("day"), mode="monitor")
    replay = Replay([nothing], Calendar(), 0)
    replay.tell(Past(MIDNIGHT, 84 * DOLLAR, "u", "m"), claims([nothing], {}))
    (shown,) = replay_shown(replay).budgets
    assert shown.text == 'Budget "b" would have blocked 1 request, $84.00, but only watches.'
    assert shown.peak is not None
    assert (shown.peak.percent, shown.peak.spent_usd, shown.peak.limit_usd) == (None, "84", "0")


def test_what_would_have_been_answered_otherwise_is_said_with_both_amounts() -> None:
    replay = Replay([EACH], Calendar(), 0)
    (tally,) = replay.tallies
    tally.downgraded, tally.clamped = Changed(3, 9 * DOLLAR, DOLLAR, 1), Changed(1, 2 * DOLLAR, DOLLAR // 2)
    (shown,) = replay_shown(replay).budgets
    assert shown.text == (
        'Budget "each" would have blocked 0 requests, $0.00. It would have had a cheaper model serve 3 requests, $1.00 '
        "instead of $9.00, and 1 request of unknown cost among them. It would have shortened the answers of 1 request, "
        "$0.50 instead of $2.00."
    )
    assert (shown.downgraded, shown.downgraded_usd, shown.downgraded_to_usd, shown.downgraded_unpriced) == (
        3,
        "9",
        "1",
        1,
    )
    assert (shown.clamped, shown.clamped_usd, shown.clamped_to_usd) == (1, "2", "0.5")


MISSING = "7 complete days with spend are needed, and there are 0; the one under way does not count"


def test_a_budget_that_nothing_was_spent_on_says_how_many_days_are_missing() -> None:
    shown = suggestions_shown(Observed(EACH, Calendar(), MIDNIGHT, MIDNIGHT + 9 * DAY_MS), "a", "b", 10)
    assert (shown.suggested_usd, shown.needed, shown.accounts) == (None, MISSING, [])


def test_accounts_beyond_those_asked_for_are_counted() -> None:
    observed = Observed(EACH, Calendar(), MIDNIGHT, MIDNIGHT + 9 * DAY_MS)
    for account in ("each[user=a]", "each[user=(none)]"):
        observed.add(account, MIDNIGHT, DOLLAR)
    shown = suggestions_shown(observed, "a", "b", 1)
    assert (shown.accounts_total, [one.values for one in shown.accounts]) == (2, [{"user": None}])
    missing = "7 complete days with spend are needed, and there are 1"
    assert shown.needed == f"no account has enough spend; of {shown.accounts[0].account}, {missing}"
    assert shown.accounts[0].needed == missing
