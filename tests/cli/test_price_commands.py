from typer.testing import CliRunner

from tollway.cli.commands import app


def test_help_names_every_command_about_prices() -> None:
    result = CliRunner().invoke(app, ["prices", "--help"])
    assert result.exit_code == 0
    for command in ("list", "show", "diff", "unpriced", "rerate", "override"):
        assert f"  {command} " in result.output


def test_an_override_takes_its_amounts_by_their_own_names() -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["prices", "override", "--help"])
    for option in ("--input", "--output", "--discount", "--free", "--from", "--until", "--remove", "--dry-run"):
        assert f"{option} " in result.output
