import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from tollway import __version__
from tollway.cli.commands import app

HEAVY = ("fastapi", "sqlalchemy", "alembic", "uvicorn", "apsw", "tollway.app", "tollway.admin")


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from tollway.cli.commands import app\n"
        "assert CliRunner().invoke(app, ['serve', '--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_version_is_said() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"tollway {__version__}\n"


def test_an_unknown_command_is_a_usage_error(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["spnd"]).exit_code == 2
