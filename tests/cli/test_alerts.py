"""`tollway alerts` against an admin API: what it asks and what it says."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tollway.cli.alerts import until_of
from tollway.cli.client import Client, Refused
from tollway.cli.commands import app

Run = Callable[..., Result]
ANSWERS: dict[str, Any] = {
    "/api/v1/alerts": {
        "items": [
            {"id": "0198-2", "at": "2026-07-01T12:00:00.000Z", "title": "each: 80% of the budget spent",
             "channels": ["ops", "mail", "pager"],
             "deliveries": [
                 {"channel": "mail", "state": "waiting", "attempts": 12},
                 {"channel": "ops", "state": "arrived", "attempts": 1},
                 {"channel": "pager", "state": "given_up", "attempts": 80},
             ]},
            {"id": "0198-1", "at": "2026-07-01T11:00:00.000Z", "title": "each: 50% of the budget spent", "channels": []},
        ],
        "next": "0198-1",
    },
    "/api/v1/alerts/snoozes": {"items": [{"target": "each", "until": "2026-07-01T16:00:00.000Z", "by": "alice"}]},
    "/api/v1/alerts/test": {"id": "0198-3", "channel": "ops", "arrived": True, "error": ""},
    "/api/v1/alerts/snooze": {"target": "each", "until": "2026-07-01T16:00:00.000Z", "by": "me"},
}  # fmt: skip


class Asked:
    """Answers as the API does; remembers what was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answers = dict(ANSWERS)

    def answer(self, path: str, given: Any) -> Any:
        self.calls.append((path, given))
        found = self.answers[path]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(Client, "get", lambda self, path, query=(): made.answer(path, dict(query)))
    monkeypatch.setattr(Client, "post", lambda self, path, body: made.answer(path, body))
    return made


@pytest.fixture
def run() -> Run:
    def run_it(*words: str) -> Result:
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["alerts", *words, "--token", "t" * 16])

    return run_it


def test_the_newest_alerts_are_listed(run: Run, asked: Asked) -> None:
    result = run("list", "--budget", "each", "--limit", "2")
    assert result.exit_code == 0, result.output
    assert "each: 80% of the budget spent" in result.output and "(kept only)" in result.output
    assert "ops: arrived, mail: waiting, 12 tries, pager: GIVEN UP after 80 tries" in result.output
    assert "There are more" in result.output
    assert asked.calls == [("/api/v1/alerts", {"limit": 2, "budget": "each"})]
    assert json.loads(run("list", "--json").output) == ANSWERS["/api/v1/alerts"]


def test_a_test_says_whether_it_arrived_and_ends_with_1_where_not(run: Run, asked: Asked) -> None:
    arrived = run("test", "ops")
    assert (arrived.exit_code, arrived.output.strip()) == (0, "The test has arrived at ops.")
    assert asked.calls == [("/api/v1/alerts/test", {"channel": "ops"})]
    asked.answers["/api/v1/alerts/test"] = {"arrived": False, "error": "status 500"}
    failed = run("test", "ops")
    assert failed.exit_code == 1 and "did not reach ops: status 500." in failed.output
    asked.answers["/api/v1/alerts/test"] = Refused(404, "channel_unknown", 'No channel "opps".')
    assert run("test", "opps").exit_code == 1


def test_a_snooze_is_for_a_length_of_time(run: Run, asked: Asked) -> None:
    result = run("snooze", "each", "--for", "2h", "--by", "me")
    assert result.exit_code == 0 and "not sent until 2026-07-01 16:00:00 UTC" in result.output
    ((path, body),) = asked.calls
    assert (path, body["target"], body["by"]) == ("/api/v1/alerts/snooze", "each", "me")
    left = datetime.fromisoformat(body["until"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)


def test_without_a_target_it_says_what_is_snoozed(run: Run, asked: Asked) -> None:
    result = run("snooze")
    assert "alice" in result.output and "2026-07-01 16:00:00 UTC" in result.output


def test_a_length_that_is_none_is_one_line_and_exit_code_1(run: Run, asked: Asked) -> None:
    result = run("snooze", "each", "--for", "soon")
    assert result.exit_code == 1
    assert result.output.strip() == "--for: 'soon' is no length of time; write 30m, 4h or 2d."
    assert asked.calls == []


@pytest.mark.parametrize(("length", "minutes"), [("0m", 0), ("90m", 90), ("4h", 240), ("2d", 2880)])
def test_lengths_are_minutes_hours_and_days(length: str, minutes: int) -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC)
    assert until_of(length, now) == now + timedelta(minutes=minutes)
