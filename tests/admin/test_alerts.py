"""Alerts over the admin API: history, deliveries, test, snoozes; never an address or a secret."""

from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from tests.workers.receivers import Receiver, receiver
from tests.workers.watched import NOW, SECRET, budget, snapshot

from tollway.admin.alerts import late_channels
from tollway.admin.api import build
from tollway.alerts import telling
from tollway.budgets.window import Calendar
from tollway.clock import Clock, instant
from tollway.identity.attempts import Attempts
from tollway.pricing.calibration import Calibration
from tollway.storage.memory import MemoryStore

TOKEN = "the-administrators-token"


class Api:
    """The admin API of a gateway with two channels, over a store in memory."""

    def __init__(self, hook: Receiver) -> None:
        self.hook = hook
        self.store = MemoryStore()
        channels = {
            "ops": {"webhook": hook.url, "secret": SECRET, "allow_private": True, "allow_http": True},
            "closed": {"webhook": hook.url.replace("http://", "https://"), "secret": SECRET, "default": False},
            "mail": {"apprise": "mailtos://me:s3cret@example.com"},
        }
        self.runtime: Any = SimpleNamespace(
            store=self.store,
            snapshot=snapshot(
                budgets=[budget("each", alerts=[80])],
                channels=channels,
                alerts=[{"name": "r", "when": "store"}],
                policies=[
                    {"name": "p", "actor": "user:a", "action": {"type": "limit", "amount": "5", "period": "daily"}}
                ],
            ),
            clock=Clock(lambda: NOW * 1_000_000),
            calendar=Calendar(),
            learned=Calibration(),
            reload=None,
            compile=None,
            settings_path=None,
            is_admin=lambda token: token == TOKEN,
            attempts=Attempts(),
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(build(self.runtime)),  # type: ignore[arg-type]
            base_url="http://gateway",
            headers={"authorization": f"Bearer {TOKEN}"},
        )

    async def raised(self, number: int) -> str:
        event = telling.spent(
            "each[user=a]",
            name="each",
            start=number,
            percent=80,
            amount=8,
            limit=10,
            at=NOW,
            event_id=f"0198-{number:04}",
        )
        await self.store.outbox.raise_(msgspec.structs.replace(event, channels=("ops",)))
        return event.id


@pytest_asyncio.fixture
async def api() -> AsyncGenerator[Api]:
    async with receiver() as hook:
        made = Api(hook)
        async with made.client:
            yield made


