"""Rate limits by the API: made, changed and deleted in the settings file, listed with what they count, audited."""

from pathlib import Path
from typing import Any

from tests.admin.gateways import SETTINGS, Caller, gateway

from tollway.rates.claims import RateClaim
from tollway.rates.counters import Admitted

PER_USER: dict[str, Any] = {"name": "per user", "requests": 60, "window_s": 3_600, "split_by": ["user"]}
CLOUDFLARES = SETTINGS + (
    "gateways:\n"
    "  - {{slug: default, rate_limiting_limit: 50, rate_limiting_interval: 600, rate_limiting_technique: fixed}}\n"
)


async def limits(caller: Caller, query: str = "") -> dict[str, Any]:
    answer = await caller.admin(f"/api/v1/rate-limits{query}")
    assert answer.status == 200, answer.json
    return {one["id"]: one for one in answer.json["items"]}


async def test_a_limit_is_made_changed_and_deleted_in_the_file_and_audited(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        made = await caller.admin("/api/v1/rate-limits", PER_USER)
        assert (made.status, made.json["id"], made.json["changed"]) == (201, "per-user", True)
        assert (made.json["before"], made.json["after"]["requests"]) == (None, 60)
        assert [one.name for one in caller.runtime.snapshot.rates_of["default"]] == ["per user"]
        path = "/api/v1/rate-limits/per-user"
        changed = await caller.admin(path, {"requests": 5, "tokens": 1_000}, method="PATCH")
        assert changed.status == 200 and changed.headers["etag"] == f'"{changed.json["revision"]}"'
        again = await caller.admin(path, {"requests": 5}, method="PATCH")
        assert again.json["changed"] is False
        text = (tmp_path / "tollway.yaml").read_text()
        assert "rate_limits:" in text and "requests: 5" in text
        shown = (await limits(caller))["per-user"]
        assert (shown["requests"], shown["tokens"], shown["technique"], shown["editable"]) == (
            5,
            1_000,
            "sliding",
            True,
        )
        gone = await caller.admin(path, method="DELETE")
        assert (gone.status, gone.json["after"]) == (200, None)
        assert await limits(caller) == {} and caller.runtime.snapshot.rate_limits == ()
        lines = (await caller.admin("/api/v1/audit?target=per-user")).json["items"]
        assert [line["action"] for line in lines] == [
            "rate_limit.deleted",
            "rate_limit.changed",
            "rate_limit.created",
        ]


async def test_the_busiest_buckets_are_listed_with_what_they_count(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        await caller.admin("/api/v1/rate-limits", PER_USER | {"tokens": 1_000})
        (limit,) = caller.runtime.snapshot.rate_limits
        for user, times in (("ann", 1), ("bob", 3), ("cem", 2)):
            for _ in range(times):
                claims = [RateClaim(limit, f"per-user[user={user}]")]
                found = caller.runtime.rates.admit(claims, caller.runtime.clock.now(), tokens_expected=10)
                assert isinstance(found, Admitted)
        busiest = (await limits(caller, "?buckets=2"))["per-user"]["busiest"]
        assert busiest == [
            {"bucket": "per-user[user=bob]", "requests": 3, "tokens": 30},
            {"bucket": "per-user[user=cem]", "requests": 2, "tokens": 20},
        ]
        assert (await limits(caller, "?buckets=0"))["per-user"]["busiest"] == []


async def test_what_a_gateway_says_in_cloudflares_words_is_shown_and_changed_in_the_file_alone(tmp_path: Path) -> None:
    async with gateway(tmp_path, CLOUDFLARES) as caller:
        shown = (await limits(caller))["default.rate-limit"]
        assert (shown["requests"], shown["window_s"], shown["technique"]) == (50, 600, "fixed")
        assert (shown["gateway"], shown["editable"]) == ("default", False)
        for method in ("PATCH", "DELETE"):
            refused = await caller.admin(
                "/api/v1/rate-limits/default.rate-limit", {} if method == "PATCH" else None, method=method
            )
            assert (refused.status, refused.json["code"]) == (409, "rate_limit_elsewhere")
            assert "rate_limiting_limit" in refused.json["detail"]


async def test_what_cannot_be_is_told_and_changes_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        before = (tmp_path / "tollway.yaml").read_text()
        path = "/api/v1/rate-limits"
        for body, said in (
            ({"name": "x", "window_s": 5}, "it limits nothing; add requests"),
            ({"name": "x", "window_s": 0, "requests": 1}, "window_s: 0 is not between 1"),
            ({"name": "x", "window_s": 5, "requests": 1, "gateway": "web"}, 'no gateway "web"'),
            ({"name": "x", "window_s": "5", "requests": 1}, "rate_limits.x.window_s"),
        ):
            refused = await caller.admin(path, body)
            assert 400 <= refused.status < 500 and said in refused.json["detail"], refused.json
        for method, body in (("PATCH", {"requests": 1}), ("DELETE", None)):
            unknown = await caller.admin(f"{path}/nope", body, method=method)
            assert (unknown.status, unknown.json["code"]) == (404, "rate_limit_unknown")
        assert (tmp_path / "tollway.yaml").read_text() == before
        await caller.admin(path, PER_USER)
        again = await caller.admin(path, PER_USER)
        assert again.status == 422 or again.status == 400, again.json
        assert 'rate limit "per user"' in again.json["detail"]
        renamed = await caller.admin(f"{path}/per-user", {"id": "other"}, method="PATCH")
        assert (renamed.status, renamed.json["code"]) == (400, "body_invalid")
