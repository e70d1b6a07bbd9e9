from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Answer, Caller, gateway
from tests.admin.people import ADMIN, ALICE, BOB, FINANCE, ROLES, signed_in

from tollway.workers.rollups import roll_all

pytestmark = pytest.mark.asyncio(loop_scope="module")

GATEWAYS = """\
gateways:
  - {{slug: default, logs: {{payload: true}}}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with gateway(folder, SETTINGS + ROLES + GATEWAYS) as running:
        yield running


async def chat(caller: Caller) -> str:
    return (await caller.chat()).headers["tollway-request-id"]


async def say(caller: Caller, request_id: str, said: Any, **options: Any) -> Answer:
    return await caller.admin(f"/api/v1/logs/{request_id}", said, method="PATCH", **options)


async def ids(caller: Caller, query: str) -> list[str]:
    return [log["request_id"] for log in (await caller.admin(f"/api/v1/logs?{query}")).json["items"]]


async def test_feedback_is_given_at_once_shown_and_searched_for(caller: Caller) -> None:
    good, bad = await chat(caller), await chat(caller)
    said = await say(caller, good, {"feedback": 1, "score": 0.75, "metadata": {"topic": "tax", "n": 3, "ok": True}})
    assert said.status == 200 and said.json["warnings"] == []
    assert (said.json["feedback"], said.json["score"]) == (1, 0.75)
    await say(caller, bad, {"feedback": -1, "score": -2})
    log = (await caller.admin(f"/api/v1/logs/{good}")).json
    assert log["added_metadata"] == {"topic": "tax", "n": "3", "ok": "true"}
    assert (log["feedback"], log["score"], log["metadata"]) == (1, 0.75, {"team": "ml"})
    assert await ids(caller, "feedback=1") == [good] and await ids(caller, "feedback=-1") == [bad]
    assert await ids(caller, "min_score=0.75") == [good] and await ids(caller, "max_score=0") == [bad]
    assert await ids(caller, "min_score=0.76") == []
    assert await ids(caller, "metadata.topic=tax&metadata.team=ml") == [good]
    listed = (await caller.admin("/api/v1/logs?feedback=-1")).json["items"][0]
    assert (listed["feedback"], listed["score"], listed["added_metadata"]) == (-1, -2.0, {})


async def test_what_is_left_out_stays_and_null_takes_it_away(caller: Caller) -> None:
    request_id = await chat(caller)
    await say(caller, request_id, {"feedback": 1, "score": 5})
    changed = await say(caller, request_id, {"score": None, "metadata": {"a": "b"}})
    assert (changed.json["feedback"], changed.json["score"], changed.json["added_metadata"]) == (1, None, {"a": "b"})
    gone = await say(caller, request_id, {"feedback": None, "metadata": None})
    assert (gone.json["feedback"], gone.json["added_metadata"]) == (None, {})
    lines = (await caller.admin(f"/api/v1/audit?target={request_id}&action=log.remarked")).json["items"]
    assert [(line["before"], line["after"]) for line in reversed(lines)] == [
        (None, {"feedback": 1, "score": 5.0, "metadata": {}}),
        ({"feedback": 1, "score": 5.0, "metadata": {}}, {"feedback": 1, "score": None, "metadata": {"a": "b"}}),
        ({"feedback": 1, "score": None, "metadata": {"a": "b"}}, None),
    ]


async def test_callers_judge_their_own_requests_and_no_others(caller: Caller) -> None:
    request_id = await chat(caller)
    own = await say(caller, request_id, {"feedback": -1}, token=signed_in(caller, ALICE))
    assert (own.status, own.json["by"]) == (200, ALICE)
    for user, status in ((BOB, 404), (FINANCE, 403), (ADMIN, 200)):
        assert (await say(caller, request_id, {"feedback": 1}, token=signed_in(caller, user))).status == status, user


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "send feedback, score or metadata"),
        ({"feedback": 2}, "feedback"),
        ({"feedback": "1"}, "feedback"),
        ({"score": "good"}, "score"),
        ({"score": 1_000_001}, "score"),
        ({"stars": 5}, "stars"),
        ({"metadata": {"a": {"b": 1}}}, "metadata"),
        ({"metadata": {"": "x"}}, "1 to 64 printable characters"),
        ({"metadata": {"a": "x" * 513}}, "metadata.a: 513 characters; 512 at most"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "17 entries; 16 at most"),
        ({"metadata": {"n": "\ud800"}}, "metadata.n is no text"),
        ({"metadata": {"\udfff": "x"}}, "metadata is no text"),
        ({"metadata": {"n": "a\0b"}}, "metadata.n: it has the character U+0000"),
        ({"metadata": {"n": "a\x1b[31mb"}}, "metadata.n: it has a control character"),
        (b'{"metadata": {"n": 1e400}}', "metadata.n: the number is too large"),
        (b'{"metadata": {"n": NaN}}', "metadata.n: the number is too large, or none"),
    ],
)
async def test_what_cannot_be_meant_is_refused(caller: Caller, said: Any, words: str) -> None:
    refused = await say(caller, await chat(caller), said)
    assert refused.status in (400, 422) and words in refused.json["detail"], refused.json


async def test_text_of_any_script_and_of_several_lines_is_taken(caller: Caller) -> None:
    request_id, text = await chat(caller), "日本 👩\u200d💻\n\tzwei\u00a0Wörter"
    assert (await say(caller, request_id, {"metadata": {"n": text}})).json["added_metadata"] == {"n": text}


async def test_a_request_that_is_not_there_cannot_be_judged(caller: Caller) -> None:
    assert (await say(caller, "unknown", {"feedback": 1})).json["code"] == "record_unknown"


async def test_requests_are_taken_out_with_their_bodies_and_the_ledger_stays(caller: Caller) -> None:
    mine = [await chat(caller) for _ in range(3)]
    newest = (await caller.chat(model="anthropic/claude-haiku-4-5")).headers["tollway-request-id"]
    await caller.logged(f"/api/v1/logs?request_id={newest}", 1)
    await caller.runtime.store.bodies.flush()
    await roll_all(caller.runtime.store.analytics, pause_s=0)
    entries = len((await caller.admin("/api/v1/ledger/entries?limit=500")).json["items"])

    only = [f"request_id={one}" for one in mine[:1]]
    erased = (await caller.admin(f"/api/v1/logs?{only[0]}", method="DELETE")).json
    assert (erased["deleted"], erased["left"], erased["bodies"], erased["next"]) == (1, 0, 1, None)
    assert (await caller.admin(f"/api/v1/logs/{mine[0]}")).status == 404
    assert not await caller.runtime.store.bodies.parts(mine[0])

    first = (await caller.admin("/api/v1/logs?provider=openai&limit=1", method="DELETE")).json
    assert first["deleted"] == 1 and first["next"] is not None
    rest = (await caller.admin("/api/v1/logs?provider=openai", method="DELETE")).json
    assert rest["deleted"] >= 1 and rest["left"] == 0 and await ids(caller, "provider=openai") == []

    everything = (await caller.admin("/api/v1/logs?all=true", method="DELETE")).json
    # Its number would be given again.
    assert everything["left"] == 1 and await ids(caller, "") == [newest]
    assert not await caller.runtime.store.bodies.parts(newest)
    assert len((await caller.admin("/api/v1/ledger/entries?limit=500")).json["items"]) == entries
    lines = (await caller.admin("/api/v1/audit?action=log.deleted")).json["items"]
    assert lines[0]["after"] == {
        "where": {"all": True}, "deleted": everything["deleted"], "left": 1, "bodies": everything["bodies"],
    }  # fmt: skip
    assert lines[1]["after"]["where"] == {"provider": "openai", "all": False}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "give a filter, or all=true"),
        ("limit=5", "give a filter, or all=true"),
        ("colour=red", "colour"),
        ("user=alice@example.com&user=", "user is given twice"),
        ("cursor=x&all=true", "not a cursor"),
    ],
)
async def test_nothing_is_taken_out_that_was_not_named(caller: Caller, query: str, words: str) -> None:
    await chat(caller)
    refused = await caller.admin(f"/api/v1/logs?{query}", method="DELETE")
    assert refused.status in (400, 422) and words in refused.json["detail"], refused.json


async def test_requests_of_nobody_are_taken_out_and_no_others(caller: Caller) -> None:
    turned_away = (await caller.chat("no-key-of-this-gateway")).headers["tollway-request-id"]
    kept = await chat(caller)
    await caller.logged(f"/api/v1/logs?request_id={kept}", 1)
    await roll_all(caller.runtime.store.analytics, pause_s=0)
    assert turned_away in await ids(caller, "user=")
    erased = (await caller.admin("/api/v1/logs?user=", method="DELETE")).json
    assert erased["deleted"] >= 1 and erased["left"] == 0
    assert await ids(caller, "user=") == [] and kept in await ids(caller, "")


async def test_only_administrators_take_requests_out(caller: Caller) -> None:
    for user in (ALICE, FINANCE):
        refused = await caller.admin("/api/v1/logs?all=true", method="DELETE", token=signed_in(caller, user))
        assert refused.status == 403
