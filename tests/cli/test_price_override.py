import asyncio
import stat
from pathlib import Path

import pytest
from tests.admin.gateways import gateway
from typer.testing import CliRunner, Result

from tollway.cli import price_override
from tollway.cli.commands import app

TEXT = """\
providers:
  openai: {api_key: "env:A_VARIABLE_THAT_IS_NOT_SET"}  # theirs
keys:
  - {name: a, secret: "file:missing.key"}
"""
LINE = '  - {provider: openai, model: "gpt-4o", input: "2.5", output: "10", cache_read: "0.5"}'
WORDS = ("openai/gpt-4o", "--input", "2.5", "--output", "10", "--meter", "cache_read=0.5")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tollway.yaml"
    path.write_text(TEXT)
    return path


def run(config: Path, *words: str) -> Result:
    given = ["prices", "override", *words, "--config", str(config), "--data", str(config.parent / "data")]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, given)


def test_an_override_is_written_and_shown_as_a_change_and_needs_no_secret(config: Path) -> None:
    config.chmod(0o640)
    result = run(config, *WORDS)
    assert result.exit_code == 0, result.output
    assert f"+{LINE}" in result.output
    assert "SIGHUP" in result.output
    assert config.read_text() == f"{TEXT}prices:\n{LINE}\n"
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert [path.name for path in config.parent.iterdir()] == ["tollway.yaml"]
    again = run(config, *WORDS)
    assert again.exit_code == 0
    assert "says so already" in again.output


def test_a_dry_run_shows_the_change_and_writes_nothing(config: Path) -> None:
    result = run(
        config, "openai/gpt-4o*", "--discount", "15%", "--from", "2026-07-01", "--until", "2027-01-01", "--dry-run"
    )
    assert result.exit_code == 0
    assert 'discount: "15%", effective_from: "2026-07-01", effective_to: "2027-01-01"}' in result.output
    assert config.read_text() == TEXT


def test_what_is_removed_is_as_it_was_before(config: Path) -> None:
    assert run(config, "groq/*", "--free").exit_code == 0
    assert "free: true" in config.read_text()
    assert run(config, "groq/*", "--remove").exit_code == 0
    assert config.read_text() == TEXT


def test_a_link_stays_a_link(config: Path) -> None:
    link = config.parent / "link.yaml"
    link.symlink_to(config)
    assert run(link, *WORDS).exit_code == 0
    assert link.is_symlink()
    assert LINE in config.read_text()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("openai/gpt-4o", "--input", "2"), 2, 'it needs both "input" and "output"'),
        (("openai/gpt-4o", "--input", "2", "--output", "x"), 2, "is not an amount of US dollars"),
        (("openai/gpt-4o", "--discount", "15"), 2, 'write "15%"'),
        (("openai/gpt-4o", "--discount", "15%", "--input", "2"), 2, "leave out the amounts"),
        (("openai/gpt-4o", "--free", "--from", "July"), 2, "neither a date"),
        (("openai/gpt-4o", "--free", "--meter", "colour=1"), 1, 'there is no field "colour"'),
        (("openai/gpt-4o", "--free", "--meter", "model=x"), 1, "model is given twice"),
        (("openai/gpt-4o", "--input", "1", "--output", "1", "--meter", "input=2"), 1, "input is given twice"),
        (("openai/gpt-4o", "--free", "--meter", "context_window=0"), 1, "is not a number of tokens"),
        (("openai/gpt-4o", "--free", "--meter", "colour"), 1, "not of the form name=value"),
        (("openai/gpt-4o",), 2, "it names no amount"),
        (("openai", "--free"), 1, "not of the form PROVIDER/MODEL"),
        (("openai/gpt-4o", "--remove"), 1, "no price of exactly"),
        (("openai/gpt-4o", "--remove", "--free"), 1, "leave the amounts and dates out"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_writes_nothing(
    config: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    result = run(config, *words)
    assert result.exit_code == code
    assert said in result.output
    assert result.output.startswith("Nothing was written: ")
    assert len(result.output.strip().splitlines()) == 1
    assert config.read_text() == TEXT


def test_settings_that_are_wrong_elsewhere_are_left_alone(config: Path) -> None:
    config.write_text(TEXT + "budgets:\n  - {name: b, limit: x, window: {period: day}}\n")
    result = run(config, *WORDS)
    assert result.exit_code == 2
    assert LINE not in config.read_text()
    assert run(config.parent / "none.yaml", *WORDS).exit_code == 2


def test_a_file_that_changes_meanwhile_is_left_alone(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = price_override.price_settings

    def meanwhile(text: str) -> object:
        config.write_text(TEXT + "# someone else\n")
        return check(text)

    monkeypatch.setattr(price_override, "price_settings", meanwhile)
    result = run(config, *WORDS)
    assert result.exit_code == 1
    assert "changed meanwhile" in result.output
    assert config.read_text() == TEXT + "# someone else\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("openai/gpt-4o-mino", "--input", "1", "--output", "2"), "Near it: openai/gpt-4o-mini"),
        (("openai/gpt-4o", "--meter", "request=0.1"), "input, cache_read, output will be free"),
        (("opnai/gpt-4o", "--free"), 'Did you mean "openai"?'),
    ],
)
def test_what_is_probably_not_meant_is_written_with_a_warning(config: Path, words: tuple[str, ...], said: str) -> None:
    dry = run(config, *words, "--dry-run")
    assert dry.stderr.startswith("Warning: ")
    assert said in dry.stderr
    assert config.read_text() == TEXT
    result = run(config, *words)
    assert (result.exit_code, result.stderr) == (0, dry.stderr)
    assert words[0].partition("/")[2] in config.read_text()


def test_a_price_that_is_meant_has_no_warning(config: Path) -> None:
    assert run(config, *WORDS).stderr == ""
    assert run(config, "openai/gpt-4o", "--remove").stderr == ""


def test_a_read_only_file_is_left_alone(config: Path) -> None:
    config.chmod(0o444)
    result = run(config, *WORDS)
    assert result.exit_code == 1
    assert "is read-only; make it writable" in result.stderr
    assert config.read_text() == TEXT


async def test_a_running_gateway_takes_it_at_once(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        words = [*WORDS, "--reload", "--url", caller.url]
        result = await asyncio.to_thread(run, tmp_path / "tollway.yaml", *words)
        assert result.exit_code == 0, result.output
        assert "has it as revision 2" in result.output
        found = (await caller.admin("/api/v1/prices/openai/gpt-4o")).json
        assert found["override"] == "openai/gpt-4o"
        assert found["price"]["source"] == "settings"


def test_a_gateway_that_does_not_answer_is_told_apart_from_what_is_written(config: Path) -> None:
    result = run(config, *WORDS, "--reload", "--url", "http://127.0.0.1:9", "--token", "any-token-at-all")
    assert result.exit_code == 1
    assert "is written, but the gateway was not reloaded" in result.output
    assert LINE in config.read_text()
