"""`tollway cache` against an admin API: what it asks and what it says."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tollway.cli.cache import megabytes
from tollway.cli.client import Client
from tollway.cli.commands import app

Run = Callable[..., Result]

COUNTS = {"entries": 2, "bytes": 1_572_864, "hits": 1_234, "misses": 5, "saved_usd": "1.5", "unpriced_hits": 0}
SHOWN: dict[str, Any] = COUNTS | {
    "at": "2026-07-01T12:00:00.000Z",
    "limit_bytes": 1_073_741_824,
    "evicted": 7,
    "gateways": [
        COUNTS | {"gateway": "apps", "ttl_s": 3_600, "scope": "team", "by_headers": True},
        COUNTS | {"gateway": "closed", "ttl_s": 0, "scope": "user", "by_headers": False},
    ],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []

    def answer(_: Client, path: str, given: Any = None) -> Any:
        calls.append(path)
        return given

    monkeypatch.setattr(Client, "get", lambda self, path: answer(self, path, SHOWN))
    monkeypatch.setattr(
        Client, "delete", lambda self, path: answer(self, path, {"purged": 1_200, "warnings": ["Careful."]})
    )
    return calls


@pytest.fixture
def run() -> Run:
    def run_it(*words: str) -> Result:
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["cache", *words, "--token", "t" * 16])

    return run_it


def test_what_is_kept_is_shown_by_gateway(asked: list[str], run: Run) -> None:
    result = run("show")
    assert result.exit_code == 0, result.output
    assert asked == ["/api/v1/cache"]
    for said in (
        "apps",
        "3,600 s",
        "teams",
        "1.5 MB",
        "1,234",
        "closed",
        "off",
        "nobody",
        "7 gave way",
        "1.5 US dollars",
    ):
        assert said in result.output
    assert "not known" not in result.output


def test_hits_without_a_price_are_told(asked: list[str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHOWN, "unpriced_hits", 3)
    assert "What 3 hits saved is not known" in run("show").output


def test_a_purge_asks_for_what_is_named(asked: list[str], run: Run) -> None:
    result = run("purge", "--gateway", "apps", "--key", "a b&c")
    assert result.exit_code == 0, result.output
    assert asked == ["/api/v1/cache?gateway=apps&key=a+b%26c"]
    assert "1,200 answers are gone." in result.output and "Careful." in result.output
    assert run("purge", "--all").exit_code == 0
    assert asked[1:] == ["/api/v1/cache"]


def test_a_purge_of_everything_has_to_be_said(asked: list[str], run: Run) -> None:
    for words in (["purge"], ["purge", "--all", "--provider", "openai"]):
        result = run(*words)
        assert result.exit_code == 2 and "or --all for every answer" in result.output
    assert asked == []


def test_sizes_are_told_in_megabytes() -> None:
    assert [megabytes(size) for size in (0, 60_000, 1_572_864, 2**40)] == [
        "0.0 MB",
        "0.1 MB",
        "1.5 MB",
        "1,048,576.0 MB",
    ]
