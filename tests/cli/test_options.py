from typer.testing import CliRunner

from tollway.cli.commands import app
from tollway.cli.options import HELP
from tollway.settings import SETTINGS


def test_every_process_setting_has_a_help_text_with_its_variable() -> None:
    assert set(HELP) == {row.name for row in SETTINGS}
    assert all(row.environment in HELP[row.name] for row in SETTINGS)


def test_a_shared_option_means_the_same_at_every_command() -> None:
    for words in (["serve"], ["check"], ["prices", "show"], ["prices", "override"]):
        said = " ".join(CliRunner().invoke(app, [*words, "--help"]).output.split())
        assert f"--config FILE {HELP['config']}" in said, words
