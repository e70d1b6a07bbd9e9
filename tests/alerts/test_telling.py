import pytest

from tollway.alerts import Event, telling
from tollway.money import CENT, DOLLAR

AT = {"at": 1_782_907_200_000, "event_id": "01"}
MONEY = {"amount": 80 * DOLLAR, "limit": 100 * DOLLAR}

EVENTS = [
    telling.spent("each[user=a]", name="each", start=5, percent=80, **MONEY, **AT),
    telling.below("each[user=a]", name="each", bucket=5, percent=80, **MONEY, **AT),
    telling.forecast("team", rule="r", start=5, percent=100, reached=1_784_030_400_000, **MONEY, **AT),
    telling.burn_rate("team", rule="r", slot=5, times=10, fast=1, fast_s=300, slow=2, slow_s=3600, limit=3, **AT),
    telling.velocity((("user", "a"),), rule="r", slot=5, threshold=CENT, amount=DOLLAR, per_s=300, **AT),
    telling.unpriced("openai/new", rule="r", slot=5, **AT),
    telling.hold_exceeded("openai/new", rule="r", slot=5, count=3, **AT),
    telling.lost(2, rule="r", slot=5, amount=DOLLAR, **AT),
    telling.unavailable("the disk is full", rule="r", slot=5, **AT),
    telling.unused("team", rule="r", start=5, percent=20, ends=1_784_030_400_000, **MONEY, **AT),
    telling.export_fails("nightly", "no room", failures=3, rule="exports", slot=5, **AT),
    telling.trial("ops", **AT),
]


def test_no_two_kinds_of_events_share_a_key() -> None:
    assert len({event.key for event in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.key)
def test_an_event_is_one_line_and_a_sentence_with_its_budget(event: Event) -> None:
    assert event.title and "\n" not in event.title and len(event.title) < 120
    assert event.text.endswith((".", "full"))
    assert event.budget == (event.account.partition("[")[0] if event.account else None)


def test_the_key_names_account_window_and_threshold() -> None:
    assert EVENTS[0].key == "spent:each[user=a]:5:80"


def test_people_are_told_what_an_account_is_called_and_programs_its_name() -> None:
    event = telling.spent("policies:x.1[actor=a]", name="cap", start=5, percent=80, **MONEY, **AT, called="cap [a]")
    assert event.title.startswith("cap [a]: ") and 'Account "cap [a]"' in event.text
    assert (event.account, event.budget) == ("policies:x.1[actor=a]", "policies:x.1")


def test_a_forecast_says_on_which_day() -> None:
    assert "2026-07-14 12:00 UTC" in EVENTS[2].title
    assert EVENTS[2].data["reached_at"] == "2026-07-14T12:00:00.000Z"


def test_amounts_are_exact_for_programs_and_readable_for_people() -> None:
    assert EVENTS[0].data["spent_usd"] == "80"
    assert "$80.00 of $100.00" in EVENTS[0].text


@pytest.mark.parametrize(("seconds", "said"), [(300, "5 minutes"), (3600, "hour"), (90, "90 seconds"), (86_400, "day")])
def test_lengths_of_time_are_said_in_the_largest_unit(seconds: int, said: str) -> None:
    event = telling.velocity((("user", "a"),), rule="r", slot=5, threshold=1, amount=2, per_s=seconds, **AT)
    assert event.title.endswith(f" in {'1 ' if said in ('hour', 'day') else ''}{said}")
