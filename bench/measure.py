"""Starts a target, sends it one burst of load, and takes what the burst cost."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import processes
from targets import Target

CHUNKS_PER_SECOND = 50
BAD_SHARE = 0.001
"""More answers than this that are not 200, and the burst has failed."""
START_TIMEOUT_S = 120
AFTERWARDS_S = 0.3
"""Work put off until after the answer (ledger, log) is counted for this long after a burst."""


class Failed(Exception):
    """A target did not do what a burst asked; the message says what it did instead."""


@dataclass(frozen=True)
class Burst:
    """One kind of load. `body_kb` is the size of the request's body where it is not the usual 1 KB."""

    name: str
    mode: Literal["closed", "open", "sse"]
    connections: int
    seconds: float
    body_kb: int | None = None


BURSTS = (
    Burst("c1", "closed", 1, 0.7),
    Burst("c8", "closed", 8, 0.7),
    Burst("c64", "closed", 64, 1.2),
    Burst("open", "open", 64, 2.0),
    Burst("sse50", "sse", 50, 4.0),
    Burst("sse200", "sse", 200, 4.0),
    Burst("20kb", "closed", 16, 0.7, body_kb=20),
    Burst("200kb", "closed", 16, 0.7, body_kb=200),
)
WARM_UP = Burst("warm-up", "closed", 8, 0.5)


@dataclass(frozen=True)
class Cores:
    """Where things run: the gateway alone on one core, the fake provider and the load on another. None: not pinned."""

    gateway: int | None
    load: int | None


class Server:
    """A target's process tree. The direct target has none: the fake provider is already there."""

    def __init__(self, target: Target, folder: Path, cores: Cores) -> None:
        self.target = target
        self.folder = folder
        self.cores = cores
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> float:
        """Starts it and returns the milliseconds until it first answered a real request with 200. Raises Failed."""
        began = time.perf_counter()
        if self.target.command:
            self.process = _spawn(self.target.command, self.target.environment, self.folder, self.cores.gateway)
        last = "nothing"
        body = _body(self.target.model, 1)
        headers = {"authorization": f"Bearer {self.target.token}", "content-type": "application/json"}
        while time.perf_counter() - began < START_TIMEOUT_S:
            if self.process and self.process.poll() is not None:
                raise Failed(f"ended with {self.process.returncode} while starting: {self.last_words()}")
            try:
                status, answer = _ask(self.target.port, "POST", self.target.path, headers, body)
            except (OSError, http.client.HTTPException) as problem:
                last = repr(problem)
            else:
                if status == 200:
                    return (time.perf_counter() - began) * 1000
                last = f"{status} {answer[:200].decode(errors='replace')}"
            time.sleep(0.005)
        raise Failed(f"no 200 within {START_TIMEOUT_S} s of its start; last: {last}; log: {self.last_words()}")

    def stop(self) -> None:
        """Asks it to end, and makes it after ten seconds."""
        if self.process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                break
        self.process = None

    def tree(self) -> list[int]:
        return processes.tree(self.process.pid) if self.process else []

    def is_alive(self) -> bool:
        return not self.target.command or (self.process is not None and self.process.poll() is None)

    def last_words(self) -> str:
        """The end of its log, on one line."""
        log = (self.folder / "log.txt").read_text(errors="replace") if (self.folder / "log.txt").exists() else ""
        return " | ".join(log.strip().splitlines()[-3:])[-300:] or "(empty log)"

    def budgets_counted(self) -> int | None:
        """How many budgets say that money was spent on them; None if the target has no page that tells."""
        if not self.target.budgets_path:
            return None
        headers = {"authorization": f"Bearer {self.target.token}"}
        status, answer = _ask(self.target.port, "GET", self.target.budgets_path, headers, None)
        if status != 200:
            raise Failed(f"GET {self.target.budgets_path} answers {status}: {answer[:200]!r}")
        return sum(_is_spent(budget) for budget in _budgets_in(json.loads(answer)))


