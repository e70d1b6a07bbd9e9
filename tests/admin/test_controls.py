from pathlib import Path
from typing import Any

import pytest
from tests.admin.gateways import ALICE_KEY, BOB_KEY, SETTINGS, Caller, gateway

from tollway.ledger.control import Control

SMALL = SETTINGS.replace('limit: "20"', 'limit: "0.000001"')
ALICE = "each[user=alice@example.com]"


async def balance(caller: Caller, budget: str, account: str) -> dict[str, Any]:
    shown = (await caller.admin(f"/api/v1/budgets/{budget}")).json
    return next(each for each in shown["accounts"] if each["account"] == account)


async def test_a_freeze_cuts_the_next_request_and_an_unfreeze_lets_the_next_pass(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        assert (await caller.chat()).status == 200
        frozen = (await caller.admin("/api/v1/budgets/each/freeze", {"account": ALICE, "reason": "a leak"})).json
        assert frozen["changed"] is True
        refused = await caller.chat()
        assert (refused.status, refused.headers["tollway-error"]) == (429, "budget_frozen")
        assert (await balance(caller, "each", ALICE))["frozen"] is True
        again = (await caller.admin("/api/v1/budgets/each/freeze", {"account": ALICE})).json
        assert (again["changed"], again["control"]) == (False, frozen["control"])
        assert (await caller.admin("/api/v1/budgets/each/unfreeze", {"account": ALICE})).status == 200
        assert (await caller.chat()).status == 200
        assert (await balance(caller, "each", ALICE))["frozen"] is False
        actions = [line["action"] for line in (await caller.admin(f"/api/v1/audit?target={ALICE}")).json["items"]]
        assert actions == ["account.unfrozen", "account.frozen"]
        hit = (await caller.logged("/api/v1/logs?code=budget_frozen", 1))["items"][0]
        shown = (await caller.admin("/api/v1/budgets/each?hits=true")).json
        assert shown["last_hit"] == {"at": hit["at"], "request_id": hit["request_id"], "code": "budget_frozen"}


async def test_a_whole_budget_is_frozen_with_all_its_accounts_and_after_a_restart_still(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        assert (await caller.admin("/api/v1/budgets/each/freeze", {})).status == 200
        for key in (ALICE_KEY, BOB_KEY):
            assert (await caller.chat(key)).headers["tollway-error"] == "budget_frozen"
        text = (tmp_path / "tollway.yaml").read_text()
    async with gateway(tmp_path, text.replace("{", "{{").replace("}", "}}")) as caller:
        assert (await caller.chat()).headers["tollway-error"] == "budget_frozen"
        assert (await caller.admin("/api/v1/budgets/each")).json["frozen"] is True
        alone = await caller.admin("/api/v1/budgets/each/unfreeze", {"account": ALICE})
        assert (alone.status, alone.json["code"]) == (409, "account_not_frozen")
        assert 'with all of budget "each"' in alone.json["detail"]


async def test_an_increase_is_in_force_at_once_shown_and_ended(tmp_path: Path) -> None:
    async with gateway(tmp_path, SMALL) as caller:
        assert (await caller.chat()).status == 429
        asked = {"amount_usd": "1.5", "for": "24h", "reason": "the launch"}
        answer = await caller.admin("/api/v1/budgets/company/increases", asked)
        assert answer.status == 201
        made = answer.json["control"]
        assert (made["amount_usd"], made["account"], made["reason"]) == ("1.5", None, "the launch")
        assert (await caller.chat()).status == 200
        account = await balance(caller, "company", "company")
        assert (account["limit_usd"], account["base_limit_usd"], account["increases_usd"]) == (
            "1.500001",
            "0.000001",
            "1.5",
        )
        listed = (await caller.admin("/api/v1/budgets/company/increases")).json["items"]
        assert listed == [made]
        ended = await caller.admin(f"/api/v1/budgets/company/increases/{made['id']}", method="DELETE")
        assert ended.json["ended"][0]["id"] == made["id"]
        assert (await caller.chat()).status == 429
        assert (await caller.admin("/api/v1/budgets/company/increases")).json["items"] == []
        gone = await caller.admin(f"/api/v1/budgets/company/increases/{made['id']}", method="DELETE")
        assert (gone.status, gone.json["code"]) == (404, "increase_unknown")
        actions = [line["action"] for line in (await caller.admin("/api/v1/audit?action=limit")).json["items"]]
        assert actions == ["limit.increase_ended", "limit.increased"]


async def test_a_grant_ends_with_the_window(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        asked = {"account": ALICE, "amount_usd": "3", "for": "window"}
        made = (await caller.admin("/api/v1/budgets/each/increases", asked)).json["control"]
        await caller.chat()
        account = await balance(caller, "each", ALICE)
        assert made["until"] == account["resets_at"]
        assert account["limit_usd"] == "4"


async def test_an_account_that_nobody_has_used_yet_is_frozen_with_a_warning(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        for target, body in (("freeze", {}), ("freeze", {}), ("increases", {"amount_usd": "1", "for": "1h"})):
            answer = await caller.admin(f"/api/v1/budgets/each/{target}", {"account": ALICE} | body)
            assert "never held or spent anything" in answer.json["warnings"][0], answer.json
        assert (await caller.admin("/api/v1/budgets/each/unfreeze", {"account": ALICE})).status == 200
        assert (await caller.chat()).status == 200
        assert (await caller.admin("/api/v1/budgets/each/freeze", {"account": ALICE})).json["warnings"] == []


async def test_what_was_frozen_by_a_name_that_is_no_longer_taken_can_be_let_go_by_it(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        odd = "each[user=50%]"
        old = Control(id="old", kind="freeze", target=odd, since=caller.runtime.clock.now(), by="admin")
        await caller.runtime.store.ledger.control(old)
        answer = await caller.admin("/api/v1/budgets/each/unfreeze", {"account": odd})
        assert [each["account"] for each in answer.json["ended"]] == [odd]


@pytest.mark.parametrize(
    ("target", "body", "status", "code", "said"),
    [
        ("nobody/freeze", {}, 404, "budget_unknown", "there are: company, each"),
        ("each/freeze", {"account": "each[team=x]"}, 404, "account_unknown", "each[user=...]"),
        ("company/freeze", {"account": "company[user=x]"}, 404, "account_unknown", "company alone"),
        ("company/unfreeze", {}, 409, "account_not_frozen", '"company" is not frozen'),
        ("each/freeze", {"account": "each[user=50%]"}, 404, "account_unknown", 'write it as "each[user=50%25]"'),
        ("each/increases", {"account": "each[user=]", "amount_usd": "1"}, 404, "account_unknown", "each[user=(none)]"),
        ("company/increases", {"amount_usd": "9223372036", "for": "1h"}, 400, "body_invalid", "too much"),
        ("company/increases", {"amount_usd": "0", "for": "1h"}, 400, "body_invalid", '"0" would not raise'),
        ("company/increases", {"amount_usd": "-5", "for": "1h"}, 400, "body_invalid", '"-5" would not raise'),
        ("company/increases", {"amount_usd": "-5", "for": "1h"}, 400, "body_invalid", "increases company --end ID"),
        ("company/increases", {"amount_usd": "x", "for": "1h"}, 400, "body_invalid", "amount_usd"),
        ("company/increases", {"amount_usd": 5, "for": "1h"}, 400, "body_invalid", "amount_usd"),
        ("company/increases", {"amount_usd": "1"}, 400, "body_invalid", "either until, or for"),
        ("company/increases", {"amount_usd": "1", "for": "soon"}, 400, "body_invalid", "no length of time"),
        ("company/increases", {"amount_usd": "1", "for": "9999d"}, 400, "body_invalid", "within 366 days"),
        ("tiny/increases", {"amount_usd": "1", "for": "window"}, 400, "body_invalid", "no window that ends"),
        (
            "company/increases",
            {"amount_usd": "1", "until": "2020-01-01T00:00:00Z"},
            400,
            "body_invalid",
            "over already",
        ),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_meant_is_told_with_its_name(
    caller: Caller, target: str, body: dict[str, Any], status: int, code: str, said: str
) -> None:
    answer = await caller.admin(f"/api/v1/budgets/{target}", body)
    assert (answer.status, answer.json["code"]) == (status, code), answer.json
    assert said in answer.json["detail"]
