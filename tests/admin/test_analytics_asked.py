from types import SimpleNamespace
from typing import Any, cast

import pytest

from tollway.admin.analytics_asked import asking
from tollway.admin.problem import Problem
from tollway.storage.analytics import Behind, Question

QUESTION = Question(bounds=(0, 1), by=(), where=(), columns={"spending": ("entries",)}, limit=1)


class Kept:
    """A store that says in which order it is asked, and what it lacks."""

    def __init__(self, lacks: Behind | None = None) -> None:
        self.told: list[str] = []
        self._lacks = lacks
        self.ledger = SimpleNamespace(flush=lambda: self._note("ledger"))
        self.records = SimpleNamespace(flush=lambda: self._note("records"))
        self.analytics = SimpleNamespace(ask=self._ask)

    async def _note(self, what: str) -> None:
        self.told.append(what)

    async def _ask(self, _: Question) -> str:
        self.told.append("ask")
        if self._lacks is not None:
            raise self._lacks
        return "the answer"


async def test_what_is_settled_is_written_before_it_is_summed() -> None:
    store = Kept()
    assert cast(Any, await asking(cast(Any, SimpleNamespace(store=store)))(QUESTION)) == "the answer"
    assert store.told == ["ledger", "records", "ask"]


@pytest.mark.parametrize(
    ("temporary", "status", "code"), [(True, 503, "analytics_not_ready"), (False, 400, "range_too_long")]
)
async def test_what_the_sums_lack_is_told_as_what_to_do(temporary: bool, status: int, code: str) -> None:
    ask = asking(cast(Any, SimpleNamespace(store=Kept(Behind("200,001 entries", temporary=temporary)))))
    with pytest.raises(Problem) as raised:
        await ask(QUESTION)
    assert (raised.value.status, raised.value.code) == (status, code)
