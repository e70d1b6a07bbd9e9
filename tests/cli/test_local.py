import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tollway.cli.commands import app
from tollway.identity.keys import is_well_formed

runner = CliRunner(env={"COLUMNS": "200"})


def test_help_names_every_command() -> None:
    result = runner.invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("serve", "demo", "init", "check", "keys", "spend", "budgets", "logs", "explain", "doctor"):
        assert command in result.output


def test_a_made_key_is_well_formed_and_never_the_same() -> None:
    made = {runner.invoke(app, ["keys", "make"]).output.strip() for _ in range(3)}
    assert len(made) == 3
    assert all(is_well_formed(key) for key in made)


def test_init_writes_settings_that_check_can_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-canary-secret-1")
    config = tmp_path / "tollway.yaml"
    made = runner.invoke(app, ["init", "--config", str(config)])
    assert made.exit_code == 0
    key_file = tmp_path / "first.key"
    assert is_well_formed(key_file.read_text().strip())
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert key_file.read_text().strip() not in config.read_text()

    checked = runner.invoke(app, ["check", "--config", str(config)])
    assert checked.exit_code == 0
    assert "  anthropic (" in checked.output
    assert "everyone: $10.00 (calendar day, UTC); refuses at the limit" in checked.output
    assert "canary" not in checked.output


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    for name in ("tollway.yaml", "first.key"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("mine")
        result = runner.invoke(app, ["init", "--config", str(folder / "tollway.yaml")])
        assert result.exit_code == 1
        assert "is there already" in result.output
        assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, "mine")]


def test_check_says_what_is_probably_not_meant(tmp_path: Path) -> None:
    config = tmp_path / "tollway.yaml"
    config.write_text(
        """
providers:
  openai: {api_key: "sk-literal-canary-secret"}
keys:
  - {name: alice, secret: "literal-canary-secret-1", user: alice@example.com, groups: [engineering]}
gateways:
  - {slug: open, authentication: none}
budgets:
  - {name: eng, gateway: default, limit: "5", window: {period: day}, where: {groups: [enginering], model: [openai/gpt-nope]}}
"""
    )
    result = runner.invoke(app, ["check", "--config", str(config)])
    assert result.exit_code == 0
    for said in (
        "providers.openai.api_key is written in the settings itself",
        'key "alice", secret is written in the settings itself',
        'no group "enginering" is known, so it counts nothing there. Did you mean "engineering"?',
        '"openai/gpt-nope" has no price',
        'Gateway "open" asks for no key',
        'No budget stops anything on gateway "open"',
    ):
        assert said in result.output
    assert "canary" not in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgets: [{name: a, limit: ten, window: {period: day}}]", "ten"),
        ("budgts: []", "budgts"),
        ("keys: [", "not YAML"),
        ("keys:\n  - {name: a, secret: 'env:TOLLWAY_TEST_NO_SUCH_VARIABLE'}", "TOLLWAY_TEST_NO_SUCH_VARIABLE"),
    ],
)
def test_settings_that_cannot_be_used_are_one_message_and_exit_code_2(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "tollway.yaml"
    config.write_text(text)
    for words in (
        ["check", "--config", str(config)],
        ["serve", "--config", str(config), "--data", str(tmp_path / "d")],
    ):
        result = runner.invoke(app, words)
        assert result.exit_code == 2, words
        assert said in result.output
        assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "http"], "--port"),
        (["--durability", "maybe"], "--durability"),
        (["--log-level", "loud"], "--log-level"),
    ],
)
def test_an_option_with_a_wrong_value_is_named(words: list[str], said: str) -> None:
    result = runner.invoke(app, ["serve", *words])
    assert result.exit_code == 2
    assert said in result.output


def test_doctor_without_anything_says_what_to_do_and_fails(tmp_path: Path) -> None:
    words = ["doctor", "--data", str(tmp_path / "none"), "--url", "http://127.0.0.1:9", "--token", "any-token-at-all"]
    result = runner.invoke(app, words)
    assert result.exit_code == 1
    assert "tollway init" in result.output
    assert "tollway serve" in result.output
