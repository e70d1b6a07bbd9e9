from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tollway.admin.charge import charge_shown, usage_shown
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import UnitPrice
from tollway.usage import Usage

LINES = st.lists(
    st.builds(
        lambda quantity, amount: ChargeLine(
            "input", quantity, UnitPrice(Money(amount), 1000), Money(-(-amount * quantity // 1000))
        ),
        st.integers(0, 10**9),
        st.integers(0, 10**9),
    ),
    max_size=5,
).map(tuple)


@given(LINES)
def test_the_lines_shown_add_up_to_the_amount_shown(lines: tuple[ChargeLine, ...]) -> None:
    shown = charge_shown(Charge(Money(sum(line.amount for line in lines)), lines, "p", "metered"))
    assert sum((Fraction(line.amount_usd) for line in shown.lines), Fraction(0)) == Fraction(shown.amount_usd)
    for line in shown.lines:
        exact = Fraction(line.unit_price.amount_usd) / line.unit_price.per * line.quantity
        assert 0 <= Fraction(line.amount_usd) - exact < Fraction(1, 10**9)


def test_a_charge_without_a_price_id_says_null() -> None:
    assert charge_shown(Charge(Money(0), (), "", "metered")).price_id is None


def test_what_was_not_reported_is_null_and_not_zero() -> None:
    shown = usage_shown(Usage(input_tokens=0, output_tokens=5))
    assert shown is not None
    assert (shown["input_tokens"], shown["output_tokens"], shown["images"]) == (0, 5, None)
    assert usage_shown(None) is None
