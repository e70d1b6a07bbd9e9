import asyncio
import json
from pathlib import Path

from tests.admin.gateways import Caller, gateway
from typer.testing import CliRunner, Result

from tollway.cli.commands import app
from tollway.money import dollars
from tollway.storage.sqlite.driver import connect


def tell(folder: Path, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "220"}).invoke(app, [*words, "--data", str(folder / "data")])


async def ask(caller: Caller, *words: str) -> Result:
    return await asyncio.to_thread(tell, caller.folder, *words, "--url", caller.url)


async def test_the_money_is_right_while_it_runs_and_after_and_a_balance_that_was_changed_is_found(
    tmp_path: Path,
) -> None:
    async with gateway(tmp_path) as caller:
        await caller.chat()
        result = await ask(caller, "audit")
        assert result.exit_code == 0, result.stderr
        assert "Ledger, balances and counters agree to the nanodollar." in result.output
        assert f"1 of spend, {dollars(caller.bill.total)} US dollars" in result.output
        figures = json.loads((await ask(caller, "audit", "--json")).output)
        assert (figures["ok"], figures["entries"], figures["differences"]) == (True, 1, [])
        assert (await asyncio.to_thread(tell, tmp_path, "audit", "--offline")).exit_code == 1, "it is in use"
        total = caller.bill.total
    stopped = tell(tmp_path, "audit", "--offline")
    assert stopped.exit_code == 0, stopped.stderr
    assert f"charge     1 entries, {dollars(total)} US dollars" in stopped.output
    database = connect(tmp_path / "data" / "tollway.db")
    database.execute("UPDATE balances SET spent_nanodollars = spent_nanodollars - 1 WHERE account = 'company'")
    database.close()
    wrong = tell(tmp_path, "audit", "--offline")
    assert wrong.exit_code == 1
    assert 'Account "company"' in wrong.stderr
    assert json.loads(tell(tmp_path, "audit", "--offline", "--json").output)["ok"] is False


async def test_the_log_is_listed_and_its_chain_computed(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        file = tmp_path / "tollway.yaml"
        file.write_text(file.read_text().replace('limit: "20"', 'limit: "30"'))
        await caller.admin("/api/v1/reload", method="POST")
        listed = await ask(caller, "audit", "log", "--action", "budget.changed")
        assert "limit: 20 → 30" in listed.output
        assert "There are more" in (await ask(caller, "audit", "log", "--limit", "1")).output
        whole = await ask(caller, "audit", "verify")
        assert (whole.exit_code, "each chained" in whole.output) == (0, True)
    database = connect(tmp_path / "data" / "tollway.db")
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    database.execute("UPDATE audit SET previous = 'x' WHERE seq = 2")
    database.close()
    async with gateway(tmp_path, file.read_text().replace("{", "{{").replace("}", "}}")) as caller:
        broken = await ask(caller, "audit", "verify")
        assert broken.exit_code == 1
        assert "Audit line 2" in broken.stderr


async def test_the_log_says_by_how_much_a_limit_was_raised_and_windows_as_they_are_written(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        await caller.chat()
        raised = await ask(caller, "budgets", "increase", "company", "5")
        assert raised.exit_code == 0, raised.stderr
        file = tmp_path / "tollway.yaml"
        file.write_text(file.read_text().replace("period: month, timezone: UTC", "period: week, timezone: UTC"))
        await caller.admin("/api/v1/reload", method="POST")
        listed = (await ask(caller, "audit", "log")).output
        assert "added: $5.00 until 20" in listed
        assert "window: {period: month, timezone: UTC} → {period: week, timezone: UTC}" in listed
        spent = dollars(caller.bill.total)
    offline = await asyncio.to_thread(tell, tmp_path, "audit", "--offline")
    assert f"1 entries, {spent} US dollars (counted again for a changed budget; no spend)" in offline.output


def test_a_folder_without_a_store_is_told(tmp_path: Path) -> None:
    result = tell(tmp_path, "audit", "--offline")
    assert (result.exit_code, "There is no store in" in result.stderr) == (1, True)


async def test_the_log_of_a_stopped_gateway_is_verified_with_its_anchors(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        in_use = await asyncio.to_thread(tell, tmp_path, "audit", "verify", "--offline")
        assert (in_use.exit_code, "in use by another" in in_use.stderr) == (2, True)
        wrong = await ask(caller, "audit", "verify", "--key", "x")
        assert (wrong.exit_code, "are for --offline" in wrong.stderr) == (2, True)
        await caller.admin("/api/v1/budgets/company/freeze", {})
    whole = await asyncio.to_thread(tell, tmp_path, "audit", "verify", "--offline")
    assert whole.exit_code == 0, whole.stderr
    assert "each chained to the one before it" in whole.output and "Anchors: 2; the last of them signs" in whole.output
    database = connect(tmp_path / "data" / "tollway.db")
    database.execute("DROP TRIGGER audit_no_delete")
    database.execute("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    database.close()
    cut = await asyncio.to_thread(tell, tmp_path, "audit", "verify", "--offline")
    assert (cut.exit_code, "was cut off at the end: anchor 2 of" in cut.stderr) == (1, True)
    async with gateway(tmp_path) as caller:
        running = await ask(caller, "audit", "verify")
        assert (running.exit_code, "cut off" in running.stderr) == (1, True)
    nobody = await asyncio.to_thread(tell, tmp_path, "audit", "verify", "--url", "http://127.0.0.1:9")
    assert nobody.exit_code == 2
