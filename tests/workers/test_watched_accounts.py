"""What accounts that changed give to tell: thresholds, forecasts, burn rates, budgets that nobody uses."""

from typing import Any

import pytest
from tests.workers.watched import DAY, NOW, SECRET, Gateway, budget, snapshot

from tollway.alerts import Event
from tollway.budgets.window import Rolling, Span
from tollway.clock import iso
from tollway.workers.watched_accounts import asked_of

HOUR, MINUTE = 3_600_000, 60_000


def thresholds(events: list[Event]) -> list[Any]:
    return [event.data["threshold_percent"] for event in events]


async def test_each_threshold_of_a_budget_is_told_once() -> None:
    gateway = Gateway(budgets=[budget(alerts=[50, 80, 100])])
    assert await gateway.look() == []
    gateway.spend(60)
    (event,) = await gateway.look()
    assert event.key == f"spent:team:{NOW - 12 * HOUR}:50"
    assert event.channels == ("ops",)
    assert await gateway.look() == []
    gateway.spend(45)
    assert thresholds(await gateway.look()) == [80, 100]
    gateway.spend(500)
    assert await gateway.look() == []


async def test_what_is_held_reaches_no_threshold() -> None:
    from tollway.budgets.holds import Claim, holds
    from tollway.ledger.reservation import Held, Reservation

    gateway = Gateway(budgets=[budget(alerts=[50])])
    placed = holds((Claim(gateway.settings.budgets[0], ("team",)),), 90_000_000_000, NOW, gateway.calendar)
    made = Reservation("r.1", "r", 1, placed, NOW, NOW + 1, 90_000_000_000)
    assert isinstance(await gateway.store.ledger.reserve(made, NOW), Held)
    assert await gateway.look() == []


async def test_a_new_window_begins_anew() -> None:
    gateway = Gateway(budgets=[budget(period="day", alerts=[50])])
    gateway.spend(60)
    assert len(await gateway.look()) == 1
    gateway.now += DAY
    assert await gateway.look() == []
    gateway.spend(60)
    assert len(await gateway.look()) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_is_booked_in_a_window_that_has_just_ended_is_told_of_that_window(restarted: bool) -> None:
    gateway = Gateway(budgets=[budget(period="day", alerts=[50, 80])])
    gateway.spend(60)
    await gateway.look()
    late = gateway.now
    gateway.now = NOW + DAY // 2 + MINUTE
    if restarted:
        gateway.restart()
    assert await gateway.look() == []
    now, gateway.now = gateway.now, late
    gateway.spend(25)  # an answer that began before midnight
    gateway.now = now
    (event,) = await gateway.look()
    assert event.key == f"spent:team:{NOW - DAY // 2}:80"
    assert await gateway.look() == []
    gateway.spend(55)
    assert [event.key for event in await gateway.look()] == [f"spent:team:{NOW + DAY // 2}:50"]


async def test_a_window_that_ended_long_ago_is_not_told_of() -> None:
    gateway = Gateway(budgets=[budget(period="day", alerts=[50])])
    gateway.spend(60)
    gateway.now = NOW + DAY // 2 + 11 * MINUTE
    assert await gateway.look() == []


async def test_a_restart_tells_nothing_twice_and_nothing_too_little() -> None:
    gateway = Gateway(budgets=[budget(alerts=[50, 80])])
    gateway.spend(60)
    await gateway.look()
    gateway.restart()
    assert await gateway.look() == []
    gateway.spend(30)
    gateway.restart()
    assert thresholds(await gateway.look()) == [80]


async def test_every_account_of_a_split_budget_is_watched_for_itself() -> None:
    gateway = Gateway(budgets=[budget("each", "10", split_by=["user"], alerts=[100])])
    for user, spent in (("a", 10), ("b", 9), ("c", 11)):
        gateway.spend(spent, f"each[user={user}]")
    events = await gateway.look()
    assert [event.account for event in events] == ["each[user=a]", "each[user=c]"]
    assert {event.budget for event in events} == {"each"}


