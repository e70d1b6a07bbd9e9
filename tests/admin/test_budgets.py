import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.admin.gateways import BOB_KEY, Caller

from tollway.admin.budgets import split_values
from tollway.budgets.budget import Budget
from tollway.budgets.holds import account
from tollway.budgets.window import Total
from tollway.money import dollars, parse

SPLIT = Budget(id="each", name="each", limit=1, window=Total(), split_by=("user", "metadata.team"))


@pytest.mark.asyncio(loop_scope="module")
async def test_the_number_shown_is_the_number_that_refuses(caller: Caller) -> None:
    await caller.chat()
    refused = (await caller.chat(BOB_KEY)).json["error"]["tollway"]
    shown = (await caller.admin("/api/v1/budgets/tiny")).json
    (balance,) = shown["accounts"]
    assert refused["budget_id"] == shown["id"]
    for name in ("account", "limit_usd", "spent_usd", "held_usd", "resets_at"):
        assert refused[name] == balance[name], name


@pytest.mark.asyncio(loop_scope="module")
async def test_a_split_budget_has_an_account_for_each_who_spent(caller: Caller) -> None:
    await caller.chat()
    shown = (await caller.admin("/api/v1/budgets/each")).json
    assert shown["split_by"] == ["user"]
    assert shown["window_text"] == "calendar day, UTC"
    assert shown["parent"] == "company"
    mine = next(a for a in shown["accounts"] if a["values"] == {"user": "alice@example.com"})
    assert mine["spent_usd"] == dollars(caller.bill.total)
    assert parse(mine["available_usd"]) == parse(mine["limit_usd"]) - parse(mine["spent_usd"]) - parse(mine["held_usd"])
    assert mine["resets_at"].endswith("T00:00:00.000Z")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_budget_that_never_resets_says_so_and_a_watched_one_may_be_below_zero(caller: Caller) -> None:
    await caller.chat()
    watched = (await caller.admin("/api/v1/budgets/watched")).json
    assert watched["mode"] == "monitor"
    assert watched["accounts"][0]["resets_at"] is None
    assert watched["accounts"][0]["available_usd"].startswith("-")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_list_has_every_budget_and_no_more_accounts_than_asked_for(caller: Caller) -> None:
    await caller.chat()
    shown = (await caller.admin("/api/v1/budgets?accounts=0")).json
    assert {budget["id"] for budget in shown["items"]} == {"company", "each", "tiny", "watched"}
    each = next(budget for budget in shown["items"] if budget["id"] == "each")
    assert each["accounts"] == []
    assert each["accounts_total"] >= 1


@given(st.text(), st.text())
def test_an_accounts_name_gives_its_values_back(user: str, team: str) -> None:
    values = {"user": user, "metadata.team": team}
    assert split_values(SPLIT, account("each", list(values.items()))) == values


def test_an_account_of_another_split_has_no_values() -> None:
    old = account("each", [("model", "openai/gpt-4o")])
    assert split_values(SPLIT, old) == {}
    assert split_values(msgspec.structs.replace(SPLIT, split_by=()), old) == {}
