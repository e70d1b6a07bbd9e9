"""Installs Debian's Chromium for the browser tests, where no browser is there and this may be done.

Without it those tests are skipped and say so; nothing else needs a browser. Exits 0 either way.
"""

import os
import shutil
import subprocess

BROWSERS = ("chromium", "google-chrome")
"""What `tests/browser` can drive."""


def wanted() -> list[list[str]] | str:
    """The commands that install it; or why there is nothing to do, or nothing that can be done."""
    found = next((name for name in BROWSERS if shutil.which(name)), None)
    if found is not None:
        return f"{found} is there"
    if shutil.which("apt-get") is None:
        return "there is no apt-get here: install Chromium or Chrome yourself"
    if os.geteuid() == 0:
        by: list[str] = []
    elif shutil.which("sudo") is not None and _silent(["sudo", "-n", "true"]):
        by = ["sudo", "-n"]
    else:
        return "apt-get needs root: install Debian's chromium yourself"
    quiet = [*by, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    return [[*quiet, "update"], [*quiet, "install", "--no-install-recommends", "chromium"]]


def _silent(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def main() -> None:
    commands = wanted()
    if isinstance(commands, str):
        print(f"browser tests: {commands}")
        return
    for command in commands:
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            print(f"browser tests: {' '.join(command)} failed, so they are skipped.\n{ran.stderr[-2_000:]}")
            return
    print("browser tests: Chromium was installed")


if __name__ == "__main__":
    main()