async def test_all_who_ask_for_one_threshold_get_one_event() -> None:
    channels = {
        "ops": {"webhook": "https://a.example", "secret": SECRET},
        "boss": {"apprise": "slack://x", "default": False},
    }
    gateway = Gateway(
        budgets=[budget(alerts=[80])],
        channels=channels,
        alerts=[{"name": "boss", "when": "spent", "at": [80, 90], "channels": ["boss"]}],
    )
    gateway.spend(95)
    events = await gateway.look()
    assert [(event.data["threshold_percent"], event.channels) for event in events] == [
        (80, ("ops", "boss")),
        (90, ("boss",)),
    ]


async def test_a_threshold_that_is_added_later_is_told_of_what_was_spent_before() -> None:
    gateway = Gateway(budgets=[budget(alerts=[50])])
    gateway.spend(90)
    await gateway.look()
    gateway.settings = snapshot(budgets=[budget(alerts=[50, 80])])
    assert thresholds(await gateway.look()) == [80]


async def test_a_limit_that_is_lowered_is_noticed_without_new_spending() -> None:
    gateway = Gateway(budgets=[budget(alerts=[80])])
    gateway.spend(60)
    assert await gateway.look() == []
    gateway.settings = snapshot(budgets=[budget(limit="70", alerts=[80])])
    assert thresholds(await gateway.look()) == [80]


async def test_a_budget_that_is_disabled_or_that_nobody_asks_about_is_not_looked_at() -> None:
    assert asked_of(snapshot(budgets=[budget(), budget("off", alerts=[50], enabled=False)])) == ()


def rolling(**fields: Any) -> dict[str, Any]:
    return {"name": "team", "limit": "100", "window": {"rolling": "day"}, **fields}


async def test_a_rolling_window_is_told_again_once_it_fell_below() -> None:
    gateway = Gateway(budgets=[rolling(alerts=[80])])
    gateway.spend(85)
    (first,) = await gateway.look()
    gateway.now += 6 * HOUR
    gateway.spend(1)
    assert await gateway.look() == []
    gateway.now += 20 * HOUR
    (below,) = await gateway.look()
    assert (below.data["state"], below.channels) == ("below", ())
    gateway.spend(85)
    (second,) = await gateway.look()
    assert (first.data["state"], second.data["state"]) == ("reached", "reached")
    assert first.key != second.key


@pytest.mark.parametrize("state", ["above", "below"])
async def test_a_restart_knows_whether_a_rolling_window_was_told_of(state: str) -> None:
    gateway = Gateway(budgets=[rolling(alerts=[80])])
    gateway.spend(85)
    await gateway.look()
    if state == "below":
        gateway.now += 26 * HOUR
        await gateway.look()
        gateway.spend(85)
    gateway.restart()
    events = await gateway.look()
    assert [event.data["state"] for event in events] == ([] if state == "above" else ["reached"])


async def test_to_and_fro_within_one_bucket_is_one_event() -> None:
    gateway = Gateway(budgets=[rolling(alerts=[80])])
    for amount in (85, -30, 40, -50, 60):
        gateway.spend(amount)
        await gateway.look()
    assert len([event for event in await gateway.events() if event.data["state"] == "reached"]) == 1


FORECAST = {"name": "pace", "when": "forecast"}


async def test_a_forecast_is_told_once_with_its_day() -> None:
    gateway = Gateway(budgets=[budget()], alerts=[FORECAST])
    gateway.now = NOW + 4 * DAY  # four and a half days of 31: 14.5 percent
    gateway.spend(20)
    (event,) = await gateway.look()
    assert event.data["reached_at"] == iso(NOW - 12 * HOUR + 5 * (4 * DAY + 12 * HOUR))
    assert event.key == f"forecast:pace:team:{NOW - 12 * HOUR}:100"
    gateway.spend(20)
    assert await gateway.look() == []
    gateway.restart()
    assert await gateway.look() == []


