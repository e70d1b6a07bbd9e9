import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Answer, Caller, gateway

TARGET = "/api/v1/prices/overrides"
MINI = {"provider": "openai", "model": "gpt-4o-mini", "input": "3", "output": "9"}
WITH_PRICES = (
    SETTINGS
    + """\
prices:   # what we pay
  # until renegotiated
  - {{provider: anthropic, model: "*", discount: "10%"}}   # by mail
  - {{provider: openai, model: gpt-5, input: "1", output: "2", effective_to: "2020-01-01"}}
  - {{provider: azure-openai, model: "gpt*", markup: "5%"}}
"""
)


@pytest_asyncio.fixture
async def caller(tmp_path: Path) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path, WITH_PRICES) as running:
        yield running


def text_of(caller: Caller) -> str:
    return (caller.folder / "tollway.yaml").read_text()


async def changed(caller: Caller, method: str, target: str, body: Any, if_match: str) -> Answer:
    headers = {"authorization": f"Bearer {caller.admin_token}", "if-match": if_match}
    return await caller.ask(method, target, headers, json.dumps(body).encode() if body is not None else b"")


async def cost(caller: Caller) -> str:
    return (await caller.chat()).headers["tollway-cost-usd"]


async def test_the_next_request_is_charged_at_the_price_that_was_set_and_at_the_old_one_once_it_is_gone(
    caller: Caller,
) -> None:
    # The fake provider answers ten tokens with forty.
    assert await cost(caller) == "0.0000255"
    made = await caller.admin(TARGET, MINI)
    assert (made.status, made.headers["etag"]) == (201, '"2"')
    assert made.json == {
        "id": made.json["id"],
        "active": True,
        "override": MINI,
        "revision": 2,
        "changed": True,
        "replaced": None,
        "warnings": [],
    }
    assert await cost(caller) == "0.00039"
    assert (await caller.admin("/api/v1/prices/openai/gpt-4o-mini")).json["override"] == "openai/gpt-4o-mini"
    removed = await caller.admin(f"{TARGET}/{made.json['id']}", method="DELETE")
    assert removed.status == 200
    assert removed.json == made.json | {"revision": 3}
    assert await cost(caller) == "0.0000255"
    entries = (await caller.logged("/api/v1/logs", 3))["items"]
    assert [one["amount_usd"] for one in entries] == ["0.0000255", "0.00039", "0.0000255"]


async def test_the_file_keeps_its_comments_and_is_as_before_once_the_price_is_gone(caller: Caller) -> None:
    before = text_of(caller)
    made = (await caller.admin(TARGET, MINI)).json
    line = '  - {provider: openai, model: "gpt-4o-mini", input: "3", output: "9"}\n'
    assert text_of(caller) == before + line
    await caller.admin(f"{TARGET}/{made['id']}", method="DELETE")
    assert text_of(caller) == before


async def test_each_change_is_a_revision_that_says_who_made_it(caller: Caller) -> None:
    made = (await caller.admin(TARGET, MINI)).json
    written = text_of(caller)
    await caller.admin(f"{TARGET}/{made['id']}", method="DELETE")
    kept = await caller.runtime.store.config.history(limit=10)
    assert [(one.number, one.by) for one in kept] == [(3, "admin api"), (2, "admin api"), (1, "file")]
    assert kept[1].document == written
    assert (await caller.admin("/api/v1/reload", method="POST")).json == {"revision": 3, "changed": False}


async def test_an_entry_for_the_same_name_and_time_is_replaced_and_the_same_one_is_no_change(caller: Caller) -> None:
    first = await caller.admin(TARGET, MINI)
    again = await caller.admin(TARGET, MINI)
    assert (again.status, again.json["revision"], again.json["changed"]) == (200, 2, False)
    other = await caller.admin(TARGET, {"provider": "OpenAI", "model": "gpt-4o-mini", "discount": "15%"})
    assert (other.status, other.json["id"]) == (200, first.json["id"])
    assert other.json["replaced"] == MINI
    dated = await caller.admin(TARGET, MINI | {"effective_from": "2999-01-01"})
    assert (dated.status, dated.json["active"]) == (201, False)
    assert dated.json["id"] != first.json["id"]


