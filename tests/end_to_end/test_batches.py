"""Batches by the official SDKs, unchanged but for base URL and key, against an account that keeps a bill."""

import io
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from batch_provider import Account, account_served
from gateway import KEY, RunningGateway

OTHER, POOR = "a-gateway-key-of-another", "a-gateway-key-of-the-poor"
DOLLAR = 1_000_000_000
NAMES = ("a", "bb", "fail-1", "expire-1", "ccc")


class Running:
    """A gateway and its account."""

    def __init__(self, gateway: RunningGateway, account: Account, url: str) -> None:
        self.gateway = gateway
        self.account = account
        self.url = url
        """Of the account."""

    def spent(self) -> int:
        (company,) = [item for item in self.gateway.admin("/budgets")["items"] if item["name"] == "company"]
        return int(Decimal(company["accounts"][0]["spent_usd"]) * DOLLAR) if company["accounts"] else 0

    def spent_at_last(self, amount: int) -> bool:
        """Whether `amount` is what is spent, a moment after an answer at the latest."""
        for _ in range(100):
            if self.spent() == amount:
                return True
            threading.Event().wait(0.02)
        return False

    def audit(self) -> None:
        status = self.gateway.admin("/status?verify=true")
        assert status["store"]["verified"] and status["store"]["differences"] == []
        assert status["open_reservations"] == 0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with account_served() as (url, account):
        settings: dict[str, Any] = {
            "providers": {
                "openai": {"base_url": f"{url}/v1", "api_key": "sk-provider"},
                "anthropic": {"base_url": url, "api_key": "sk-provider"},
            },
            "keys": [
                {"name": "tests", "secret": KEY, "user": "tests"},
                {"name": "other", "secret": OTHER, "user": "other"},
                {"name": "poor", "secret": POOR, "user": "poor"},
            ],
            "budgets": [
                {"name": "company", "limit": "1", "window": {"period": "total"}},
                {"name": "poor", "limit": "0.0001", "window": {"period": "total"}, "where": {"user": "poor"}},
            ],
        }
        gateway = RunningGateway(settings, tmp_path).start()
        try:
            yield Running(gateway, account, url)
        finally:
            gateway.kill()


def anthropic_client(running: Running, key: str = KEY, path: str = "/anthropic") -> Any:
    import anthropic

    return anthropic.Anthropic(base_url=f"{running.gateway.url}{path}", api_key=key, max_retries=0)


def openai_client(running: Running, key: str = KEY, path: str = "/openai/v1") -> Any:
    import openai

    return openai.OpenAI(base_url=f"{running.gateway.url}{path}", api_key=key, max_retries=0)


def requests(*names: str) -> list[Any]:
    params = {"model": "claude-haiku-4-5", "max_tokens": 200, "messages": [{"role": "user", "content": "hi"}]}
    return [{"custom_id": name, "params": params} for name in names]


