"""Sums that nobody can mean: refused by hand, and borne where an earlier gateway took them."""

from pathlib import Path

import msgspec
from tests.admin.gateways import SETTINGS, gateway
from tests.admin.people import ROLES
from tests.admin.test_adjustments import V1, adjust
from tests.admin.test_statements import past

from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.storage.protocol import Filter
from tollway.workers.rollups import roll_all

WATCHED = SETTINGS.replace('name: company, limit: "20",', 'name: company, limit: "20", mode: monitor,') + ROLES
"""With an account that nothing is enforced on."""


async def test_what_would_bring_a_sum_beyond_all_measure_is_refused_and_its_way_back_is_open(tmp_path: Path) -> None:
    async with gateway(tmp_path, WATCHED) as caller:
        ledger = caller.runtime.store.ledger
        made = await adjust(caller, "1000000")
        (entry,) = (
            await caller.runtime.store.records.entries(Filter(equals={"kind": "credit"}), limit=2, cursor=None)
        ).items
        # As an earlier gateway took it.
        for number in range(3):
            absurd = msgspec.structs.replace(entry, id=f"absurd{number}", charge=Charge(Money(9 * 10**18)))
            assert ledger.settle(absurd)
        answer = await adjust(caller, "0.01")
        assert (answer.status, answer.json["code"]) == (422, "adjustment_beyond")
        assert (
            "with $0.01 more, all that was ever charged ($27,001,000,000.00) would come to more than"
            in answer.json["detail"]
        )
        assert (await adjust(caller, "-1000000")).status == made.status == 201
        assert (await caller.chat()).status == 200
        await roll_all(caller.runtime.store.analytics)
        for path in (
            "/ready",
            "/metrics",
            "/api/v1/spend",
            "/api/v1/analytics",
            V1,
            f"{V1}/{past(caller, 0)}/document?by=team&value=ml",
            "/api/v1/budgets",
        ):
            assert (await caller.admin(path)).status == 200, path
        (total,) = (await caller.admin("/api/v1/spend?group_by=kind")).json["rows"][:1]
        assert total["spent_usd"] == "27000000000"
        status = (await caller.admin("/api/v1/status?verify=true")).json
        assert status["store"]["differences"] == []
        assert any("beyond what 64 bits hold" in words for words in status["warnings"])
    async with gateway(tmp_path, WATCHED) as caller:
        assert (await caller.chat()).status == 200
        assert (await caller.admin("/api/v1/status?verify=true")).json["store"]["differences"] == []
