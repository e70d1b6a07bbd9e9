"""The disk fills up under a running gateway: nothing acknowledged is lost, nothing new is promised, and it comes back.

Two ways to fill it: a limit on the length of files, which any user may set (writes fail with EFBIG, an input/output error
to SQLite), and a small file system in memory, which takes root (ENOSPC, SQLITE_FULL).
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gateway import RunningGateway
from town import Kind, amount, ask, assert_books_balance, bill, entries, provider, settings

REFUSED_WITHIN_S = 1.0
BACK_WITHIN_S = 5.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prlimit and tmpfs are Linux's")


class Disk:
    """How the disk of one gateway is filled, and emptied again."""

    def __init__(self, folder: Path, fill: Callable[[int], None], empty: Callable[[int], None]) -> None:
        self.folder = folder
        self.fill = fill
        self.empty = empty


def set_file_limit(process: int, limit: int) -> None:
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, hard))


@pytest.fixture(params=["file length", "file system"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "file length":
        # Python ignores SIGXFSZ, so a write beyond the limit fails and nobody dies.
        yield Disk(
            tmp_path,
            lambda process: set_file_limit(process, 0),
            lambda process: set_file_limit(process, resource.RLIM_INFINITY),
        )
        return
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system takes root")
    ballast = folder / "ballast"

    def fill(_: int) -> None:
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    try:
        yield Disk(folder, fill, lambda _: ballast.unlink())
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def ready(gateway: RunningGateway) -> int:
    try:
        with urllib.request.urlopen(f"{gateway.url}/ready", timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def metrics(gateway: RunningGateway) -> str:
    token = {"authorization": "Bearer an-admin-token-for-tests"}
    with urllib.request.urlopen(urllib.request.Request(f"{gateway.url}/metrics", headers=token), timeout=10) as answer:
        return answer.read().decode()


def until(holds: Callable[[], bool], within_s: float) -> float:
    """Seconds until something held."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s
        threading.Event().wait(0.02)
    return time.monotonic() - began


def test_a_full_disk_refuses_at_once_loses_nothing_and_comes_back(disk: Disk) -> None:
    with provider() as address:
        gateway = RunningGateway(settings(address), disk.folder)
        try:
            gateway.start()
            assert gateway.process is not None
            process = gateway.process.pid
            acknowledged = [f"before.{number}" for number in range(5)]
            for identifier in acknowledged:
                assert ask(gateway, "plain", identifier, 20)[0] == 200

            # Two streams of 4 s are under way: the hold of one covers it all, that of the other what comes soon.
            came: dict[str, tuple[int, bytes]] = {}

            def listen(kind: Kind) -> None:
                came[kind] = ask(gateway, kind, f"during.{kind}", 4000, pause_s=0.02)

            streams = [threading.Thread(target=listen, args=(kind,)) for kind in ("unmetered", "metered")]
            for stream in streams:
                stream.start()
            until(lambda: len(bill(address)["calls"]) == 7, 5)
            disk.fill(process)

            for attempt in range(3):
                began = time.monotonic()
                status, said = ask(gateway, "plain", f"full.{attempt}", 20)
                took_s = time.monotonic() - began
                assert status == 503, said
                assert json.loads(said)["error"]["code"] == "budget_store_unavailable"
                assert took_s < REFUSED_WITHIN_S
            assert ready(gateway) == 503
            assert "tollway_store_writable 0" in metrics(gateway)
            assert gateway.admin("/status")["store"]["ok"] is False
            for stream in streams:
                stream.join(20)
            # What is held may be used: all of the one, and of the other what was held when the disk filled up.
            assert came["unmetered"][0] == 200 and b"[DONE]" in came["unmetered"][1]
            assert came["metered"][0] == 200 and b"budget" in came["metered"][1].split(b"data:")[-1], came["metered"][
                1
            ][-300:]

            disk.empty(process)
            back_s = until(lambda: ask(gateway, "plain", f"after.{time.monotonic()}", 20)[0] == 200, BACK_WITHIN_S)
            assert back_s < BACK_WITHIN_S
            assert ready(gateway) == 200
            assert "tollway_store_writable 1" in metrics(gateway)
            assert_books_balance(gateway)
            compare(gateway, address, acknowledged)
            said_so = "\n".join(gateway.lines)
            assert "the store cannot be written" in said_so and "the store can be written again" in said_so
            gateway.kill()
            gateway.start()
            compare(gateway, address, acknowledged)
            assert gateway.stop() == 0
        finally:
            gateway.kill()