def lines(*names: str) -> tuple[str, io.BytesIO]:
    body = {"model": "gpt-4o-mini", "max_tokens": 200, "messages": [{"role": "user", "content": "hi"}]}
    made = [{"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body} for name in names]
    return "input.jsonl", io.BytesIO(b"\n".join(json.dumps(line).encode() for line in made))


def test_anthropics_batch_is_made_followed_read_cancelled_and_deleted(running: Running) -> None:
    import anthropic

    with anthropic_client(running) as client, anthropic_client(running, OTHER, "") as other:
        batch = client.messages.batches.create(requests=requests(*NAMES))
        bound = running.spent()
        assert batch.processing_status == "in_progress" and bound > running.account.bill
        assert client.messages.batches.cancel(batch.id).id == batch.id
        running.account.finished = True
        assert client.messages.batches.retrieve(batch.id).processing_status == "ended"
        with pytest.raises(anthropic.NotFoundError):
            other.messages.batches.results(batch.id)
        with pytest.raises(anthropic.ConflictError):
            client.messages.batches.delete(batch.id)
        assert running.spent() == bound
        for _ in range(2):
            kinds = [line.result.type for line in client.messages.batches.results(batch.id)]
            assert kinds == ["succeeded", "succeeded", "errored", "expired", "succeeded"]
            assert running.spent_at_last(running.account.bill)
        assert client.messages.batches.delete(batch.id).id == batch.id
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.list()
    running.audit()


def test_a_batch_above_what_is_left_is_refused_to_either_sdk(running: Running) -> None:
    import anthropic
    import openai

    with anthropic_client(running, POOR, "") as client, pytest.raises(anthropic.RateLimitError) as refused:
        client.messages.batches.create(requests=requests(*NAMES))
    assert refused.value.body["error"]["tollway"]["budget"] == "poor"
    with openai_client(running, POOR, "/v1") as client:
        file = client.files.create(file=lines(*(str(number) for number in range(9))), purpose="batch")
        with pytest.raises(openai.RateLimitError):
            client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert running.account.bill == 0 and running.spent() == 0
    running.audit()


@pytest.mark.parametrize("path", ["/openai/v1", "/v1"])
def test_openais_batch_is_made_of_a_file_followed_read_and_its_files_deleted(running: Running, path: str) -> None:
    import openai

    with openai_client(running, KEY, path) as client, openai_client(running, OTHER, path) as other:
        file = client.files.create(file=lines(*NAMES), purpose="batch")
        assert client.files.retrieve(file.id).id == file.id
        assert len(client.files.content(file.id).text.splitlines()) == len(NAMES)
        made = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        with pytest.raises(openai.NotFoundError):
            other.batches.create(**made)
        batch = client.batches.create(**made)
        bound = running.spent()
        assert bound > running.account.bill > 0
        assert client.batches.cancel(batch.id).id == batch.id
        running.account.finished = True
        done = client.batches.retrieve(batch.id)
        for ask in (other.batches.retrieve, other.batches.cancel):
            with pytest.raises(openai.NotFoundError):
                ask(batch.id)
        for name in (file.id, done.output_file_id, done.error_file_id):
            for ask in (other.files.retrieve, other.files.content, other.files.delete):
                with pytest.raises(openai.NotFoundError):
                    ask(name)
        assert len(client.files.content(done.error_file_id).text.splitlines()) == 2
        assert running.spent() == bound
        assert len(client.files.content(done.output_file_id).text.splitlines()) == 3
        assert running.spent_at_last(running.account.bill)
        for name in (file.id, done.output_file_id, done.error_file_id):
            assert client.files.delete(name).deleted
        for ask in (client.batches.list, client.files.list):
            with pytest.raises(openai.NotFoundError):
                ask()
        with pytest.raises(openai.BadRequestError):
            client.files.create(file=lines("a"), purpose="user_data")
    running.audit()


def test_a_killed_gateway_still_knows_whose_a_batch_is_and_settles_it(running: Running) -> None:
    with anthropic_client(running) as client:
        batch = client.messages.batches.create(requests=requests(*NAMES))
    bound = running.spent()
    running.gateway.kill()
    running.gateway.start()
    assert running.spent() == bound
    running.account.finished = True
    with anthropic_client(running) as client:
        assert len(list(client.messages.batches.results(batch.id))) == len(NAMES)
    assert running.spent_at_last(running.account.bill)
    running.gateway.kill()
    running.gateway.start()
    assert running.spent() == running.account.bill
    running.audit()


def test_a_batch_whose_caller_hung_up_while_it_was_made_is_known_and_settled(running: Running) -> None:
    body = json.dumps({"requests": requests("slow", "a")}).encode()
    host, _, port = running.gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(
            b"POST /anthropic/v1/messages/batches HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
            b"x-api-key: %s\r\ncontent-length: %d\r\n\r\n%s" % (KEY.encode(), len(body), body)
        )
        # Gone once the provider has it, and before it answers.
        threading.Event().wait(0.2)
    for _ in range(100):
        if running.spent() > 0:
            break
        threading.Event().wait(0.05)
    running.account.finished = True
    with anthropic_client(running) as client:
        assert len(list(client.messages.batches.results("msgbatch_0"))) == 2
    assert running.spent_at_last(running.account.bill)
    running.audit()


def test_results_that_break_off_settle_nothing_and_whole_ones_do(running: Running) -> None:
    with anthropic_client(running) as client:
        batch = client.messages.batches.create(requests=requests(*NAMES))
        bound = running.spent()
        running.account.finished = True
        urllib.request.urlopen(urllib.request.Request(f"{running.url}/break/300", method="POST"), timeout=10).close()
        with pytest.raises(Exception):  # noqa: B017
            list(client.messages.batches.results(batch.id))
        running.gateway.admin("/status")
        assert running.spent() == bound
        assert len(list(client.messages.batches.results(batch.id))) == len(NAMES)
    assert running.spent_at_last(running.account.bill)
    running.audit()
