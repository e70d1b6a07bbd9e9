import pytest

from tollway.rates.limit import RateLimit


@pytest.mark.parametrize(("unit", "most"), [("requests", 60), ("tokens", None)])
def test_a_limit_says_how_many_of_each_thing_it_allows(unit: str, most: int | None) -> None:
    limit = RateLimit(id="l", name="L", requests=60, window_s=60)
    assert limit.most("requests" if unit == "requests" else "tokens") == most
