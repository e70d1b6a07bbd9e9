"""The SDKs of other providers, unchanged but for address and key: plain and streamed, answers and refusals."""

import gc
import json
import urllib.request
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gateway import KEY, RunningGateway, running
from replay import replaying, rows

ROWS = {row["id"]: row for row in rows()}
BROKE = "a-key-without-any-money"
SECRETS = {
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "a-secret-that-never-leaves",
    "co": "co-provider",
    "mi": "mi-provider",
}
REFERENCES = {name: f"file:{name}" for name in ("access_key_id", "secret_access_key")}
# Generated clients warn of their own code; nothing of ours is among these.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with replaying() as upstream:
        settings: dict[str, Any] = {
            "providers": {
                "aws-bedrock": {"base_url": upstream, "auth": {"type": "aws", "region": "us-east-1", **REFERENCES}},
                "cohere": {"base_url": upstream, "api_key": "file:co"},
                "mistral": {"base_url": f"{upstream}/v1", "api_key": "file:mi"},
                "ollama": {"base_url": upstream, "api_key": "none", "free": True},
            },
            "keys": [
                {"name": "tests", "secret": KEY, "user": "tests@example.com"},
                {"name": "broke", "secret": BROKE, "user": "broke@example.com"},
            ],
            "budgets": [
                {
                    "name": "watch",
                    "limit": "1000",
                    "window": {"period": "month"},
                    "mode": "monitor",
                    "on_unpriced": "count",
                },
                {"name": "nothing", "limit": "0", "window": {"period": "day"}, "where": {"user": "broke@example.com"}},
            ],
        }
        folder = tmp_path_factory.mktemp("provider-sdks")
        for name, secret in SECRETS.items():
            (folder / name).write_text(secret)
        with running(settings, folder) as started:
            started.upstream = upstream  # type: ignore[attr-defined]
            yield started


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Some of these clients cannot be closed; their sockets are let go of here and not in the middle of another test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def replaying_row(client: Any, identifier: str) -> None:
    """Several rows have the same prompt; the header picks one."""
    client.meta.events.register(
        "before-call.bedrock-runtime.*", lambda params, **_: params["headers"].update({"x-replay-id": identifier})
    )


def asked(identifier: str) -> dict[str, Any]:
    """The recorded request of a row."""
    return dict(ROWS[identifier]["request"])


def charged(gateway: RunningGateway, headers: Any) -> Any:
    found = {name.lower(): value for name, value in dict(headers).items()}
    return gateway.logged(found["tollway-request-id"])["charge"]


def cost_of(identifier: str) -> Decimal:
    return Decimal(str(ROWS[identifier]["expected"]["cost_usd"]))