async def test_the_first_minutes_of_a_window_foretell_nothing() -> None:
    gateway = Gateway(budgets=[budget()], alerts=[FORECAST])
    gateway.spend(20)
    assert await gateway.look() == []


async def test_a_forecast_ends_with_the_budgets_own_window() -> None:
    gateway = Gateway(budgets=[budget(period="day")], alerts=[FORECAST])
    gateway.spend(49)  # half of the day is over
    assert await gateway.look() == []
    gateway.spend(2)
    assert len(await gateway.look()) == 1


async def test_a_rolling_window_is_foretold_by_its_last_quarter() -> None:
    gateway = Gateway(budgets=[rolling()], alerts=[FORECAST])
    gateway.spend(40)
    assert thresholds(await gateway.look()) == [100]
    steady = Gateway(budgets=[rolling()], alerts=[FORECAST])
    for _ in range(48):
        steady.spend(1)
        steady.now += HOUR // 2
    assert await steady.look() == []
    # The counters still look at the whole window.
    hold_since = steady.calendar.span(Rolling("day"), steady.now)
    assert isinstance(hold_since, Span)
    assert (await _balance(steady)) == 48


async def _balance(gateway: Gateway) -> int:
    from tollway.budgets.holds import Claim, holds
    from tollway.money import DOLLAR

    found = holds((Claim(gateway.settings.budgets[0], ("team",)),), 0, gateway.now, gateway.calendar)
    return gateway.store.ledger.balances(found)[0].spent // DOLLAR


BURN = {"name": "burn", "when": "burn_rate", "at": [10]}


async def burning(amounts: list[float], **fields: Any) -> list[Event]:
    """What is told where so much is spent in each minute; the limit of $744 allows a dollar an hour."""
    gateway = Gateway(budgets=[budget(limit="744", **fields)], alerts=[BURN])
    await gateway.look()
    events: list[Event] = []
    for amount in amounts:
        gateway.now += MINUTE
        gateway.spend(amount)
        events += await gateway.look()
    return events


async def test_a_burn_that_lasts_is_told_once() -> None:
    (event,) = await burning([0.2] * 120)
    assert event.data["times"] == 10
    assert event.kind == "burn_rate"


async def test_a_short_burst_is_no_burn() -> None:
    assert await burning([1.0] * 5 + [0.0] * 60) == []


async def test_a_burn_that_is_over_is_none() -> None:
    assert await burning([0.16] * 50 + [0.001] * 5 + [0.01] * 60) == []


async def test_a_steady_pace_below_the_multiple_is_no_burn() -> None:
    assert await burning([0.15] * 200) == []


async def test_an_account_that_is_new_has_spent_all_of_it_since_the_last_look() -> None:
    gateway = Gateway(budgets=[budget("each", "744", split_by=["user"])], alerts=[BURN])
    await gateway.look()
    gateway.spend(11, "each[user=new]")
    assert [event.account for event in await gateway.look()] == ["each[user=new]"]


async def test_what_was_spent_before_a_restart_is_no_burn() -> None:
    gateway = Gateway(budgets=[budget(limit="744")], alerts=[BURN])
    gateway.spend(500)
    assert await gateway.look() == []


async def test_a_budget_that_nobody_uses_is_told_near_its_end_and_once() -> None:
    gateway = Gateway(
        budgets=[budget("each", split_by=["user"])], alerts=[{"name": "idle", "when": "unused", "at": [20, 50]}]
    )
    gateway.spend(19, "each[user=little]")
    gateway.spend(30, "each[user=some]")
    gateway.spend(90, "each[user=much]")
    assert await gateway.look() == []
    gateway.now = NOW + 29 * DAY
    events = await gateway.look()
    assert {event.account: event.data["threshold_percent"] for event in events} == {
        "each[user=little]": 20,
        "each[user=some]": 50,
    }
    assert await gateway.look() == []
    gateway.restart()
    assert await gateway.look() == []
