from tollway.telemetry.ledger import money_series
from tollway.telemetry.sums import Sums


def test_money_is_one_division_of_an_exact_sum() -> None:
    sums = Sums("default", "mistral", "m")
    sums.charged, sums.credited = 1_234_567_890, 500_000_000
    charged, credited = money_series([sums], 9)
    assert (charged.name, charged.unit, charged.bounds) == ("tollway.cost.charged", "{USD}", None)
    assert (charged.points[0].sum, credited.points[0].sum) == (1.23456789, 0.5)
    assert charged.points[0].attributes["gen_ai.provider.name"] == "mistral_ai"


def test_what_nothing_lowered_has_no_credits() -> None:
    sums = Sums("default", "openai", "m")
    assert [series.name for series in money_series([sums], 9)] == ["tollway.cost.charged"]
    assert money_series([], 9) == []
