"""The shape of the code, tested: which row may import which, what the core may not contain, a test for every file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tollway"
TESTS = ROOT / "tests"

# Imports go upward only: a module may use its own row's folder and every row above (ARCHITECTURE.md).
ROWS: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"money", "clock", "ids", "sealing"}),
    frozenset({"match", "request", "usage", "identity"}),
    frozenset({"pricing", "ledger"}),
    frozenset(
        {
            "budgets",
            "policies",
            "providers",
            "translate",
            "logs",
            "alerts",
            "routes",
            "rates",
            "cache",
            "autorouting",
            "telemetry",
            "statements",
        }
    ),
    frozenset({"gateway"}),
    frozenset({"exports"}),
    frozenset({"snapshot"}),
    frozenset({"document"}),
    frozenset({"exchange", "storage"}),
    frozenset({"settings_file"}),
    frozenset({"proxy", "admin", "workers", "settings", "failpoints"}),
    frozenset({"running"}),
    frozenset({"cli", "app", "demo"}),
)
# Neighbours in one row that may not know each other.
APART = [("exchange", "storage"), ("proxy", "workers")]
PURE = {
    "money", "errors", "sealing", "match", "request", "usage", "identity", "pricing", "ledger", "policies",
    "routes", "rates", "cache", "budgets", "statements",
    "providers", "translate", "logs", "alerts", "telemetry", "gateway", "snapshot", "document", "exchange",
}  # fmt: skip
# What would wait, read a clock, draw lots, or touch the world.
IMPURE_MODULES = {
    "asyncio", "socket", "ssl", "subprocess", "threading", "time", "random", "secrets", "os", "sqlite3", "apsw", "sqlalchemy",
    "uvicorn", "httptools", "urllib.request", "http.client", "logging", "tempfile", "shutil",
}  # fmt: skip
MONEY = {"money", "pricing", "budgets", "ledger", "exchange", "statements"}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "migrations/versions" not in path.as_posix())


def noun(path: Path) -> str:
    """The part of the tree a file belongs to: "pricing", "money"."""
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            if node.module == "tollway":
                yield from (f"tollway.{alias.name}" for alias in node.names)


def row_of(name: str) -> int:
    for number, row in enumerate(ROWS):
        if name in row:
            return number
    raise AssertionError(f"{name} stands in no row; add it to ROWS here and to ARCHITECTURE.md")


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_go_upward_only(path: Path) -> None:
    own = noun(path)
    if own in ("__init__", "__main__"):
        return
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "tollway" or len(parts) < 2 or parts[1] == own or parts[1].startswith("__"):
            continue
        assert row_of(parts[1]) <= row_of(own), f"{own} imports {name}, which lies below it"
        assert (own, parts[1]) not in APART and (parts[1], own) not in APART, f"{own} imports its neighbour {name}"


@pytest.mark.parametrize(
    "path", [path for path in modules() if noun(path) in PURE], ids=lambda path: path.relative_to(SOURCE).as_posix()
)
def test_the_core_neither_waits_nor_touches_the_world(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith), (
            f"line {node.lineno} waits"
        )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "input", "print"), f"line {node.lineno} touches the world"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in ("now", "today", "utcnow", "monotonic", "time_ns"), (
                f"line {node.lineno} reads a clock; `now` is an argument"
            )
    for name in imported(path):
        assert name not in IMPURE_MODULES, f"imports {name}"


@pytest.mark.parametrize(
    "path", [path for path in modules() if noun(path) in MONEY], ids=lambda path: path.relative_to(SOURCE).as_posix()
)
def test_no_float_stands_beside_money(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Name):
            assert node.id != "float" or _is_seconds(path, node.lineno), f"line {node.lineno} names float"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            assert _is_seconds(path, node.lineno), f"line {node.lineno} divides with /"
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            assert _is_seconds(path, node.lineno), f"line {node.lineno} has the float {node.value}"


def _is_seconds(path: Path, line: int) -> bool:
    """A length of time may be a float: its name ends in `_s` or `_S`, or it is divided by 1000."""
    text = path.read_text().splitlines()[line - 1]
    return "_s" in text.lower().replace("_s ", "_s") and "usd" not in text and "amount" not in text


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_every_source_file_has_a_test_file(path: Path) -> None:
    relative = path.relative_to(SOURCE)
    if path.name in ("__init__.py", "__main__.py") or relative.parts[:2] == ("storage", "migrations"):
        return
    own = TESTS / relative.parent / f"test_{path.name}"
    # A folder of files that are one thing from outside may be tested as that one thing.
    whole = (TESTS / relative.parent).with_name(f"test_{relative.parent.name}.py")
    assert own.exists() or whole.exists(), f"write {own.relative_to(ROOT)} (or {whole.relative_to(ROOT)})"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_file_stays_short_enough_to_be_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "begin with a docstring"


def test_no_path_of_a_machine_and_no_registry_stands_in_the_repository() -> None:
    import re
    import subprocess

    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    needles = re.compile(
        r"(?<![A-Za-z0-9_.])/(?:work|root|farm)/|pypi\.org/simple|files\.pythonhosted|registry\.npmjs|deb\.debian\.org"
    )
    for name in files:
        if name == "tests/test_tidy.py" or not (ROOT / name).is_file():
            continue
        found = needles.search((ROOT / name).read_text(errors="replace"))
        assert found is None, f"{name}: {found and found.group()}"
