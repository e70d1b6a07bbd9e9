import os
import time
from pathlib import Path

from tests.admin.exposed import Exposed

from tollway.admin.metrics_process import machine_families
from tollway.telemetry.exposition import lines


def shown(proc: Path = Path("/proc")) -> Exposed:
    return Exposed("".join(lines(machine_families(proc), openmetrics=False)))


def test_the_process_is_told_as_prometheus_clients_do() -> None:
    found = shown()
    assert found.lints() == []
    assert 10_000_000 < found.value("process_resident_memory_bytes") <= found.value("process_virtual_memory_bytes")
    assert 3 <= found.value("process_open_fds") <= found.value("process_max_fds")
    assert abs(float(found.value("process_start_time_seconds")) - time.time()) < 86_400
    assert 0 < found.value("process_cpu_seconds_total") < 86_400


def test_open_files_are_counted() -> None:
    before = shown().value("process_open_fds")
    opened = os.open("/proc/self/stat", os.O_RDONLY)
    try:
        assert shown().value("process_open_fds") == before + 1
    finally:
        os.close(opened)


def test_what_a_system_does_not_tell_is_left_out(tmp_path: Path) -> None:
    assert shown(tmp_path).names() == {"process_cpu_seconds_total", "process_max_fds"}