def run_burst(lg: Path, server: Server, burst: Burst, *, scale: float = 1.0) -> dict[str, Any]:
    """Sends one burst and returns lg's figures with `cpu_us` for each answer or chunk, and two shares in percent.

    `load_core_busy` is how full the core of the load was, `others_on_gateway_core` what others than the target took of
    its core. `scale` shortens or lengthens the burst.
    Raises Failed when more than BAD_SHARE of the answers are not 200, or the target ends.
    """
    target = server.target
    seconds = burst.seconds * scale * (target.stretch if burst.mode == "closed" else 1)
    command = [str(lg), burst.mode, str(target.port), str(burst.connections), f"{seconds:g}"]
    if burst.mode == "open":
        command.append(str(target.open_rate))
    elif burst.mode == "sse":
        command += [str(round(seconds * CHUNKS_PER_SECOND)), str(1_000_000 // CHUNKS_PER_SECOND)]
    environment = {
        "LG_PATH": target.stream_path if burst.mode == "sse" and target.stream_path else target.path,
        "LG_AUTH": target.token,
        "LG_MODEL": target.model,
    }
    if burst.body_kb:
        environment["LG_BODY"] = _body_file(server.folder, target.model, burst.body_kb)

    gateway_core, load_core = server.cores.gateway or 0, server.cores.load or 0
    before, core_before = processes.read_cpu(server.tree()), processes.core_times(gateway_core)
    load_before = processes.core_times(load_core)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60)
    load_after = processes.core_times(load_core)
    if target.command:
        time.sleep(AFTERWARDS_S)
    after, core_after = processes.read_cpu(server.tree()), processes.core_times(gateway_core)
    if not server.is_alive():
        raise Failed(f"its process ended during the burst: {server.last_words()}")
    if done.returncode:
        raise Failed(f"lg: {done.stderr.strip()[-300:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    if problem := problem_of(figures):
        raise Failed(f"{problem}; {done.stderr.strip()[:300]!r}")
    answered = figures["seen"] if burst.mode == "sse" else figures["done"] + figures["late"]
    if burst.mode == "sse":
        figures["delivered"] = figures["chunks_per_s"] / (burst.connections * CHUNKS_PER_SECOND)
    used_ns = processes.cpu_ns(before, after)
    busy, passed = core_after[0] - core_before[0], core_after[1] - core_before[1]
    return figures | {
        "cpu_ns": used_ns,
        "cpu_us": used_ns / 1000 / answered if answered and target.command else None,
        "load_core_busy": 100 * (load_after[0] - load_before[0]) / max(load_after[1] - load_before[1], 1),
        "others_on_gateway_core": max(0.0, 100 * (busy - used_ns / processes.TICK_NS) / max(passed, 1)),
    }


def problem_of(figures: dict[str, Any]) -> str | None:
    """What is wrong with the answers of a burst, or None. A stream that is slow is not wrong; a broken one is."""
    bad = figures["non200"] + figures["errs"]
    if figures["mode"] == "sse":
        asked, good = figures["streams"], figures["finished"]
    else:
        bad += figures["unanswered"]
        good = figures["done"] + figures["late"] - figures["non200"]
        asked = good + bad
    if not asked or (not good and figures["mode"] != "sse"):
        return "no request was answered"
    if bad / asked > BAD_SHARE:
        return (
            f"{bad:,} of {asked:,} went wrong: {figures['non200']:,} not 200, {figures['errs']:,} broken connections, "
            f"{figures.get('unanswered', 0):,} without an answer"
        )
    return None


def wait_until_quiet(servers: list[Server], *, busy_share: float = 0.25, at_most_s: float = 8.0) -> None:
    """Waits until the targets have finished what the last burst left them, so that it is not counted on the next."""
    everything = [process for server in servers for process in server.tree()]
    give_up = time.monotonic() + at_most_s
    while time.monotonic() < give_up:
        before = processes.read_cpu(everything)
        time.sleep(0.06)
        if processes.cpu_ns(before, processes.read_cpu(everything)) < busy_share * 0.06e9:
            return


def start_provider(binary: Path, port: int, *, chunks: int, folder: Path, core: int | None) -> subprocess.Popen[bytes]:
    """The fake provider, answering."""
    command = (str(binary), str(port), str(chunks), str(1_000_000 // CHUNKS_PER_SECOND))
    process = _spawn(command, {}, folder, core)
    for _ in range(200):
        with contextlib.suppress(OSError, http.client.HTTPException):
            if _ask(port, "GET", "/v1/models", {}, None)[0] == 200:
                return process
        time.sleep(0.01)
    raise Failed("the fake provider does not answer")


def _spawn(
    command: tuple[str, ...], environment: dict[str, str], folder: Path, core: int | None
) -> subprocess.Popen[bytes]:
    """A process in a group of its own, pinned, with nothing of our environment but where programs lie."""
    basic = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LANG": "C.UTF-8"}
    pinned = ("taskset", "-c", str(core), *command) if core is not None else command
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            pinned, cwd=folder, env=basic | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip


def _ask(port: int, method: str, path: str, headers: dict[str, str], body: str | None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _body(model: str, kilobytes: int) -> str:
    """A conversation of about that size, in messages of about 1 KB."""
    text = "Please summarise this paragraph and keep the names. " * 18
    messages = [{"role": ("user", "assistant")[turn % 2], "content": f"{turn}: {text}"} for turn in range(kilobytes)]
    return json.dumps({"model": model, "max_tokens": 256, "temperature": 0.2, "messages": messages})


def _body_file(folder: Path, model: str, kilobytes: int) -> str:
    path = folder / f"body-{kilobytes}kb.json"
    if not path.exists():
        path.write_text(_body(model, kilobytes))
    return str(path)


def _budgets_in(answer: Any) -> list[dict[str, Any]]:
    """The objects of an answer, at any depth, that say what was spent."""
    if isinstance(answer, list):
        return [found for item in cast("list[Any]", answer) for found in _budgets_in(item)]
    if not isinstance(answer, dict):
        return []
    fields = cast("dict[str, Any]", answer)
    here = [fields] if any(name.startswith("spent") for name in fields) else []
    return here + [found for value in fields.values() for found in _budgets_in(value)]


def _is_spent(budget: dict[str, Any]) -> bool:
    return any(float(value) > 0 for name, value in budget.items() if name.startswith("spent"))
