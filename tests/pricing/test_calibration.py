from hypothesis import given
from hypothesis import strategies as st

from tollway.money import Money
from tollway.pricing.calibration import ENOUGH, Calibration, Observed
from tollway.pricing.estimate import Quote
from tollway.pricing.units import UnitPrice

MODEL = ("openai", "gpt-4o-mini")
IN, OUT = UnitPrice(Money(150_000_000), 1_000_000), UnitPrice(Money(600_000_000), 1_000_000)


def quote(input_tokens: int = 1_064, output_tokens: int = 1_000, fees: int = 32, **more: object) -> Quote:
    floor = IN.times(input_tokens) + fees
    values = {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "price_id": "p",
        "amount": Money(floor + OUT.times(output_tokens)),
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "choices": 1,
        "cap": None,
        "floor": Money(floor),
        "per_input_token": IN,
        "per_output_token": OUT,
    }
    return Quote(**(values | more))  # type: ignore[arg-type]


def observed(
    input_tokens: int | None = 250, output_tokens: int | None = 100, held: int = 800, charged: int = 100
) -> Observed:
    return Observed(*MODEL, 1_000, held, charged, input_tokens, output_tokens)


def taught(times: int, **fields: int) -> Calibration:
    learned = Calibration()
    for _ in range(times):
        learned.learn(observed(**fields))
    return learned


def test_before_anything_is_known_a_token_is_taken_for_two_bytes_and_the_answer_for_its_cap() -> None:
    expected = Calibration().expected(quote(), MODEL, 1_000)
    assert expected == IN.times(500) + OUT.times(1_000) + 32


def test_a_few_requests_teach_nothing_yet() -> None:
    few = taught(ENOUGH - 1)
    assert few.expected(quote(), MODEL, 1_000) == Calibration().expected(quote(), MODEL, 1_000)


def test_what_requests_were_is_what_the_next_is_expected_to_be() -> None:
    expected = taught(ENOUGH).expected(quote(), MODEL, 1_000)
    assert expected == IN.times(250) + OUT.times(100) + 32


def test_another_model_is_not_judged_by_this_one() -> None:
    learned = taught(100)
    assert learned.expected(quote(), ("openai", "gpt-4o"), 1_000) == Calibration().expected(quote(), MODEL, 1_000)


def test_answers_of_very_different_lengths_are_expected_to_be_long() -> None:
    learned = Calibration()
    for number in range(200):
        learned.learn(observed(output_tokens=10 if number % 2 else 600))
    expected = learned.expected(quote(), MODEL, 1_000)
    assert expected > IN.times(250) + OUT.times(600)


def test_a_new_habit_displaces_the_old_one() -> None:
    learned = taught(500, output_tokens=900)
    for _ in range(300):
        learned.learn(observed(output_tokens=100))
    assert learned.expected(quote(), MODEL, 1_000) < IN.times(250) + OUT.times(150) + 32


@given(
    st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), max_size=60),
    st.integers(1, 10**6),
    st.integers(0, 10**6),
)
def test_no_more_is_expected_than_is_possible_and_never_less_than_nothing(
    seen: list[tuple[int, int]], input_tokens: int, output_tokens: int
) -> None:
    learned = Calibration()
    for tokens, answer in seen:
        learned.learn(observed(input_tokens=tokens, output_tokens=answer))
    bound = quote(input_tokens, output_tokens)
    assert 0 <= learned.expected(bound, MODEL, input_tokens) <= bound.amount


def test_where_nothing_bounds_a_request_its_bound_is_no_limit_to_what_is_expected() -> None:
    unbounded = quote(unbounded="a file", amount=Money(0))
    assert taught(ENOUGH).expected(unbounded, MODEL, 1_000) == IN.times(250) + OUT.times(100) + 32


def test_a_charge_above_its_hold_is_counted() -> None:
    learned = taught(3, held=800, charged=100)
    learned.learn(observed(held=100, charged=101))
    (model,) = learned
    assert (model.settled, model.held, model.charged, model.exceeded) == (4, 2_500, 401, 1)
    assert (model.provider, model.model) == MODEL


def test_what_was_not_measured_teaches_nothing_of_tokens() -> None:
    learned = Calibration()
    for _ in range(ENOUGH):
        learned.learn(observed(input_tokens=None, output_tokens=None))
    assert learned.expected(quote(), MODEL, 1_000) == Calibration().expected(quote(), MODEL, 1_000)


def test_names_that_callers_make_up_do_not_fill_the_memory() -> None:
    learned = Calibration()
    for number in range(5_000):
        learned.learn(Observed("openai", f"m{number}", 10, 1, 1, 1, 1))
    assert len(list(learned)) == 4_096