async def test_the_history_is_paged_newest_first(api: Api) -> None:
    ids = [await api.raised(number) for number in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = (
            await api.client.get("/api/v1/alerts", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ids[::-1]
    assert (await api.client.get("/api/v1/alerts", params={"budget": "other"})).json()["items"] == []


async def test_one_alert_is_shown_with_its_deliveries(api: Api) -> None:
    alert_id = await api.raised(1)
    await api.raised(2)
    (waiting,) = await api.store.outbox.deliveries(alert_id)
    await api.store.outbox.tried(msgspec.structs.replace(waiting, attempts=2, error="status 500", due_at=NOW + 5_000))
    shown = (await api.client.get(f"/api/v1/alerts/{alert_id}")).json()
    assert (shown["kind"], shown["account"], shown["data"]["threshold_percent"]) == ("spent", "each[user=a]", 80)
    (delivery,) = shown["deliveries"]
    assert delivery == {
        "channel": "ops", "state": "waiting", "attempts": 2, "arrived_at": None,
        "next_attempt_at": instant(NOW + 5_000).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "error": "status 500",
    }  # fmt: skip
    await api.store.outbox.tried(msgspec.structs.replace(waiting, arrived_at=NOW))
    shown = (await api.client.get(f"/api/v1/alerts/{alert_id}")).json()
    assert (shown["deliveries"][0]["state"], shown["deliveries"][0]["next_attempt_at"]) == ("arrived", None)


async def test_the_history_says_of_each_alert_whether_it_has_arrived(api: Api) -> None:
    arrived, waiting, lost = [await api.raised(number) for number in range(3)]
    states = {
        arrived: {"attempts": 1, "arrived_at": NOW},
        waiting: {"attempts": 12, "error": "status 500"},
        lost: {"attempts": 80, "given_up": True},
    }
    for alert_id, state in states.items():
        (delivery,) = await api.store.outbox.deliveries(alert_id)
        await api.store.outbox.tried(msgspec.structs.replace(delivery, **state))
    page = (await api.client.get("/api/v1/alerts")).json()
    told = [[(d["channel"], d["state"], d["attempts"]) for d in item["deliveries"]] for item in page["items"]]
    assert told == [[("ops", "given_up", 80)], [("ops", "waiting", 12)], [("ops", "arrived", 1)]]


async def test_a_channel_that_takes_nothing_for_an_hour_is_warned_of(api: Api) -> None:
    hour = 3_600_000
    for number in range(2):
        (delivery,) = await api.store.outbox.deliveries(await api.raised(number))
        later = {"attempts": 11 + number, "due_at": NOW + 2 * hour, "error": "status 500"}
        await api.store.outbox.tried(msgspec.structs.replace(delivery, **later))
    await api.raised(3)
    assert await late_channels(api.store.outbox, NOW + hour - 1) == []
    (said,) = await late_channels(api.store.outbox, NOW + hour)
    assert (
        said.startswith('Channel "ops" has not taken 2 alerts, the oldest since 2026-07-01T') and "status 500" in said
    )


@pytest.mark.parametrize("alert_id", ["nobody", "0198", "0198-0001x", "~"])
async def test_an_alert_that_is_not_there_is_a_404(api: Api, alert_id: str) -> None:
    await api.raised(1)
    answer = await api.client.get(f"/api/v1/alerts/{alert_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "alert_unknown")


async def test_channels_are_listed_without_credentials(api: Api) -> None:
    answer = await api.client.get("/api/v1/alerts/channels")
    assert "s3cret" not in answer.text and SECRET not in answer.text and "from=tollway" not in answer.text
    shown = answer.json()
    assert [(c["name"], c["kind"], c["default"]) for c in shown["items"]] == [
        ("ops", "webhook", True), ("closed", "webhook", False), ("mail", "apprise", True),
    ]  # fmt: skip
    assert shown["rules"] == [{"name": "r", "when": "store", "budgets": None, "channels": ["ops", "mail"]}]


async def test_a_test_is_sent_at_once_and_its_outcome_told(api: Api) -> None:
    answer = (await api.client.post("/api/v1/alerts/test", json={"channel": "ops"})).json()
    assert (answer["arrived"], answer["error"]) == (True, "")
    (request,) = api.hook.requests
    assert request.headers["webhook-id"] == answer["id"]
    kept = (await api.client.get(f"/api/v1/alerts/{answer['id']}")).json()
    assert (kept["kind"], kept["deliveries"], kept["data"]["arrived"]) == ("test", [], 1)
    closed = (await api.client.post("/api/v1/alerts/test", json={"channel": "closed"})).json()
    assert closed["arrived"] is False and "not a public address" in closed["error"]


async def test_an_unknown_channel_is_named_with_those_there_are(api: Api) -> None:
    answer = await api.client.post("/api/v1/alerts/test", json={"channel": "opps"})
    assert (answer.status_code, answer.json()["code"]) == (404, "channel_unknown")
    assert "ops, closed, mail" in answer.json()["detail"]


@pytest.mark.parametrize("target", ["*", "each", "each[user=a]", "policies"])
async def test_a_snooze_is_kept_until_its_end(api: Api, target: str) -> None:
    if target == "policies":
        (bucket,) = api.runtime.snapshot.buckets
        target = f"{bucket.id}[actor=user:a]"
    asked = {"target": target, "until": "2026-07-01T16:00:00+02:00", "by": "alice"}
    answer = await api.client.post("/api/v1/alerts/snooze", json=asked)
    assert answer.json() == {"target": target, "until": "2026-07-01T14:00:00.000Z", "by": "alice"}
    assert (await api.client.get("/api/v1/alerts/snoozes")).json()["items"] == [answer.json()]
    await api.client.post("/api/v1/alerts/snooze", json={**asked, "until": "2026-07-01T00:00:00Z"})
    assert (await api.client.get("/api/v1/alerts/snoozes")).json()["items"] == []


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"target": "nobody", "until": "2026-07-02T00:00:00Z"}, 404, "budget_unknown"),
        ({"target": "*", "until": "2036-07-02T00:00:00Z"}, 400, "body_invalid"),
        ({"target": "*", "until": "2026-07-02T00:00:00"}, 400, "body_invalid"),
        ({"target": "*"}, 400, "body_invalid"),
        ({"target": "*", "until": "2026-07-02T00:00:00Z", "colour": "red"}, 400, "body_invalid"),
        ({"target": "", "until": "2026-07-02T00:00:00Z"}, 400, "body_invalid"),
    ],
)
async def test_a_snooze_that_cannot_be_meant_is_refused(
    api: Api, asked: dict[str, Any], status: int, code: str
) -> None:
    answer = await api.client.post("/api/v1/alerts/snooze", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await api.store.outbox.snoozes(0) == []


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "colour=red", "cursor=" + "x" * 65])
async def test_a_question_that_cannot_be_meant_is_refused(api: Api, query: str) -> None:
    assert (await api.client.get(f"/api/v1/alerts?{query}")).status_code == 400


async def test_nobody_else_may_ask(api: Api) -> None:
    for method, path in (
        ("GET", "/alerts"),
        ("GET", "/alerts/channels"),
        ("POST", "/alerts/test"),
        ("POST", "/alerts/snooze"),
    ):
        answer = await api.client.request(method, f"/api/v1{path}", headers={"authorization": "Bearer x"})
        assert answer.status_code == 401
    assert api.hook.requests == []
