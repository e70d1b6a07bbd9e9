from types import SimpleNamespace
from typing import Any

from rich.console import Console

from tollway.budgets.budget import Budget
from tollway.budgets.window import Calendar, Total
from tollway.demo.company import PEOPLE
from tollway.demo.picture import Picture, exact, line, refusal_text, screen, take
from tollway.demo.traffic import Refused
from tollway.ledger.reservation import Balance
from tollway.storage.protocol import SpendRow

DOLLAR = 1_000_000_000
REFUSED = Refused(
    person=PEOPLE[0], status=429, code="budget_exceeded", message='Budget "[team]" is exhausted.', retry_after="3600"
)


def row(*group: str | None, spent: int) -> SpendRow:
    return SpendRow(group=group, spent=spent, entries=2, unpriced=0, input_tokens=1, output_tokens=1)


def picture(refusal: Refused | None) -> Picture:
    team = Budget(id="team", name="team", limit=DOLLAR, window=Total())
    each = Budget(id="each", name="each", limit=DOLLAR, window=Total(), split_by=("user",), mode="monitor")
    return Picture(
        elapsed_s=7,
        requests=4,
        by_who=[row("alice@example.com", None, spent=DOLLAR), row(None, "code-review", spent=DOLLAR)],
        by_model=[row("openai", "gpt-5", spent=2 * DOLLAR)],
        total=2 * DOLLAR,
        budgets=(
            (team, Balance("team", DOLLAR // 2, DOLLAR // 4, DOLLAR)),
            (each, Balance("each[user=alice@example.com]", 2 * DOLLAR, 0, DOLLAR)),
        ),
        refused=1 if refusal else 0,
        first_refusal=refusal,
    )


def drawn(refusal: Refused | None) -> str:
    console = Console(width=140, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as captured:
        console.print(screen(picture(refusal), "http://127.0.0.1:1"))
    return captured.get()


def test_the_screen_shows_who_which_model_and_what_is_left() -> None:
    shown = drawn(None)
    for said in ("alice@example.com", "code-review", "openai/gpt-5", "50.0 %", "##########=====.....", "-$1.00, over"):
        assert said in shown
    assert "each: alice@example.com (watched)" in shown
    assert "first refusal" not in shown


def test_the_first_refusal_is_shown_whole_with_its_brackets() -> None:
    assert 'Budget "[team]" is exhausted.' in drawn(REFUSED)
    assert (
        refusal_text(REFUSED).splitlines()[0]
        == "alice@example.com (openai/gpt-5): 429 budget_exceeded, retry after 3,600 s"
    )


def test_one_line_tells_the_same() -> None:
    assert (
        line(picture(REFUSED))
        == "  7 s     4 requests  $2.00 spent  |  team $0.50 of $1.00, each (watched) $2.00 of $1.00  |  1 refused"
    )


class Moving:
    """A gateway at which something is settled while it is first asked."""

    def __init__(self) -> None:
        self.spent, self.settles = DOLLAR, True
        team = Budget(id="team", name="team", limit=9 * DOLLAR, window=Total())
        self.snapshot: Any = SimpleNamespace(budgets=[team])
        self.store: Any = SimpleNamespace(ledger=self, records=SimpleNamespace(spend=self.spend))
        self.clock: Any = SimpleNamespace(now=lambda: 0)
        self.calendar = Calendar()

    def balances(self, _: object) -> list[Balance]:
        return [Balance("team", self.spent, 0, 9 * DOLLAR)]

    async def flush(self) -> None: ...

    async def spend(self, *_: object) -> list[SpendRow]:
        if self.settles:
            self.spent, self.settles = 2 * DOLLAR, False
        return [row(spent=self.spent)]


async def test_the_sum_and_the_budgets_are_of_one_moment() -> None:
    moving: Any = Moving()
    traffic: Any = SimpleNamespace(sent=4, refused=[])
    taken = await take(moving, traffic, 7)
    assert (taken.total, taken.budgets[0][1].spent) == (2 * DOLLAR, 2 * DOLLAR)


def test_a_bill_is_shown_to_the_nanodollar() -> None:
    assert exact(1_000_000_001) == "$1.000000001"
