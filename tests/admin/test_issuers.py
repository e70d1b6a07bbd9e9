import json
from pathlib import Path
from typing import Any

import pytest
from fake_issuer import FakeIssuer
from made_tokens import claims, token
from tests.admin.gateways import CANARY, SETTINGS, gateway

from tollway.proxy.issuers import Issuers

WITH_ISSUERS = (
    SETTINGS
    + f"""\
issuers:
  - {{{{name: company, issuer: "https://login.example.com", audience: [tollway, other], client_id: web, client_secret: "{CANARY}"}}}}
  - {{{{name: idle, issuer: "https://off.example.com", audience: x, enabled: false}}}}
"""
)


def shown(answer: Any) -> dict[str, Any]:
    return {one["name"]: one for one in answer.json["items"]}


async def test_each_issuer_is_shown_with_how_its_keys_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(tmp_path, WITH_ISSUERS) as caller:
        fake = FakeIssuer()
        # The process asks this one instead of the network.
        monkeypatch.setattr(Issuers, "fetcher", property(lambda _: fake))
        issuers = caller.runtime.issuers
        issuers._fetcher = issuers._discoverer._fetcher = fake
        first = shown(await caller.admin("/api/v1/issuers"))
        assert (first["company"]["state"], first["company"]["keys"], first["company"]["fetched_at"]) == (
            "unused",
            [],
            None,
        )
        assert first["company"]["audiences"] == ["tollway", "other"] and first["company"]["signs_in"] is True
        assert fake.asked == {}

        checked = await caller.admin("/api/v1/issuers?check=true")
        found = shown(checked)
        assert (found["company"]["state"], found["company"]["keys"], found["company"]["error"]) == ("good", ["a"], "")
        assert found["company"]["good_until"] > found["company"]["fetched_at"]
        assert (found["idle"]["state"], found["idle"]["enabled"]) == ("unused", False)
        assert CANARY not in json.dumps(checked.json)

        # They go stale: a day is told, and then they are of no use.
        source = next(iter(issuers._sources.values()))
        source._fetched_at, source.error = source._fetched_at - 3_600_000, "login.example.com cannot be reached"
        stale = shown(await caller.admin("/api/v1/issuers"))
        assert (stale["company"]["state"], "reached" in stale["company"]["error"]) == ("stale", True)
        source._fetched_at -= 24 * 3_600_000
        assert shown(await caller.admin("/api/v1/issuers"))["company"]["state"] == "unavailable"


async def test_a_question_that_is_none_is_refused_and_so_is_whoever_is_nobody(tmp_path: Path) -> None:
    async with gateway(tmp_path, WITH_ISSUERS) as caller:
        assert (await caller.admin("/api/v1/issuers?chek=true")).status == 400
        assert (await caller.admin("/api/v1/issuers?check=perhaps")).status == 400
        assert (await caller.admin("/api/v1/issuers", token="")).status == 401
        assert (await caller.admin("/api/v1/issuers", token=token(claims(iss="https://nobody.example")))).status == 401
