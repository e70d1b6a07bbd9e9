"""`tollway statements` against an admin API: what it asks for and what it says."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tollway.cli.client import Client, Refused
from tollway.cli.commands import app

Run = Callable[..., Result]

PART = {
    "value": None, "attempts": 1_234, "unpriced": 2, "usage_usd": "1.5", "presumed_usd": "0.25", "adjustments_usd": "-1",
    "total_usd": "0.75",
}  # fmt: skip
FROZEN = {
    "month": "2026-10", "by": "team", "timezone": "Europe/Berlin", "frozen_at": "2026-11-03T10:00:00.000Z", "frozen_by": "ada",
    "word": "Closed.", "statements": 3, "total_usd": "0.75", "through": 9_876, "hash": "ab" * 32, "warnings": ["Careful."],
}  # fmt: skip
MONTH = {
    "month": "2026-10", "timezone": "Europe/Berlin", "from": "", "to": "", "by": "team", "state": "frozen", "frozen": FROZEN,
    "through": 9_876, "rows": [PART | {"value": "ml"}, PART], "total": PART, "notes": ["Another zone."],
}  # fmt: skip
LINE = {"provider": "openai", "model": "gpt-5", "meter": "input", "quantity": 1_000, "amount_usd": "1.5"}
ONE = {
    "month": "2026-10", "timezone": "UTC", "by": "team",
    "statements": [{
        "value": "ml", "total": PART, "lines": [LINE], "presumed": [LINE | {"meter": "presumed", "quantity": 0}],
        "adjustments": [{"amends": "2026-09", "word": None, "kind": "correction", "amount_usd": "-1"}],
    }],
}  # fmt: skip
BOOKED = {
    "entry": "adjustment-7.1.credit", "amount_usd": "-2.5", "charged_in": "2026-11", "accounts": ["company"], "warnings": ["Moved."],
}  # fmt: skip


class Asked(list[Any]):
    """What was asked for."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    calls = Asked()

    def get(_: Client, path: str, query: Any = ()) -> Any:
        calls.append((path, {name: value for name, value in dict(query).items() if value is not None}))
        if path.endswith("/frozen"):
            return {"items": [FROZEN]}
        return ONE if path.endswith("/document") else MONTH

    def post(_: Client, path: str, body: Any, *, timeout_s: float = 0, actor: str | None = None) -> Any:
        calls.append((path, {name: value for name, value in body.items() if value is not None}, actor))
        return BOOKED if path.endswith("/adjustments") else FROZEN

    def download(_: Client, path: str, query: Sequence[tuple[str, str]], target: io.BytesIO) -> int:
        calls.append((path, dict(query)))
        if dict(query)["format"] == "doc":
            raise Refused(400, "parameter_invalid", "format: no.")
        return target.write(b"%PDF-")

    monkeypatch.setattr(Client, "get", get)
    monkeypatch.setattr(Client, "post", post)
    monkeypatch.setattr(Client, "download", download)
    return calls


@pytest.fixture
def run() -> Run:
    def run_it(*words: str) -> Result:
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["statements", *words, "--token", "t" * 16])

    return run_it


def test_a_month_is_shown_with_its_state_and_its_exact_total(asked: Asked, run: Run) -> None:
    result = run("show", "2026-10")
    assert result.exit_code == 0, result.output
    assert asked == [("/api/v1/statements", {"month": "2026-10", "by": "team"})]
    for said in (
        "Statements of 2026-10 by team, Europe/Berlin: frozen 2026-11-03 10:00:00 UTC by ada",
        "ml",
        "without a team",
        "1,234",
        "-$1.00",
        "Exact total: 0.75 US dollars, up to ledger entry 9,876.",
        "ab" * 32,
        "Another zone.",
    ):
        assert said in " ".join(result.output.split())


@pytest.mark.parametrize(("state", "said"), [("open", "over, not frozen"), ("running", "not over")])
def test_a_month_that_is_not_frozen_says_so(
    asked: Asked, run: Run, monkeypatch: pytest.MonkeyPatch, state: str, said: str
) -> None:
    monkeypatch.setitem(MONTH, "state", state)
    monkeypatch.setitem(MONTH, "frozen", None)
    assert said in run("show").output


def test_one_statement_is_shown_by_model_and_meter(asked: Asked, run: Run) -> None:
    result = run("show", "--value", "ml", "--by", "team")
    assert result.exit_code == 0, result.output
    assert asked[-1] == ("/api/v1/statements/2026-10/document", {"by": "team", "value": "ml", "format": "json"})
    for said in (
        "openai/gpt-5",
        "Input tokens",
        "1,000",
        "Presumed",
        "adjusts 2026-09",
        "correction",
        "2 answers have no known price",
    ):
        assert said in result.output


def test_frozen_months_are_listed(asked: Asked, run: Run) -> None:
    result = run("list", "--by", "team")
    assert asked == [("/api/v1/statements/frozen", {"by": "team"})]
    for said in ("2026-10", "Europe/Berlin", "ada", "Closed.", "$0.75"):
        assert said in result.output


def test_a_freeze_says_why_and_who(asked: Asked, run: Run) -> None:
    result = run("freeze", "2026-10", "--word", "Closed.", "--actor", "ada", "--timezone", "Europe/Berlin")
    body = {"by": "team", "word": "Closed.", "timezone": "Europe/Berlin"}
    assert asked == [("/api/v1/statements/2026-10/freeze", body, "ada")]
    assert "2026-10 by team is frozen: 3 statements, 0.75 US dollars, Europe/Berlin." in result.output
    assert "Careful." in result.output


def test_a_freeze_without_a_reason_is_not_asked_for(asked: Asked, run: Run) -> None:
    assert run("freeze", "2026-10").exit_code == 2
    assert asked == []


def test_a_document_is_written_as_a_whole(asked: Asked, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "ml.pdf"
    result = run("download", "2026-10", "--value", "ml", "-o", str(target))
    assert result.exit_code == 0, result.output
    assert asked == [("/api/v1/statements/2026-10/document", {"by": "team", "format": "pdf", "value": "ml"})]
    assert target.read_bytes() == b"%PDF-"
    assert list(tmp_path.iterdir()) == [target]


def test_a_document_that_cannot_be_had_leaves_no_file(asked: Asked, run: Run, tmp_path: Path) -> None:
    result = run("download", "2026-10", "--format", "doc", "-o", str(tmp_path / "x.doc"))
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []
    assert run("download", "2026-10", "-o", str(tmp_path / "none" / "x.pdf")).exit_code == 1


def test_a_file_without_a_name_has_that_of_its_statement(
    asked: Asked, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("download", "2026-10")
    run("download", "2026-10", "--value", "../a b", "--format", "csv")
    assert {path.name for path in tmp_path.iterdir()} == {"statement-2026-10-all.pdf", "statement-2026-10-..-a-b.csv"}


def test_an_adjustment_is_booked_with_its_reason(asked: Asked, run: Run) -> None:
    result = run("adjust", "ml", "--amount", "-2.50", "--word", "Outage", "--id", "7", "--month", "2026-10")
    body = {"by": "team", "value": "ml", "amount_usd": "-2.50", "word": "Outage", "month": "2026-10", "id": "7"}
    assert asked == [("/api/v1/statements/adjustments", body, None)]
    assert "in the statement of 2026-11, and counts on company." in result.output
    assert "Moved." in result.output
