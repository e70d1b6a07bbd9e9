from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway import money
from tollway.errors import MoneyInvalid

AMOUNTS = st.integers(-money.LARGEST, money.LARGEST)


@given(AMOUNTS)
def test_what_is_written_exactly_is_read_back_exactly(amount: int) -> None:
    assert money.parse(money.dollars(amount)) == amount


@given(AMOUNTS)
def test_an_amount_is_written_without_exponent_and_without_trailing_zeros(amount: int) -> None:
    text = money.dollars(amount)
    assert set(text) <= set("-.0123456789")
    assert "." not in text or not text.endswith(("0", "."))
    assert Decimal(text) * money.DOLLAR == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("20000", 20_000 * money.DOLLAR),
        ("0.05", 50_000_000),
        ("1.000000001", 1_000_000_001),
        ("-1.5", -1_500_000_000),
        ("0", 0),
        ("-0", 0),
        ("007", 7 * money.DOLLAR),
        ("9223372036.854775807", money.LARGEST),
        ("-9223372036.854775807", -money.LARGEST),
    ],
)
def test_decimal_strings_are_dollars(text: str, amount: int) -> None:
    assert money.parse(text) == amount


HOSTILE = [
    "", " ", "1 ", " 1", "1\n", "\n1", "+1", "--1", "1.", ".5", "1e3", "1E3", "0x10", "1_000", "1,000", "$1", "1.0000000001",
    "NaN", "Infinity", "-inf", "１２", "٣", "²", "1\u00a0", "1\x00", "−1", "9223372036.854775808",
    "-9223372036.854775808", str(2**63), str(2**64), "99999999999",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_plain_decimal_is_refused_by_name(text: str) -> None:
    with pytest.raises(MoneyInvalid) as refusal:
        money.parse(text)
    assert repr(text) in str(refusal.value) and '"12.50"' in str(refusal.value)


@given(st.text())
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    try:
        amount = money.parse(text)
    except MoneyInvalid:
        return
    assert text.isascii() and amount == Decimal(text) * money.DOLLAR


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (5_000 * money.DOLLAR, "$5,000.00"),
        (0, "$0.00"),
        (-1_500_000_000, "-$1.50"),
        (10_000_000, "$0.01"),
        (1_005_000_000, "$1.00"),
        (1_015_000_000, "$1.02"),
        (420_000, "$0.00042"),
        (9_999_900, "$0.01"),
        (9_960_000, "$0.01"),
        (999_999, "$0.0010"),
        (5_000_000, "$0.0050"),
        (1, "$0.000000001"),
        (12, "$0.000000012"),
        (99, "$0.000000099"),
        (-420_000, "-$0.00042"),
        (money.LARGEST, "$9,223,372,036.85"),
    ],
)
def test_people_read_cents_or_two_significant_figures(amount: int, text: str) -> None:
    assert money.display(amount) == text


@given(AMOUNTS)
def test_what_people_read_is_near_what_is_meant(amount: int) -> None:
    shown = Decimal(money.display(amount).replace("$", "").replace(",", "")) * money.DOLLAR
    assert abs(shown - amount) <= max(5_000_000 if abs(amount) >= 10_000_000 else 0, Decimal(abs(amount)) / 20)
    assert (shown == 0) == (amount == 0)


@given(st.integers(0, 10**15), st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_part_of_a_nanodollar_is_a_whole_one(amount: int, quantity: int, per: int) -> None:
    total = money.times(amount, quantity, per)
    assert total * per >= amount * quantity > (total - 1) * per


@pytest.mark.parametrize(
    ("limit", "parts", "shown"),
    [
        (50_000_000, (49_300_000, 0, 1_200_000), ("$0.05", "$0.0493", "$0.00", "$0.0012")),
        (50_000_000, (49_999_999, 2), ("$0.05", "$0.049999999", "$0.000000002")),
        (0, (300_000,), ("$0.00", "$0.0003")),
        (25_000_000_000, (25_000_000_000,), ("$25.00", "$25.00")),
        (25_000_000_000, (24_996_000_000, 10_000_000), ("$25.00", "$24.996", "$0.01")),
        (5_000_000_000_000, (4_999_123_456_789, 2_000_000_000), ("$5,000.00", "$4,999.12", "$2.00")),
        (1_000_000_000, (-5_000_000, 2_000_000_000), ("$1.00", "-$0.005", "$2.00")),
    ],
)
def test_a_refusal_shows_amounts_of_which_each_says_why(
    limit: int, parts: tuple[int, ...], shown: tuple[str, ...]
) -> None:
    assert money.compared(limit, *parts) == shown


SMALLER = st.integers(-(10**13), 10**13)


@given(SMALLER, st.lists(SMALLER, min_size=1, max_size=3))
def test_what_does_not_fit_never_looks_as_if_it_did(limit: int, parts: list[int]) -> None:
    shown_limit, *shown = [Decimal(text.replace("$", "").replace(",", "")) for text in money.compared(limit, *parts)]
    for number in range(1, len(parts) + 1):
        exact, seen = sum(parts[:number]) - limit, sum(shown[:number]) - shown_limit
        assert (exact > 0, exact < 0) == (seen > 0, seen < 0)
    assert all(
        (amount == 0) == (seen == 0) for amount, seen in zip((limit, *parts), (shown_limit, *shown), strict=True)
    )
