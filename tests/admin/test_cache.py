"""What is kept, as the admin API tells it, and letting go of it."""

from pathlib import Path

import pytest
from tests.admin.gateways import Caller

from tollway.cache.entry import Kept
from tollway.storage.sqlite.answers import FILE

pytestmark = pytest.mark.asyncio(loop_scope="module")


def kept(now: int, **fields: object) -> Kept:
    given = {"gateway": "default", "provider": "openai", "cost_nanodollars": 1_500, "custom": None} | fields
    return Kept(status=200, headers=(), body=b"{}", made_at=now, expires_at=now + 600_000, **given)  # type: ignore[arg-type]


def kept_files(folder: Path) -> list[Path]:
    return list(folder.rglob(FILE))


async def fill(caller: Caller) -> int:
    answers, now = caller.runtime.answers, caller.runtime.clock.now()
    await answers.put(b"a", kept(now), now)
    await answers.put(b"b", kept(now, provider="anthropic", custom="mine"), now)
    await answers.put(b"c", kept(now, gateway="gone", cost_nanodollars=None), now)
    return now


async def test_nothing_is_on_the_disk_while_nothing_is_kept(caller: Caller) -> None:
    answer = await caller.admin("/api/v1/cache")
    assert answer.status == 200
    assert (answer.json["entries"], answer.json["saved_usd"], answer.json["limit_bytes"]) == (0, "0", 1024 * 1_048_576)
    assert answer.json["gateways"][0] | {"entries": 0} == {
        "gateway": "default", "ttl_s": 0, "scope": "user", "by_headers": True, "entries": 0, "bytes": 0, "hits": 0,
        "misses": 0, "saved_usd": "0", "unpriced_hits": 0,
    }  # fmt: skip
    assert kept_files(caller.folder) == []


async def test_what_is_kept_and_what_it_saved_is_told_by_gateway(caller: Caller) -> None:
    now = await fill(caller)
    for key, gateway in ((b"a", "default"), (b"a", "default"), (b"none", "default"), (b"c", "gone")):
        await caller.runtime.answers.get(key, gateway=gateway, now=now)
    found = (await caller.admin("/api/v1/cache")).json
    assert (found["entries"], found["hits"], found["misses"], found["saved_usd"]) == (3, 3, 1, "0.000003")
    assert found["unpriced_hits"] == 1
    assert {each["gateway"]: each["entries"] for each in found["gateways"]} == {"default": 2, "gone": 1}


async def test_answers_are_purged_and_the_audit_log_says_by_whom(caller: Caller) -> None:
    await fill(caller)
    for query, gone in (("?provider=claude", 0), ("?key=mine", 1), ("?provider=openai&gateway=default", 1), ("", 1)):
        answer = await caller.admin(f"/api/v1/cache{query}", method="DELETE")
        assert (answer.status, answer.json) == (200, {"purged": gone, "warnings": []}), query
    line = (await caller.admin("/api/v1/audit?action=cache&limit=2")).json["items"]
    assert [(each["action"], each["target"], each["by"]) for each in line] == [
        ("cache.purged", "*", "admin"),
        ("cache.purged", "default", "admin"),
    ]
    assert line[1]["after"] == {"gateway": "default", "provider": "openai", "purged": 1}


async def test_a_parameter_that_is_none_is_refused_and_purges_nothing(caller: Caller) -> None:
    await fill(caller)
    for query in ("?gatewy=default", "?gateway=", f"?key={'x' * 513}"):
        assert (await caller.admin(f"/api/v1/cache{query}", method="DELETE")).status == 400, query
    assert (await caller.admin("/api/v1/cache?gateway=default")).status == 400
    assert (await caller.admin("/api/v1/cache")).json["entries"] == 3
    assert (await caller.admin("/api/v1/cache", token="no")).status == 401