async def test_the_prices_are_listed_in_the_order_in_which_they_are_tried_page_by_page(caller: Caller) -> None:
    whole = await caller.admin(TARGET)
    assert (whole.status, whole.headers["etag"], whole.json["revision"]) == (200, '"1"', 1)
    assert [(one["override"]["model"], one["active"]) for one in whole.json["items"]] == [
        ("*", True),
        ("gpt-5", False),
        ("gpt*", True),
    ]
    first = (await caller.admin(f"{TARGET}?limit=2")).json
    second = (await caller.admin(f"{TARGET}?limit=2&cursor={first['next']}")).json
    assert first["items"] + second["items"] == whole.json["items"]
    assert second["next"] is None
    azure = (await caller.admin(f"{TARGET}?provider=azure")).json["items"]
    assert [one["override"]["provider"] for one in azure] == ["azure-openai"]
    one = whole.json["items"][1]
    assert (await caller.admin(f"{TARGET}/{one['id']}")).json == one


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"inputt": "1"}, 'there is no field "inputt"'),
        ({"input": 1}, 'input: Expected `str | null`, got `int`; write it in quotes: "12"'),
        ({"input": "-1", "output": "1"}, "input: -1 is below zero; write what it costs"),
        ({"input": "1"}, 'it needs both "input" and "output"'),
        ({"input": "1", "output": "1e3"}, "output: '1e3' is not an amount of US dollars; write a decimal string"),
        ({"discount": "5%", "input": "1", "output": "2"}, "leave out the amounts, or the percentage"),
        ({"discount": "15"}, 'write "15%"'),
        ({"discount": "5%", "markup": "5%"}, "leave one of the two out"),
        ({"free": True, "effective_from": "2027-01-01", "effective_to": "2026-01-01"}, '"effective_to" is the first'),
        ({"free": True, "effective_from": "July"}, "neither a date"),
        ({"free": True, "effective_to": "9999-12-31T23:59:59-14:00"}, "in no year"),
        ({}, "it names no amount; add"),
        ({"provider": "a/b", "free": True}, "provider: "),
    ],
)
async def test_a_price_that_cannot_be_meant_is_refused_and_changes_nothing(
    tmp_path: Path, body: Any, said: str
) -> None:
    async with gateway(tmp_path) as caller:
        before = text_of(caller)
        answer = await caller.admin(TARGET, {"provider": "openai", "model": "gpt-4o"} | body)
        assert (answer.status, answer.json["code"]) == (400, "body_invalid")
        assert said in answer.json["detail"]
        assert answer.json["detail"].endswith("Nothing was changed.")
        assert text_of(caller) == before
        assert caller.runtime.snapshot.revision == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'"x"', b"null", b"\xff"])
async def test_a_body_that_is_no_object_is_refused(caller: Caller, body: bytes) -> None:
    answer = await caller.admin(TARGET, body, method="POST")
    assert (answer.status, answer.json["code"]) == (400, "body_invalid")


async def test_json_that_is_sent_as_a_form_is_told_how_to_be_sent(caller: Caller) -> None:
    headers = {"authorization": f"Bearer {caller.admin_token}", "content-type": "application/x-www-form-urlencoded"}
    answer = await caller.ask("POST", TARGET, headers, json.dumps(MINI).encode())
    assert (answer.status, answer.json["code"]) == (400, "body_invalid")
    assert "send one, with the header Content-Type: application/json" in answer.json["detail"]


async def test_what_is_probably_not_meant_is_written_with_a_warning(caller: Caller) -> None:
    answer = (await caller.admin(TARGET, {"provider": "openai", "model": "gpt-4o-mino", "request": "1"})).json
    unknown, free = answer["warnings"]
    assert "Near it: openai/gpt-4o-mini" in unknown
    assert "input, output will be free" in free
    assert answer["changed"]
    left = (await caller.admin(f"{TARGET}/{answer['id']}", method="DELETE")).json["warnings"]
    assert left == [
        "openai/gpt-4o-mino has no price now: a budget refuses it, unless it says on_unpriced: ceiling (or count)."
    ]