def compare(gateway: RunningGateway, address: str, acknowledged: list[str]) -> None:
    billed = bill(address)["by_id"]
    booked = {each["metadata"]["id"]: each for each in entries(gateway)}
    assert booked.keys() == billed.keys(), "sent without an entry, or the other way round"
    assert not [identifier for identifier in billed if identifier.startswith("full.")]
    for identifier in acknowledged:
        assert booked[identifier]["kind"] == "charge" and amount(booked[identifier]) == billed[identifier]
    assert all(amount(booked[identifier]) >= owed for identifier, owed in billed.items())


@pytest.mark.parametrize("disk", ["file length"], indirect=True)
def test_a_start_on_a_full_disk_says_why_it_cannot(disk: Disk) -> None:
    with provider() as address:
        gateway = RunningGateway(settings(address), disk.folder)
        try:
            gateway.start()
            stream = threading.Thread(target=ask, args=(gateway, "metered", "before", 3000))
            stream.start()
            until(lambda: len(bill(address)["calls"]) == 1, 5)
            gateway.kill()
            stream.join()
            disk.fill(os.getpid())
            gateway.url = ""
            try:
                with pytest.raises(AssertionError) as refusal:
                    gateway.start()
            finally:
                disk.empty(os.getpid())
            assert gateway.process is not None and gateway.process.returncode == 1
            assert "cannot be" in gateway.lines[-1] and "Traceback" not in str(refusal.value), str(refusal.value)
            gateway.start()
            assert_books_balance(gateway)
            assert gateway.stop() == 0
        finally:
            gateway.kill()


def test_a_folder_that_can_only_be_read_is_refused_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a file system that can only be read takes root")
    with provider() as address:
        gateway = RunningGateway(settings(address), folder)
        gateway.start()
        assert gateway.stop() == 0
        subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
            gateway.url = ""
            with pytest.raises(AssertionError, match="Read-only") as refusal:
                gateway.start()
            assert "Traceback" not in str(refusal.value)
        finally:
            gateway.kill()
            subprocess.run(["umount", "-l", str(folder)], check=True)


def sample(gateway: RunningGateway, name: str) -> int:
    (line,) = [line for line in metrics(gateway).splitlines() if line.startswith(f"{name} ")]
    return int(line.rpartition(" ")[2])


def test_budgets_that_allow_it_go_on_while_the_disk_is_full_and_every_dollar_is_written_later(disk: Disk) -> None:
    with provider() as address:
        document = settings(address)
        document["budgets"][0]["on_store_failure"] = "allow"
        gateway = RunningGateway(document, disk.folder)
        try:
            gateway.start()
            assert gateway.process is not None
            process = gateway.process.pid
            acknowledged = [f"before.{number}" for number in range(3)]
            for identifier in acknowledged:
                assert ask(gateway, "plain", identifier, 20)[0] == 200
            disk.fill(process)
            for number in range(4):
                acknowledged.append(f"without.{number}")
                assert ask(gateway, "plain", acknowledged[-1], 20)[0] == 200
            # A stream is raised beyond what was held for it at first.
            acknowledged.append("without.stream")
            status, said = ask(gateway, "metered", "without.stream", 4_000)
            assert status == 200 and b"[DONE]" in said, said[-300:]
            assert sample(gateway, "tollway_store_writable") == 0
            waiting = sample(gateway, "tollway_unwritten_waiting")
            assert 4 <= waiting <= sample(gateway, "tollway_unwritten_requests_total") <= 5
            assert ready(gateway) == 503

            disk.empty(process)
            until(lambda: sample(gateway, "tollway_store_writable") == 1, BACK_WITHIN_S)
            until(lambda: sample(gateway, "tollway_unwritten_waiting") == 0, BACK_WITHIN_S)
            assert any("went on while the store cannot be written" in line for line in gateway.lines)
            # Nobody says goodbye: what is in the books is on the disk.
            gateway.kill()
            gateway.start()
            assert_books_balance(gateway)
            compare(gateway, address, acknowledged)
        finally:
            gateway.kill()
