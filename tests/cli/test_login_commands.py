import pytest
from typer.testing import CliRunner

from tollway.cli.commands import app


@pytest.mark.parametrize("command", ["login", "logout", "whoami", "env", "token"])
def test_every_command_of_signing_in_is_there(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "--url" in result.output