async def test_an_id_that_nothing_has_is_told_with_those_there_are(caller: Caller) -> None:
    ids = [one["id"] for one in (await caller.admin(TARGET)).json["items"]]
    for method in ("GET", "DELETE"):
        answer = await caller.admin(f"{TARGET}/{quote('no such?')}", method=method)
        assert (answer.status, answer.json["code"]) == (404, "override_unknown")
        assert ", ".join(ids) in answer.json["detail"]
    assert caller.runtime.snapshot.revision == 1


@pytest.mark.parametrize("given", ['"1"', "1", "*", '"7", "1"', ' "1" '])
async def test_a_change_meant_for_the_revision_in_force_is_made(caller: Caller, given: str) -> None:
    assert (await changed(caller, "POST", TARGET, MINI, given)).status == 201


async def test_a_change_meant_for_another_revision_is_refused(caller: Caller) -> None:
    made = await changed(caller, "POST", TARGET, MINI, '"1"')
    before = text_of(caller)
    for method, target, body in (("POST", TARGET, MINI), ("DELETE", f"{TARGET}/{made.json['id']}", None)):
        answer = await changed(caller, method, target, body, '"1"')
        assert (answer.status, answer.json["code"]) == (412, "revision_stale")
        assert "revision 2 by now, and If-Match asks for 1" in answer.json["detail"]
        unreadable = await changed(caller, method, target, body, 'W/"1"')
        assert (unreadable.status, unreadable.json["code"]) == (400, "header_invalid")
    assert text_of(caller) == before


async def test_of_changes_at_the_same_time_none_is_lost(caller: Caller) -> None:
    bodies = [{"provider": "local", "model": f"m{number}", "free": True} for number in range(8)]
    answers = await asyncio.gather(*(caller.admin(TARGET, body) for body in bodies))
    assert sorted(one.json["revision"] for one in answers) == list(range(2, 10))
    listed = (await caller.admin(f"{TARGET}?provider=local")).json["items"]
    assert sorted(one["override"]["model"] for one in listed) == [f"m{number}" for number in range(8)]


async def test_of_changes_meant_for_the_same_revision_one_is_made(caller: Caller) -> None:
    bodies = [{"provider": "local", "model": f"m{number}", "free": True} for number in range(4)]
    answers = await asyncio.gather(*(changed(caller, "POST", TARGET, body, '"1"') for body in bodies))
    assert sorted(one.status for one in answers) == [201, 412, 412, 412]


@pytest.mark.parametrize(
    ("method", "target"), [("POST", f"{TARGET}?x=1"), ("DELETE", f"{TARGET}/x?y=1"), ("GET", f"{TARGET}?models=x")]
)
async def test_an_unknown_parameter_is_an_error(caller: Caller, method: str, target: str) -> None:
    answer = await caller.admin(target, MINI if method == "POST" else None, method=method)
    assert (answer.status, answer.json["code"]) == (400, "parameter_unknown")


async def test_a_cursor_that_leads_nowhere_is_an_error(caller: Caller) -> None:
    answer = await caller.admin(f"{TARGET}?cursor=x")
    assert (answer.status, answer.json["code"]) == (400, "parameter_invalid")


async def test_nothing_is_changed_without_the_administrators_token(caller: Caller) -> None:
    for token in ("", "another-token-altogether"):
        assert (await caller.admin(TARGET, MINI, token=token)).status == 401
        assert (await caller.admin(f"{TARGET}/x", token=token, method="DELETE")).status == 401
    assert caller.runtime.snapshot.revision == 1


async def test_the_openapi_document_lists_the_fields_of_a_price(caller: Caller) -> None:
    paths = (await caller.admin("/api/openapi.json")).json["paths"]
    schema = paths[TARGET]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"provider", "model", "input", "discount", "effective_from"} <= set(schema["properties"])
    assert schema["required"] == ["provider", "model"]
    assert [one["name"].lower() for one in paths[TARGET]["post"]["parameters"]] == ["if-match"]