class TestBedrock:
    @pytest.fixture
    def client(self, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> Any:
        return self.of(gateway, monkeypatch, KEY)

    def of(self, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, key: str) -> Any:
        # The gateway key stands where AWS's own access key would; what is sent to AWS, the gateway signs.
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        import boto3
        from botocore.config import Config

        return boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=f"{gateway.url}/aws-bedrock",
            aws_access_key_id=key,
            aws_secret_access_key="anything",
            config=Config(retries={"max_attempts": 0}),
        )

    def test_converse(self, gateway: RunningGateway, client: Any) -> None:
        replaying_row(client, "d0038")
        answer = client.converse(modelId="us.amazon.nova-micro-v1:0", **asked("d0038"))
        recorded = json.loads(ROWS["d0038"]["response"])
        assert answer["output"] == recorded["output"] and answer["usage"]["inputTokens"] > 0
        charge = charged(gateway, answer["ResponseMetadata"]["HTTPHeaders"])
        assert Decimal(charge["amount_usd"]) == cost_of("d0038")

    def test_converse_stream(self, gateway: RunningGateway, client: Any) -> None:
        replaying_row(client, "d0043")
        model = ROWS["d0043"]["url"].split("/model/")[1].split("/")[0]
        answer = client.converse_stream(modelId=model, **asked("d0043"))
        events = list(answer["stream"])
        assert events[-1]["metadata"]["usage"]["outputTokens"] > 0
        charge = charged(gateway, answer["ResponseMetadata"]["HTTPHeaders"])
        assert Decimal(charge["amount_usd"]) == cost_of("d0043")

    def test_invoke(self, gateway: RunningGateway, client: Any) -> None:
        answer = client.invoke_model(modelId="anthropic.claude-3-haiku-20240307-v1:0", body=json.dumps(asked("d0057")))
        assert answer["body"].read() == ROWS["d0057"]["response"].encode()
        assert Decimal(charged(gateway, answer["ResponseMetadata"]["HTTPHeaders"])["amount_usd"]) > 0

    def test_invoke_with_response_stream(self, gateway: RunningGateway, client: Any) -> None:
        answer = client.invoke_model_with_response_stream(
            modelId="anthropic.claude-3-sonnet-20240229-v1:0", body=json.dumps(asked("d0068"))
        )
        events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
        assert events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] > 0
        charge = charged(gateway, answer["ResponseMetadata"]["HTTPHeaders"])
        assert charge["basis"] == "metered" and Decimal(charge["amount_usd"]) > 0

    def test_the_gateway_signs_in_the_callers_place(self, gateway: RunningGateway, client: Any) -> None:
        client.converse(modelId="us.amazon.nova-micro-v1:0", **asked("d0038"))
        with urllib.request.urlopen(f"{gateway.upstream}/__journal") as journal:
            sent = json.loads(journal.read())[-1]
        headers = {name.lower(): value for name, value in dict(sent["headers"]).items()}
        assert {"x-amz-date"} <= headers.keys()
        assert KEY not in json.dumps(sent)

    def test_a_refusal_is_an_error_boto3_knows(self, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
        from botocore.exceptions import ClientError

        broke = self.of(gateway, monkeypatch, BROKE)
        for call in (broke.converse, broke.converse_stream):
            with pytest.raises(ClientError) as refused:
                call(modelId="us.amazon.nova-micro-v1:0", **asked("d0038"))
            assert refused.value.response["Error"]["Code"] == "ThrottlingException"
            assert 'Budget "nothing" allows nothing' in refused.value.response["Error"]["Message"]


class TestCohere:
    def client(self, gateway: RunningGateway, key: str = KEY) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import cohere

            return cohere.ClientV2(key, base_url=f"{gateway.url}/cohere")

    def test_chat(self, gateway: RunningGateway) -> None:
        body = asked("d0096")
        body.pop("stream")
        answer = self.client(gateway).chat(**body)
        assert answer.message.content[0].text
        assert answer.usage.billed_units.output_tokens == ROWS["d0096"]["expected"]["usage"]["output"]

    def test_chat_stream(self, gateway: RunningGateway) -> None:
        body = asked("d0097")
        body.pop("stream")
        events = list(self.client(gateway).chat_stream(**body))
        assert events[-1].type == "message-end"
        assert events[-1].delta.usage.billed_units.output_tokens == ROWS["d0097"]["expected"]["usage"]["output"]

    def test_a_refusal_has_its_status_and_its_words(self, gateway: RunningGateway) -> None:
        from cohere.core.api_error import ApiError

        body = asked("d0096")
        body.pop("stream")
        with pytest.raises(ApiError) as refused:
            self.client(gateway, BROKE).chat(**body, request_options={"max_retries": 0})
        assert refused.value.status_code == 429
        assert 'Budget "nothing" allows nothing' in str(refused.value.body)


class TestMistral:
    def client(self, gateway: RunningGateway, key: str = KEY) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mistralai.client import Mistral

            return Mistral(api_key=key, server_url=f"{gateway.url}/mistral")

    def test_chat(self, gateway: RunningGateway) -> None:
        body = asked("d0191")
        body.pop("stream")
        answer = self.client(gateway).chat.complete(**body)
        assert answer.usage.completion_tokens == ROWS["d0191"]["expected"]["usage"]["output"]

    def test_chat_stream(self, gateway: RunningGateway) -> None:
        body = asked("d0194")
        body.pop("stream")
        with self.client(gateway).chat.stream(**body) as events:
            last = list(events)[-1]
        assert last.data.usage.completion_tokens == ROWS["d0194"]["expected"]["usage"]["output"]

    def test_embeddings(self, gateway: RunningGateway) -> None:
        body = asked("d0195")
        answer = self.client(gateway).embeddings.create(model=body["model"], inputs=body["input"])
        assert answer.data[0].embedding

    def test_a_refusal_has_its_status_and_its_words(self, gateway: RunningGateway) -> None:
        body = asked("d0191")
        body.pop("stream")
        with pytest.raises(Exception, match="allows nothing") as refused:
            self.client(gateway, BROKE).chat.complete(**body)
        assert getattr(refused.value, "status_code", None) == 429


class TestOllama:
    def client(self, gateway: RunningGateway, key: str = KEY) -> Any:
        import ollama

        return ollama.Client(host=f"{gateway.url}/ollama", headers={"authorization": f"Bearer {key}"})

    def test_chat(self, gateway: RunningGateway) -> None:
        body = asked("d0172")
        answer = self.client(gateway).chat(model=body["model"], messages=body["messages"])
        assert answer.eval_count == ROWS["d0172"]["expected"]["usage"]["output"]

    def test_generate_stream(self, gateway: RunningGateway) -> None:
        body = asked("d0176")
        lines = list(self.client(gateway).generate(model=body["model"], prompt=body["prompt"], stream=True))
        assert lines[-1].done and lines[-1].eval_count == ROWS["d0176"]["expected"]["usage"]["output"]

    def test_a_server_that_bills_nobody_passes_where_there_is_no_money(self, gateway: RunningGateway) -> None:
        body = asked("d0172")
        assert self.client(gateway, BROKE).chat(model=body["model"], messages=body["messages"]).done


def test_nothing_of_a_secret_is_in_what_the_gateway_keeps(gateway: RunningGateway) -> None:
    for path in Path(gateway.data).rglob("*"):
        if path.is_file():
            kept = path.read_bytes()
            for secret in SECRETS.values():
                assert secret.encode() not in kept, f"{secret} is in {path.name}"
