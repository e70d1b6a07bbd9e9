"""The options of `tollway logs`: each leads to one thing that is done."""

from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tollway.cli import logs_asked, questions
from tollway.cli.commands import app


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    calls: list[tuple[str, Any]] = []

    def note(name: str) -> Any:
        def do(_: Any, *given: Any, **options: Any) -> int:
            options.pop("confirm", None)
            calls.append((name, (*given, {k: v for k, v in options.items() if v not in (None, [], {})})))
            return 0

        return do

    for module, names in (
        (logs_asked, ("follow", "show_bodies", "remark", "erase")),
        (questions, ("show_log", "show_logs")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, note(name))
    return calls


def run(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["logs", *words])


@pytest.mark.parametrize(
    ("words", "name", "given"),
    [
        ((), "show_logs", {"limit": 20}),
        (("--limit", "5"), "show_logs", {"limit": 5}),
        (("r",), "show_log", "r"),
        (("r", "--body"), "show_bodies", "r"),
        (("r", "--good"), "remark", {"feedback": 1}),
        (("r", "--bad", "--note", "a=b"), "remark", {"feedback": -1, "notes": ["a=b"]}),
        (("r", "--score", "0.5"), "remark", {"score": 0.5}),
        (("-f", "--where", "user=bob"), "follow", {"where": ["user=bob"]}),
        (("--delete", "--all", "-y"), "erase", {"everything": True}),
        (("--delete", "--since", "2026-01-01"), "erase", {"since": "2026-01-01"}),
    ],
)
def test_each_option_leads_to_one_thing(
    done: list[tuple[str, Any]], words: tuple[str, ...], name: str, given: Any
) -> None:
    result = run(*words)
    assert result.exit_code == 0, result.output
    ((called, options),) = done
    assert called == name
    if isinstance(given, str):
        assert options[0] == given
    else:
        assert given.items() <= options[-1].items()


def test_filters_go_with_the_listing(done: list[tuple[str, Any]]) -> None:
    assert run("--status", "429", "--code", "budget_exceeded", "--text", "tax").exit_code == 0
    assert done[0][1][-1]["given"] == {"status": "429", "code": "budget_exceeded", "text": "tax"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--body",), "is of one request; give its id"),
        (("--good",), "is of one request; give its id"),
        (("r", "-f"), "is of many requests"),
        (("r", "--delete"), "is of many requests"),
        (("-f", "--delete"), "are different things; choose one"),
        (("r", "--body", "--bad"), "are different things; choose one"),
    ],
)
def test_what_does_not_go_together_is_refused(done: list[tuple[str, Any]], words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert result.exit_code == 2 and not done
    assert said in " ".join(result.output.replace("│", " ").split())
