"""`tollway export-jobs`, against a real gateway that writes real files."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.admin.gateways import Caller, gateway
from tests.admin.test_export_jobs import with_folder
from tests.exports.test_sealed import OTHER, PRIVATE, private_pem, public_pem
from typer.testing import CliRunner, Result

from tollway.cli.commands import app


async def run(caller: Caller, *words: str) -> Result:
    given = ["export-jobs", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "300"}).invoke, app, given)


async def test_a_job_is_written_run_seen_paused_and_deleted(tmp_path: Path) -> None:
    job, out = tmp_path / "job.yaml", tmp_path / "out"
    out.mkdir()
    key = public_pem(PRIVATE).replace("\n", "\n  ")
    job.write_text(f"what: logs\nevery: 1h\nto: {{file: logs}}\npublic_key: |\n  {key}\n")
    (tmp_path / "private.pem").write_bytes(private_pem(PRIVATE))
    (tmp_path / "other.pem").write_bytes(private_pem(OTHER))
    async with gateway(tmp_path) as caller:
        assert "No export jobs. Write one" in (await run(caller)).stdout
        made = await run(caller, "set", "nightly", str(job), "--by", "ann")
        assert made.stdout.startswith("nightly is in the settings"), made.output
        assert "--export-dir" in made.stdout
        assert "nightly has not run yet." in (await run(caller, "runs", "nightly")).stdout

        failed = await run(caller, "run", "nightly")
        assert (failed.exit_code, "Nothing had come" in failed.stdout) == (0, True), failed.output
        await caller.chat()
        await caller.logged("/api/v1/logs", 1)
        failed = await run(caller, "run", "nightly")
        assert failed.exit_code == 1 and "no folder for exports is set" in failed.output
        assert "failed 1 times" in (await run(caller)).stdout

        with_folder(caller, out)
        caller.runtime.exporting._made = None
        done = await run(caller, "run", "nightly", "--by", "ann")
        assert (done.exit_code, "1 rows in 1 objects" in done.stdout) == (0, True), done.output
        listed = (await run(caller, "list")).stdout
        assert "logs, sealed" in listed and "folder logs" in listed and "waits" in listed
        shown = (await run(caller, "show", "nightly")).stdout
        assert 'every: "1h"' in shown
        runs = json.loads((await run(caller, "runs", "nightly", "--json")).stdout)["items"]
        assert [(one["ok"], one["by"]) for one in runs] == [(True, "ann"), (False, "admin"), (True, "admin")]
        assert "done" in (await run(caller, "runs", "nightly")).stdout

        (file,) = out.rglob("*.gz")
        opened = CliRunner().invoke(app, ["export-jobs", "open", str(file), "--key", str(tmp_path / "private.pem")])
        assert opened.exit_code == 0 and json.loads(opened.stdout)["metadata"] == {"team": "ml"}
        wrong = CliRunner().invoke(app, ["export-jobs", "open", str(file), "--key", str(tmp_path / "other.pem")])
        assert wrong.exit_code == 1 and "line 1: The column was sealed for another key" in wrong.stderr

        assert (await run(caller, "pause", "nightly")).exit_code == 0
        assert "paused" in (await run(caller)).stdout
        refused = await run(caller, "run", "nightly")
        assert refused.exit_code == 1 and "switched off" in refused.output
        assert (await run(caller, "resume", "nightly")).stdout.startswith("nightly is in the settings")
        assert (await run(caller, "resume", "nightly")).stdout.startswith("nightly was so already.")
        assert (await run(caller, "delete", "nightly")).stdout.startswith("nightly is gone.")
        assert (await run(caller, "show", "nightly")).exit_code == 1


@pytest.mark.parametrize(("text", "said"), [("- a\n", "no entry of exports:"), ("a: [", "while parsing")])
def test_a_file_that_is_no_job_is_told(tmp_path: Path, text: str, said: str) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(text)
    found = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["export-jobs", "set", "x", str(job)])
    assert found.exit_code == 2 and said in found.output
