"""What the ledger's entries give to tell: velocity, unpriced usage, holds that were lost or too small."""

import pytest
from tests.workers.watched import Gateway, budget

from tollway.pricing.calibration import Calibrated

HOUR, MINUTE = 3_600_000, 60_000


def velocity(*at: str, split_by: str = "user", **fields: int) -> dict[str, object]:
    return {"name": "fast", "when": "velocity", "split_by": [split_by], "at": list(at), **fields}


async def test_one_user_who_spends_too_fast_is_told_once_for_each_amount() -> None:
    gateway = Gateway(budgets=[budget()], alerts=[velocity("5", "20")])
    for _ in range(3):
        gateway.spend(2, user="alice")
        gateway.spend(1, user="bob")
    (event,) = await gateway.ask()
    assert event.data["user"] == "alice" and event.data["spent_usd"] == "6"
    assert event.channels == ("ops",)
    gateway.spend(20, user="alice")
    assert [e.data["threshold_usd"] for e in await gateway.ask()] == ["20"]
    assert await gateway.ask() == []


async def test_spending_slowly_is_no_velocity() -> None:
    gateway = Gateway(budgets=[budget()], alerts=[velocity("5")])
    for _ in range(10):
        gateway.spend(2, user="alice")
        assert await gateway.ask() == []
        gateway.now += 3 * MINUTE


async def test_it_is_told_again_in_the_next_length_of_time() -> None:
    gateway = Gateway(budgets=[budget()], alerts=[velocity("5", once_per_s=3600)])
    gateway.spend(6, user="alice")
    assert len(await gateway.ask()) == 1
    gateway.now += HOUR
    gateway.spend(6, user="alice")
    assert len(await gateway.ask()) == 1


@pytest.mark.parametrize(
    ("attribute", "context"),
    [
        ("service", {"service": "nightly"}),
        ("key", {"key": "k1"}),
        ("metadata.session", {"metadata": {"session": "s1"}}),
    ],
)
async def test_an_agent_or_a_session_has_a_velocity_too(attribute: str, context: dict[str, object]) -> None:
    gateway = Gateway(budgets=[budget()], alerts=[velocity("5", split_by=attribute)])
    gateway.spend(6, **context)
    gateway.spend(60)  # of nobody in particular
    (event,) = await gateway.ask()
    assert event.title.startswith(f"{attribute}=")


async def test_a_model_without_a_price_is_told_once_a_day() -> None:
    gateway = Gateway(budgets=[budget()], alerts=[{"name": "new", "when": "unpriced"}])
    gateway.spend(0, kind="unpriced", model="gpt-9")
    gateway.spend(0, kind="unpriced", model="gpt-9")
    gateway.spend(0, model="known")
    (event,) = await gateway.ask()
    assert event.data["model"] == "openai/gpt-9"
    assert await gateway.ask() == []


async def test_holds_whose_end_nobody_knows_are_told_and_a_batch_is_not() -> None:
    gateway = Gateway(budgets=[budget()], alerts=[{"name": "trouble", "when": "store"}])
    assert await gateway.ask() == []
    gateway.spend(3, kind="presumed")
    gateway.spend(4, kind="presumed")
    (event,) = await gateway.ask()
    assert (event.data["count"], event.data["presumed_usd"]) == (2, "7")
    assert await gateway.ask() == []


async def test_a_charge_above_its_hold_is_told_when_it_happens_again() -> None:
    def seen(exceeded: int) -> Calibrated:
        fields = dict.fromkeys(Calibrated.__struct_fields__, 0)
        return Calibrated(**{**fields, "provider": "openai", "model": "gpt-5", "exceeded": exceeded})  # type: ignore[arg-type]

    gateway = Gateway(budgets=[budget()], alerts=[{"name": "bound", "when": "hold_exceeded", "once_per_s": 60}])
    gateway.learned = [seen(0)]
    assert await gateway.ask() == []
    gateway.learned = [seen(2)]
    (event,) = await gateway.ask()
    assert event.data == {"rule": "bound", "model": "openai/gpt-5", "count": 2}
    gateway.now += 2 * MINUTE
    assert await gateway.ask() == []
    gateway.learned = [seen(3)]
    assert len(await gateway.ask()) == 1


async def test_an_export_that_keeps_failing_is_told_once_in_each_length_of_time() -> None:
    gateway = Gateway(budgets=[budget()], alerts=[{"name": "exports", "when": "export", "once_per_s": 3600}])
    assert await gateway.ask() == []
    gateway.failing = [("nightly", 3, "no room")]
    (event,) = await gateway.ask()
    assert (event.title, event.data["error"]) == ("Export job nightly fails", "no room")
    gateway.failing = [("nightly", 4, "no room")]
    assert await gateway.ask() == []
    gateway.now += HOUR
    assert [one.data["failures"] for one in await gateway.ask()] == [4]
