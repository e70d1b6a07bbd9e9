"""A statement with something of everything, whose names would be markup or formulas if they were taken for such."""

from zoneinfo import ZoneInfo

from tollway.statements.month import Month
from tollway.statements.statement import Frozen, Statement, sealed
from tollway.statements.tally import Booked, Itemised, Tally

MONTH, BEFORE = Month(2026, 10), Month(2026, 9)
ZONE = ZoneInfo("Europe/Berlin")
HOSTILE = '#import "/etc/passwd" $x$ *bold* `raw` <label> @ref \\ // [a] ] #{1/0}'
NOW = 1_793_786_400_000


def statement(value: str | None = "ml", users: int = 3, by: str = "team") -> Statement:
    tally = Tally(MONTH)
    for number in range(users):
        lines = (Itemised("input", 2_000_000, 6_000_000_000 + number), Itemised("image:hd/1024x1024", 3, 250_000_000))
        amount = sum(line.amount for line in lines)
        user = f"user{number}@example.com" if by != "user" else value
        tally.add(Booked("charge", amount, value, user, "anthropic", "claude-opus-4-5", lines), MONTH)
    ann = ("ann@example.com" if by != "user" else value, "openai")
    tally.add(Booked("presumed", 4_200_000_000, value, *ann, "gpt-5", (Itemised("presumed", 1, 4_200_000_000),)), MONTH)
    tally.add(Booked("unpriced", 0, value, *ann, "gpt-next", ()), MONTH)
    tally.add(Booked("correction", -812_345_678, value, *ann, "gpt-5", ()), BEFORE)
    tally.add(Booked("correction", 0, value, *ann, "gpt-old", (), True), BEFORE)
    tally.add(Booked("credit", -1_000_000_000, value, None, "", "", (), False, "a.1.credit", "Outage", "ada"), MONTH)
    (found,) = tally.statements(ZONE.key, MONTH.span(ZONE), by, 184_223)
    return found


FROZEN = sealed(
    Frozen(
        month="2026-10", by="team", timezone=ZONE.key, through=184_223, at=1_793_700_000_000, frozen_by="ada", word="Closed.",
        statements=2, total=5,
    ),
    ["a", "b"],
)  # fmt: skip
