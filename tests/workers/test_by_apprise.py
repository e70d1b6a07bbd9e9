"""Mail, by a real SMTP server; and processes that hang, end or talk nonsense."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP
from tests.workers.watched import NOW

from tollway.alerts import Channel, telling
from tollway.workers.by_apprise import ByApprise
from tollway.workers.webhook import Outcome

EVENT = telling.spent("team", name="team", start=5, percent=80, amount=8, limit=10, at=NOW, event_id="0198-7")


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content)
        return "250 OK"


@pytest_asyncio.fixture
async def mailbox() -> AsyncGenerator[tuple[Mailbox, int]]:
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    yield box, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_a_mail_arrives_with_the_events_id_and_the_process_is_used_again(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    url = f"mailto://127.0.0.1:{port}?from=tollway@example.com&to=ops@example.com&smtp=127.0.0.1"
    sender = ByApprise()
    try:
        refused = await sender.send(Channel("mail", "apprise", url), EVENT)
        assert not refused.arrived and "not a public address" in refused.said
        assert box.mails == []
        first = sender._processes["mail"]
        assert await sender.send(Channel("mail", "apprise", url, allow_private=True), EVENT) == Outcome(True)
        assert sender._processes["mail"] is first
    finally:
        await sender.aclose()
    (mail,) = box.mails
    message = message_from_bytes(mail)
    assert message["Subject"] == EVENT.title
    assert message["To"] == "ops@example.com"
    assert b"Event 0198-7" in mail


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(code: str) -> str:
        (tmp_path / "some_sender.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return "some_sender"

    return write


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time; time.sleep(60)", "did not take it within"),
        ("raise SystemExit(3)", "ended without a word"),
        ("print('hello', flush=True); input(); input()", "ended without a word"),
        ("print('{}', flush=True); input(); input()", "ended without a word"),
        ("print('x' * 200_000, flush=True); input(); input()", "ended without a word"),
    ],
)
async def test_a_process_that_does_not_answer_is_ended(code: str, said: str, module: Any) -> None:
    sender = ByApprise(timeout_s=0.5 if "sleep" in code else 20, module=module(code))
    try:
        outcome = await sender.send(Channel("mail", "apprise", "mailtos://me:s3cret@example.com"), EVENT)
    finally:
        await sender.aclose()
    assert not outcome.arrived and said in outcome.said
    assert "s3cret" not in outcome.said


async def test_no_secret_of_ours_is_in_its_environment_and_an_idle_one_ends(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-s3cret")
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.1:3128")
    code = (
        "import json,os; input(); print(json.dumps({'arrived': False, 'said': ' '.join(os.environ), 'final': False}))"
    )
    sender = ByApprise(module=module(code + "; import sys; sys.stdout.flush(); input()"), idle_s=0.01)
    outcome = await sender.send(Channel("mail", "apprise", "mailtos://example.com"), EVENT)
    process = sender._processes["mail"]
    await process.wait()
    await sender.aclose()
    assert "OPENAI_API_KEY" not in outcome.said and "HTTPS_PROXY" not in outcome.said
    assert "PYTHONPATH" in outcome.said


def test_a_gateway_whose_alerts_are_silent_has_not_loaded_apprise() -> None:
    code = "import sys, tollway.workers.alerts; print([name for name in sys.modules if name.startswith('apprise')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
