"""`tollway export` against a running gateway."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import pytest_asyncio
from tests.admin.gateways import Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app
from tollway.clock import iso

here = pytest.mark.asyncio(loop_scope="module")
Run = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway")) as running:
        await running.chat()
        await running.chat(model="anthropic/claude-haiku-4-5")
        await running.logged("/api/v1/logs", 2)
        yield running


@pytest.fixture
def run(caller: Caller) -> Run:
    async def run_it(*words: str) -> Result:
        given = ["export", *words, "--url", caller.url, "--data", str(caller.folder / "data")]
        return await asyncio.to_thread(CliRunner().invoke, app, given)

    return run_it


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def month(caller: Caller) -> str:
    return iso(caller.runtime.clock.now())[:7]


@here
@pytest.mark.parametrize(
    ("what", "column"), [("analytics", "spent_usd"), ("entries", "amount_usd"), ("focus", "BilledCost")]
)
async def test_a_month_is_written_and_adds_up_to_the_bill(
    run: Run, caller: Caller, tmp_path: Path, what: str, column: str
) -> None:
    owed = Decimal(caller.bill.total) / 10**9
    for form in ("csv", "parquet"):
        path = tmp_path / f"{what}.{form}"
        result = await run(what, "--month", month(caller), "-o", str(path))
        assert result.exit_code == 0, result.output
        assert f"{path}: {path.stat().st_size:,} bytes" in " ".join(result.stderr.split())
        read = "read_parquet(?)" if form == "parquet" else "read_csv(?, all_varchar = true)"
        (found,) = duckdb.execute(
            f'SELECT sum(CAST("{column}" AS DECIMAL(38, 9))) FROM {read}', [str(path)]
        ).fetchall()[0]
        assert found == owed
    assert len(names(tmp_path)) == 2


@here
async def test_what_is_not_said_goes_to_standard_output_as_csv(run: Run) -> None:
    result = await run("logs", "--where", "model=gpt-4o-mini")
    assert result.exit_code == 0
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert row["request_model"] == "gpt-4o-mini"


@here
async def test_options_are_what_the_api_is_asked(run: Run, caller: Caller) -> None:
    options = (
        "--by",
        "model,user",
        "--grain",
        "none",
        "--metrics",
        "cost",
        "--limit",
        "1",
        "--timezone",
        "Europe/Berlin",
    )
    head, *rows = csv.reader(io.StringIO((await run("analytics", *options)).stdout))
    assert head == ["from", "to", "row", "model", "user", "spent_usd", "entries", "unpriced"]
    assert [row[2] for row in rows] == ["group", "other"]
    strict = (await run("focus", "--month", month(caller), "--strict", "--raw")).stdout
    assert "ServiceProviderName" not in strict.splitlines()[0]
    assert "ServiceProviderName" in (await run("focus", "--month", month(caller))).stdout.splitlines()[0]


@here
async def test_what_is_refused_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    for words, said in (
        (("focus", "--month", "2026-10", "--version", "9"), "version"),
        (("entries", "--where", "colour=red"), "colour"),
        (("focus",), "month"),
        (("entries", "--month", "October"), "--month"),
        (("entries", "--format", "xlsx"), "--format"),
    ):
        result = await run(*words, "-o", str(tmp_path / "file"))
        assert result.exit_code == 1, result.output
        assert said in result.output
    assert names(tmp_path) == []
    assert "cannot be written" in (await run("logs", "-o", str(tmp_path / "no" / "file"))).output
