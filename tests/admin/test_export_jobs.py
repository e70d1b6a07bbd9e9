"""Export jobs by the API: written into the settings, run, paused, seen at work; by whom; and no secret comes back."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.admin.gateways import CANARY, SETTINGS, Caller, gateway
from tests.exports.test_sealed import PRIVATE, public_pem
from tests.workers.receivers import receiver

from tollway.admin.export_jobs import _check_asker
from tollway.admin.problem import Problem
from tollway.document.export_edit import read_fields
from tollway.exports.sealed import unseal
from tollway.identity.roles import Principal, Role

JOB: dict[str, Any] = {"what": "logs", "every": "1h", "to": {"file": "tollway/logs"}}
PATH = "/api/v1/export-jobs/nightly"


def with_folder(caller: Caller, folder: Path | None) -> None:
    """As if the gateway had been started with --export-dir."""
    caller.runtime.settings = msgspec.structs.replace(caller.runtime.settings, export_dir=folder)
    caller.runtime.exporting._make_send = lambda: _carrier(folder)


def _carrier(folder: Path | None) -> Any:
    from tollway.workers.exporting_to import Carrier

    return Carrier(folder)


async def ran(caller: Caller, number: int, path: str = PATH) -> dict[str, Any]:
    """The newest run of a job, once there are so many."""
    async with asyncio.timeout(10):
        while True:
            answer = (await caller.admin(f"{path}/runs")).json
            if len(answer["items"]) >= number and not answer["running"]:
                return answer["items"][0]
            await asyncio.sleep(0.02)


async def test_a_job_is_written_run_paused_and_taken_out_and_all_of_it_is_audited(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    async with gateway(tmp_path) as caller:
        assert (await caller.admin("/api/v1/export-jobs")).json["items"] == []
        made = await caller.admin(PATH, JOB, method="PUT")
        assert (made.status, made.json["changed"], made.json["before"]) == (200, True, None)
        assert made.json["after"] == {"id": "nightly", **JOB}
        assert "--export-dir" in made.json["warnings"][0]
        status = (await caller.admin("/api/v1/status")).json
        assert any('Export job "nightly" writes files, and no folder' in line for line in status["warnings"])

        with_folder(caller, out)
        await caller.chat()
        await caller.logged("/api/v1/logs", 1)
        asked = await caller.admin(f"{PATH}/run", b"", method="POST")
        assert (asked.status, asked.json["job"]) == (202, "nightly")
        run = await ran(caller, 1)
        assert (run["ok"], run["by"], run["rows"], run["objects"], run["error"]) == (True, "admin", 1, 1, "")
        (file,) = out.rglob("*.gz")
        (row,) = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        assert (row["user"], row["request_body"]) == ("alice@example.com", None) and row["amount_usd"] is not None

        shown = (await caller.admin(PATH)).json
        assert (shown["rows"], shown["behind"], shown["failures"], shown["destination"]) == (
            1, 0, 0, "folder tollway/logs",
        )  # fmt: skip
        assert shown["due_at"] is not None and shown["succeeded_at"] is not None and shown["running"] is False
        metrics = (await caller.admin("/metrics")).body.decode()
        assert 'tollway_export_rows_total{job="nightly"} 1' in metrics
        assert 'tollway_export_failures{job="nightly"} 0' in metrics

        paused = await caller.admin(PATH, {"enabled": False}, method="PATCH")
        assert paused.json["after"]["enabled"] is False
        refused = await caller.admin(f"{PATH}/run", b"", method="POST")
        assert (refused.status, refused.json["code"]) == (409, "export_job_paused")
        assert (await caller.admin(PATH)).json["due_at"] is None
        gone = await caller.admin(PATH, method="DELETE")
        assert (gone.status, gone.json["after"]) == (200, None)
        assert (await caller.admin(PATH)).status == 404
        assert caller.runtime.exporting.state("nightly") is None
        lines = (await caller.admin("/api/v1/audit?target=nightly")).json["items"]
        assert [line["action"] for line in lines] == [
            "export_job.deleted", "export_job.changed", "export_job.created",
        ]  # fmt: skip


async def test_what_fails_is_told_by_the_job_the_status_and_the_metrics(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller, receiver() as there:
        to = {"http": {"url": there.url, "allow_http": True}}
        await caller.admin(PATH, {**JOB, "to": to}, method="PUT")
        await caller.chat()
        await caller.logged("/api/v1/logs", 1)
        await caller.admin(f"{PATH}/run", b"", method="POST")
        run = await ran(caller, 1)
        assert run["ok"] is False and "127.0.0.1 is not a public address" in run["error"]
        assert there.connections == 0
        shown = (await caller.admin(PATH)).json
        assert (shown["failures"], shown["error"], shown["behind"]) == (1, run["error"], 1)
        assert shown["retry_at"] is not None and shown["destination"] == f"http://127.0.0.1:{there.port}/…"
        status = (await caller.admin("/api/v1/status")).json
        assert any('Export job "nightly" has failed 1 times' in line for line in status["warnings"])
        assert 'tollway_export_failures{job="nightly"} 1' in (await caller.admin("/metrics")).body.decode()
        # Meant: by the administrator, who may.
        to["http"]["allow_private"] = True
        await caller.admin(PATH, {"to": to}, method="PATCH")
        await caller.admin(f"{PATH}/run", b"", method="POST")
        assert (await ran(caller, 2))["rows"] == 1
        assert len(there.requests) == 1


async def test_the_body_that_was_asked_comes_back_from_a_sealed_export_of_a_running_gateway(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    settings = SETTINGS + "gateways:\n  - {{slug: default, logs: {{payload: true}}}}\n"
    sealing = {"bodies": True, "dialect": "cloudflare", "public_key": public_pem(PRIVATE)}
    async with gateway(tmp_path, settings) as caller:
        with_folder(caller, out)
        await caller.admin(PATH, {**JOB, **sealing}, method="PUT")
        answer = await caller.chat()
        await caller.logged("/api/v1/logs", 1)
        await caller.admin(f"{PATH}/run", b"", method="POST")
        assert (await ran(caller, 1))["rows"] == 1
        (file,) = out.rglob("*.gz")
        (row,) = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        asked = json.loads(unseal(row["RequestBody"], PRIVATE))
        assert asked["messages"] == [{"role": "user", "content": "Hello there!"}]
        assert unseal(row["ResponseBody"], PRIVATE).encode() == answer.body
        assert json.loads(unseal(row["Metadata"], PRIVATE)) == {"team": "ml"}
        assert (row["Model"], row["StatusCode"]) == ("gpt-4o-mini", 200)


async def test_no_secret_is_taken_in_clear_or_ever_comes_back(tmp_path: Path) -> None:
    (tmp_path / "siem.key").write_text(f"siem-{CANARY}")
    async with gateway(tmp_path) as caller:
        url = "https://logs.example.com/tollway"
        clear = {**JOB, "to": {"http": {"url": url, "bearer": CANARY}}}
        refused = await caller.admin(PATH, clear, method="PUT")
        assert (refused.status, refused.json["code"]) == (422, "settings_invalid")
        assert "env:NAME" in refused.json["detail"] and CANARY not in refused.body.decode()
        kept = {**JOB, "to": {"http": {"url": f"{url}/{CANARY}", "bearer": "file:siem.key"}}}
        answers = [
            await caller.admin(PATH, kept, method="PUT"),
            await caller.admin(PATH),
            await caller.admin("/api/v1/export-jobs"),
            await caller.admin("/api/v1/audit?target=nightly"),
            await caller.admin(f"{PATH}/runs"),
        ]
        assert all(answer.status == 200 and CANARY not in answer.body.decode() for answer in answers)
        assert answers[1].json["written"]["to"]["http"] == {
            "url": "https://logs.example.com/…", "bearer": "file:siem.key",
        }  # fmt: skip
        assert answers[1].json["destination"] == "https://logs.example.com/…"


WRONG: list[tuple[str, str, Any, int, str]] = [
    ("PUT", PATH, {**JOB, "every": "5s"}, 422, "write 15m, 6h, 7d, day or month"),
    ("PUT", PATH, {**JOB, "to": {"file": "../../etc"}}, 422, "can only lead further in"),
    ("PUT", PATH, {**JOB, "colour": "red"}, 422, "colour"),
    ("PUT", PATH, {"what": "logs"}, 422, "every"),
    ("PUT", PATH, {**JOB, "id": "other"}, 400, 'the path says "nightly"'),
    ("PUT", "/api/v1/export-jobs/a%20b", JOB, 422, "is not a slug"),
    ("PATCH", PATH, {"enabled": False}, 404, 'No export job "nightly"; there are: none.'),
    ("DELETE", PATH, None, 404, "there are: none"),
    ("GET", PATH, None, 404, "there are: none"),
    ("GET", f"{PATH}/runs", None, 404, "there are: none"),
    ("POST", f"{PATH}/run", None, 404, "there are: none"),
    ("GET", "/api/v1/export-jobs?limit=3", None, 400, "limit"),
]


async def test_what_cannot_be_done_is_told_with_the_way_out(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        for method, path, body, status, said in WRONG:
            answer = await caller.admin(path, body, method=method)
            assert answer.status == status and said in answer.json["detail"], answer.json


async def test_a_change_of_another_revision_is_refused(tmp_path: Path) -> None:
    async with gateway(
        tmp_path, SETTINGS + "exports:\n  - {{id: nightly, what: logs, every: day, to: {{file: a}}}}\n"
    ) as caller:
        listed = await caller.admin("/api/v1/export-jobs")
        assert [one["id"] for one in listed.json["items"]] == ["nightly"]
        stale = {"authorization": f"Bearer {caller.admin_token}", "if-match": '"999"'}
        answer = await caller.ask("PATCH", PATH, stale, b'{"every": "1h"}')
        assert (answer.status, answer.json["code"]) == (412, "revision_stale")
        again = await caller.admin(PATH, {"id": "nightly", "every": "day"}, method="PATCH")
        assert again.json["changed"] is False


def asker(*roles: Role) -> Principal:
    return Principal(name="ann", roles=frozenset(roles), user="ann", by="session")


@pytest.mark.parametrize(
    "to",
    [
        {"http": {"url": "https://evil.example", "bearer": "env:OPENAI_API_KEY"}},
        {"http": {"url": "file:/etc/hostname"}},
        {"http": {"url": "https://intra.example", "allow_private": True}},
        {"s3": {"bucket": "abc", "endpoint": "https://s3.intra.example"}},
        {"s3": {"bucket": "abc", "access_key_id": "env:A", "secret_access_key": "sealed:openai/default"}},
    ],
)
def test_only_an_owner_says_where_the_gateways_secrets_go_and_what_private_addresses_it_reaches(
    to: dict[str, Any],
) -> None:
    job = read_fields({"id": "nightly", **JOB, "to": to})
    with pytest.raises(Problem, match="is for owner to say") as refused:
        _check_asker(None, job, asker("admin"))
    assert refused.value.status == 403
    _check_asker(None, job, asker("owner"))
    # What an owner wrote is paused, and put off, by others who may write jobs.
    _check_asker(job, msgspec.structs.replace(job, enabled=False, every="1h"), asker("admin"))
    # But not sent elsewhere.
    elsewhere = read_fields({"id": "nightly", **JOB, "to": {**to, "file": "x"}})
    with pytest.raises(Problem):
        _check_asker(job, elsewhere, asker("admin"))


def test_an_administrator_writes_jobs_without_secrets() -> None:
    for to in ({"file": "logs"}, {"http": {"url": "https://logs.example.com"}}, {"s3": {"bucket": "abc"}}):
        _check_asker(None, read_fields({"id": "nightly", **JOB, "to": to}), asker("admin"))
