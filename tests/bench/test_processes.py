import os
import subprocess
import sys
import threading

import processes
from processes import TICK_NS, CpuReading


def reading(threads, ticks):
    return CpuReading({(1, thread): ns for thread, ns in threads.items()}, {1: ticks})


def test_cpu_is_the_sum_over_threads_the_new_ones_in():
    before, after = reading({1: 5_000_000}, 0), reading({1: 9_000_000, 2: 1_000_000}, 0)
    assert processes.cpu_ns(before, after) == 5_000_000


def test_a_thread_that_has_ended_takes_nothing_back():
    assert processes.cpu_ns(reading({1: 5_000, 2: 900_000}, 3), reading({1: 7_000}, 3)) == 2_000


def test_the_work_of_threads_that_ended_is_known_from_the_ticks():
    assert processes.cpu_ns(reading({1: 0}, 100), reading({1: 1_000}, 200)) == 98 * TICK_NS


def test_our_own_work_is_seen():
    before = processes.read_cpu([os.getpid()])
    sum(range(3_000_000))
    assert processes.cpu_ns(before, processes.read_cpu([os.getpid()])) > 1_000_000


def test_the_work_of_another_thread_is_seen():
    before = processes.read_cpu([os.getpid()])
    ready, leave = threading.Event(), threading.Event()

    def work():
        sum(range(3_000_000))
        ready.set()
        leave.wait()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    after = processes.read_cpu([os.getpid()])
    leave.set()
    thread.join()
    assert any(key not in before.threads and ns > 1_000_000 for key, ns in after.threads.items())


def test_a_tree_has_its_children():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in processes.tree(os.getpid())
        assert processes.tree(child.pid) == [child.pid]
    finally:
        child.communicate(b"\n")


def test_memory_is_resident_and_no_less_than_the_proportional():
    resident, proportional = processes.memory_kb([os.getpid()])
    assert resident >= proportional > 1_000


def test_a_process_that_has_gone_counts_nothing():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert processes.read_cpu([child.pid]) == CpuReading({}, {})
    assert processes.memory_kb([child.pid]) == (0, 0)


def test_a_core_is_never_busier_than_time_passes():
    busy, passed = processes.core_times(sorted(os.sched_getaffinity(0))[0])
    assert 0 < busy < passed
