import pytest

from tollway.alerts import Event, Snooze

EVENT = Event(
    id="1", key="k", kind="spent", at=1, title="t", text="x", budget="each", account="each[user=alice@example.com]"
)


@pytest.mark.parametrize(
    ("target", "silent"),
    [
        ("*", True),
        ("each", True),
        ("each[user=alice@example.com]", True),
        ("each[user=bob@example.com]", False),
        ("eac", False),
        ("", False),
    ],
)
def test_a_snooze_is_about_everything_a_budget_or_one_account(target: str, silent: bool) -> None:
    assert Snooze(target=target, until=2, by="me").silences(EVENT) is silent
