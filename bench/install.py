"""Finds or installs what a run needs: the two C tools, nginx, and each peer in a virtual environment of its own.

Everything that is built or downloaded lies under bench/build, except nginx, which is installed as a Debian package when
that is allowed. What cannot be had raises Unavailable with the reason; the run goes on without it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent


class Unavailable(Exception):
    """This target cannot be run here; the message says why."""


def tool(build: Path, name: str) -> Path:
    """The compiled `name`.c, compiled anew if its source is younger."""
    source, binary = SOURCES / f"{name}.c", build / name
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        _run(["cc", "-O2", "-Wall", "-Wextra", "-o", str(binary), str(source), "-lm"])
    return binary


def nginx(build: Path) -> Path:
    """The nginx binary: one on the machine, else Debian's package, installed by root or unpacked by anybody else."""
    unpacked = build / "nginx"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:{unpacked}/usr/sbin"
    if found := shutil.which("nginx", path=path):
        return Path(found)
    if not shutil.which("apt-get"):
        raise Unavailable("nginx is not installed and there is no apt-get")
    if os.geteuid() == 0:
        # RUNLEVEL=1 keeps the package from starting its service.
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        _run(["apt-get", "update", "-qq"], environment=quiet)
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx-light"], environment=quiet)
    else:
        unpacked.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", "nginx"], directory=unpacked)
        for package in unpacked.glob("nginx_*.deb"):
            _run(["dpkg", "-x", str(package), str(unpacked)])
    if found := shutil.which("nginx", path=path):
        return Path(found)
    raise Unavailable("nginx is still not found after installing it")


def peer(build: Path, name: str, requirements: tuple[str, ...]) -> tuple[Path, str]:
    """The folder of programs of a virtual environment with the peer, and its version.

    `requirements` are tried in order: the version the figures were first taken with, then whatever resolves.
    """
    folder, marker = build / name, build / name / "installed.txt"
    programs = folder / "bin"
    if not marker.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        for requirement in requirements:
            try:
                _run([str(programs / "pip"), "install", "-q", "--disable-pip-version-check", requirement])
            except Unavailable:
                if requirement == requirements[-1]:
                    raise
            else:
                marker.write_text(requirement + "\n")
                break
    code = f"import importlib.metadata; print(importlib.metadata.version({name!r}))"
    return programs, ask_python(programs / "python", code)


def ask_python(python: Path, code: str) -> str:
    """What `code` prints under that interpreter."""
    return _run([str(python), "-c", code]).strip()


def _run(command: list[str], *, directory: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """The output of a command; Unavailable, with its last words, if it fails."""
    try:
        done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Unavailable(f"{command[0]}: {problem}") from problem
    if done.returncode:
        words = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        raise Unavailable(f"{Path(command[0]).name} failed: {words[-1] if words else done.returncode}")
    return done.stdout
