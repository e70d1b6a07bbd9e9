import re
import socket
import subprocess
import sys


def test_the_demo_ends_with_a_refusal_and_a_bill_that_equals_the_ledger() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from tollway.cli import main; main()", "demo", "--once"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert re.search(
        r'429 budget_exceeded.*\nBudget "interns" (?:is exhausted|has too little left): \$0\.\d{2,} of \$0\.50 spent',
        done.stdout,
    ), done.stdout
    bill = re.search(r"fake provider's own bill: +\$([0-9.]+) for", done.stdout)
    ledger = re.search(r"gateway's ledger: +\$([0-9.]+)", done.stdout)
    assert bill is not None
    assert ledger is not None
    assert bill[1] == ledger[1]
    assert float(bill[1]) > 0
    assert "equal, to the nanodollar" in done.stdout
    assert "password" not in done.stdout


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", "from tollway.cli import main; main()", "demo", "--once", "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"port {port} cannot be listened on" in done.stderr
    assert "Traceback" not in done.stderr
