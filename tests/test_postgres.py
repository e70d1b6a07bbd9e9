"""The PostgreSQL that tests get: real, empty, theirs alone, and lost when they say so."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import asyncpg
import pytest
from tests.postgres import ROLE, VERSION, PostgresServer, installed, running_postgres, unprivileged, within_reach

PATIENCE_S = 30.0
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    # Where it has read that it is lost, and not yet the end of the stream.
    asyncpg.InternalClientError,
    OSError,
)
ROOT = Path(__file__).parent.parent


async def test_a_server_of_the_version_that_was_asked_for_answers_in_plain_utf8(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    assert connection.get_server_version().major == VERSION
    told = await connection.fetchrow(
        "SELECT current_user, current_setting('server_encoding'), datcollate, current_setting('synchronous_commit') "
        "FROM pg_database WHERE datname = current_database()"
    )
    assert tuple(told) == (ROLE, "UTF8", "C", "on")
    await connection.close()


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_a_database_is_empty_and_belongs_to_one_test(postgres_url: str, turn: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.execute("CREATE TABLE left_behind (x INT)")
    await connection.close()


async def test_who_owns_the_database_has_no_power_over_the_server(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE DATABASE another")
    await connection.close()


async def test_a_database_is_dropped_though_somebody_is_connected(postgres_server: PostgresServer) -> None:
    url = postgres_server.new_database()
    connection = await asyncpg.connect(url)
    postgres_server.drop_database(url)
    with pytest.raises(LOST):
        await connection.fetchval("SELECT 1")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)


async def test_connections_are_ended_and_those_of_other_databases_are_not(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    other_url = postgres_server.new_database()
    other = await asyncpg.connect(other_url)
    mine = [await asyncpg.connect(postgres_url) for _ in range(3)]
    assert postgres_server.connections(postgres_url) == 3
    assert postgres_server.disconnect(postgres_url) == 3
    assert postgres_server.connections(postgres_url) == 0
    for connection in mine:
        with pytest.raises(LOST):
            await connection.fetchval("SELECT 1")
    assert await other.fetchval("SELECT 1") == 1
    await other.close()
    postgres_server.drop_database(other_url)


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_server_that_was_stopped_is_started_on_its_port_with_what_was_committed(
    postgres_server: PostgresServer, postgres_url: str, at_once: bool
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE TABLE kept (x INT)")
    postgres_server.stop(at_once=at_once)
    assert not postgres_server.running
    with pytest.raises(LOST):
        await connection.fetchval("SELECT 1")
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(postgres_url)
    postgres_server.start()
    again = await asyncpg.connect(postgres_url)
    assert await again.fetchval("SELECT count(*) FROM kept") == 0
    await again.close()


@pytest.mark.parametrize("turn", ["takes it away", "finds it running"])
async def test_a_test_that_leaves_the_server_stopped_takes_it_from_nobody(
    postgres_server: PostgresServer, postgres_url: str, turn: str
) -> None:
    await (await asyncpg.connect(postgres_url)).close()
    postgres_server.stop()


async def test_a_silenced_server_answers_late_and_loses_nothing(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    with postgres_server.silenced(postgres_url):
        asking = asyncio.ensure_future(connection.fetchval("SELECT 7"))
        connecting = asyncio.ensure_future(asyncpg.connect(postgres_url))
        done, _ = await asyncio.wait([asking, connecting], timeout=0.05)
        assert not done
    assert await asyncio.wait_for(asking, PATIENCE_S) == 7
    await (await asyncio.wait_for(connecting, PATIENCE_S)).close()
    await connection.close()


def test_a_statement_that_is_wrong_says_so(postgres_server: PostgresServer) -> None:
    with pytest.raises(AssertionError, match='relation "nowhere" does not exist'):
        postgres_server.ask("SELECT * FROM nowhere")


def test_another_version_of_the_package_runs_beside_it(postgres_server: PostgresServer) -> None:
    other = 16 if VERSION != 16 else 18
    with running_postgres(other) as second:
        assert second.port != postgres_server.port
        assert second.ask("SHOW server_version")[0].startswith(f"{other}.")
    assert not second.running


def test_a_port_that_somebody_else_has_is_not_taken_for_an_answer(postgres_server: PostgresServer) -> None:
    with running_postgres() as second:
        second.stop()
        second.port = postgres_server.port
        with pytest.raises(AssertionError, match="could not bind"):
            second.start()
        assert not second.running


KILLED = """
import os, signal
from tests.postgres import running_postgres
with running_postgres() as server:
    print(server._cluster, server.port, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that watches")
def test_tests_that_are_killed_leave_neither_server_nor_files_behind() -> None:
    dead = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    cluster, port = dead.stdout.split()
    deadline = time.monotonic() + PATIENCE_S
    while Path(cluster).exists():
        assert time.monotonic() < deadline, "they stay"
        threading.Event().wait(0.01)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0


@pytest.mark.skipif(unprivileged() is None, reason="only root hands a server to somebody else")
def test_binaries_that_are_out_of_reach_are_copied_to_who_runs_them(tmp_path: Path) -> None:
    user, package = unprivileged(), installed(VERSION).parents[1]
    closed = tmp_path / "closed"
    shutil.copytree(installed(VERSION).parent, closed / package.name / installed(VERSION).parent.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    closed.chmod(0o700)
    out_of_reach = closed / package.name / installed(VERSION).parent.name / "bin"
    with within_reach(out_of_reach, user) as found:
        assert found != out_of_reach
        # It needs its libraries and its share of files.
        subprocess.run(
            [str(found / "initdb"), "--no-sync", "-D", str(found.parent / "made")],
            user=user,
            cwd="/",
            capture_output=True,
            check=True,
        )
    assert not found.exists()
