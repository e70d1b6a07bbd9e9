"""The official SDKs, unchanged but for base URL and key: plain and streamed, answers and refusals."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway import KEY, RunningGateway, running
from replay import replaying, rows

ROWS = {row["id"]: row for row in rows()}
# A plain and a streamed answer of each API.
CHAT, CHAT_STREAM = "d0212", "d0217"
RESPONSES, RESPONSES_STREAM = "d0239", "d0253"
EMBEDDINGS = "d0228"
MESSAGES, MESSAGES_STREAM, COUNT = "d0015", "d0026", "d0003"
GEMINI, GEMINI_STREAM = "d0128", "d0133"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with replaying() as upstream:
        providers = {
            "openai": {"base_url": f"{upstream}/v1", "api_key": "sk-provider"},
            "anthropic": {"base_url": upstream, "api_key": "sk-provider"},
            "google": {"base_url": upstream, "api_key": "sk-provider"},
        }
        settings: dict[str, Any] = {
            "providers": providers,
            "keys": [
                {"name": "tests", "secret": KEY, "user": "tests@example.com"},
                {"name": "broke", "secret": "a-key-without-any-money", "user": "broke@example.com"},
            ],
            "budgets": [
                {"name": "watch", "limit": "1000", "window": {"period": "month"}, "mode": "monitor"},
                {"name": "nothing", "limit": "0", "window": {"period": "day"}, "where": {"user": "broke@example.com"}},
            ],
        }
        with running(settings, tmp_path_factory.mktemp("sdks")) as started:
            yield started


def asked(identifier: str) -> dict[str, Any]:
    """The recorded request of a row."""
    body = dict(ROWS[identifier]["request"])
    body.pop("stream", None)
    return body


def header(identifier: str) -> dict[str, str]:
    return {"x-replay-id": identifier}


class TestOpenAI:
    @pytest.fixture
    def client(self, gateway: RunningGateway) -> Iterator[Any]:
        import openai

        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY) as client:
            yield client

    @pytest.fixture
    def native(self, gateway: RunningGateway) -> Iterator[Any]:
        import openai

        with openai.OpenAI(base_url=f"{gateway.url}/openai/v1", api_key=KEY) as client:
            yield client

    def test_chat_on_the_unified_path_with_a_bare_model_name(self, client: Any) -> None:
        body = asked(CHAT)
        answer = client.chat.completions.create(
            model=body["model"], messages=body["messages"], extra_headers=header(CHAT)
        )
        assert answer.usage.total_tokens == 124
        assert answer.choices[0].message.content

    def test_chat_with_the_provider_in_the_models_name(self, client: Any) -> None:
        body = asked(CHAT)
        answer = client.chat.completions.with_raw_response.create(
            model=f"openai/{body['model']}", messages=body["messages"], extra_headers=header(CHAT)
        )
        assert answer.headers["tollway-cost-usd"] == "0.00002985"
        assert answer.headers["tollway-provider"] == "openai"
        assert "tollway-budget" not in answer.headers

    def test_chat_on_the_native_path_streamed(self, native: Any) -> None:
        body = asked(CHAT_STREAM)
        body["stream_options"] = {"include_usage": True}
        chunks = list(native.chat.completions.create(**body, stream=True, extra_headers=header(CHAT_STREAM)))
        assert chunks[-1].usage.completion_tokens == 8

    def test_the_usage_chunk_is_taken_out_again_for_a_caller_that_did_not_ask(
        self, native: Any, gateway: RunningGateway
    ) -> None:
        body = asked(CHAT_STREAM)
        body.pop("stream_options", None)
        answer = native.chat.completions.with_raw_response.create(
            **body, stream=True, extra_headers=header(CHAT_STREAM)
        )
        chunks = list(answer.parse())
        assert chunks and all(chunk.usage is None for chunk in chunks)
        assert all(chunk.choices for chunk in chunks)
        logged = gateway.logged(answer.headers["tollway-request-id"])
        assert logged["usage"]["output_tokens"] == 8
        assert logged["charge"]["basis"] == "metered"

    def test_responses(self, client: Any) -> None:
        body = asked(RESPONSES)
        answer = client.responses.create(model=body["model"], input=body["input"], extra_headers=header(RESPONSES))
        assert answer.usage.output_tokens == 1915

    def test_responses_streamed(self, client: Any) -> None:
        body = asked(RESPONSES_STREAM)
        events = list(
            client.responses.create(
                model=body["model"], input=body["input"], stream=True, extra_headers=header(RESPONSES_STREAM)
            )
        )
        assert events[-1].type == "response.completed"

    def test_embeddings(self, client: Any) -> None:
        body = asked(EMBEDDINGS)
        answer = client.embeddings.create(**body, extra_headers=header(EMBEDDINGS))
        assert answer.usage.prompt_tokens == 8

    def test_models(self, client: Any) -> None:
        names = [model.id for model in client.models.list()]
        assert "openai/gpt-4o-mini" in names
        assert client.models.retrieve("openai/gpt-4o-mini").owned_by == "openai"

    def test_a_refusal_is_the_sdks_own_error_and_is_not_retried(self, gateway: RunningGateway) -> None:
        import openai

        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="a-key-without-any-money") as client:
            with pytest.raises(openai.RateLimitError) as caught:
                client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
            error = caught.value
            assert error.code == "budget_exceeded"
            assert 'Budget "nothing" allows nothing' in str(error)
            assert error.response.headers["x-should-retry"] == "false"
            # A limit of nothing does not come back with time.
            assert "retry-after" not in error.response.headers
        gateway.logged(error.response.headers["tollway-request-id"])
        refusals = gateway.admin("/logs?user=broke@example.com&code=budget_exceeded")
        assert len(refusals["items"]) == 1, "the SDK asked once"

    def test_a_wrong_key_is_an_authentication_error(self, gateway: RunningGateway) -> None:
        import openai

        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-somebody-elses-key") as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.chat.completions.create(model="gpt-4o-mini", messages=[])
            assert caught.value.code == "credential_unknown"


class TestAnthropic:
    @pytest.fixture(params=["", "/anthropic"])
    def client(self, request: Any, gateway: RunningGateway) -> Iterator[Any]:
        import anthropic

        with anthropic.Anthropic(base_url=f"{gateway.url}{request.param}", api_key=KEY) as client:
            yield client

    def test_messages(self, client: Any) -> None:
        body = asked(MESSAGES)
        answer = client.messages.create(
            model=body["model"],
            max_tokens=body["max_tokens"],
            messages=body["messages"],
            extra_headers=header(MESSAGES),
        )
        assert answer.usage.output_tokens == 44

    def test_messages_streamed(self, client: Any) -> None:
        body = asked(MESSAGES_STREAM)
        with client.messages.stream(
            model=body["model"], max_tokens=100, messages=body["messages"], extra_headers=header(MESSAGES_STREAM)
        ) as stream:
            final = stream.get_final_message()
        assert final.usage.output_tokens == 12

    def test_count_tokens(self, client: Any) -> None:
        answer = client.messages.count_tokens(
            model="claude-opus-4-6", messages=[{"role": "user", "content": "hi"}], extra_headers=header(COUNT)
        )
        assert answer.input_tokens == 1581

    def test_models(self, gateway: RunningGateway) -> None:
        import anthropic

        with anthropic.Anthropic(base_url=gateway.url, api_key=KEY) as client:
            assert any(model.id.startswith("anthropic/claude") for model in client.models.list(limit=1000))

    def test_an_auth_token_is_taken_too(self, gateway: RunningGateway) -> None:
        import anthropic

        with anthropic.Anthropic(base_url=gateway.url, auth_token=KEY) as client:
            answer = client.messages.count_tokens(
                model="claude-opus-4-6", messages=[{"role": "user", "content": "hi"}], extra_headers=header(COUNT)
            )
            assert answer.input_tokens == 1581

    def test_a_refusal_is_the_sdks_own_error(self, gateway: RunningGateway) -> None:
        import anthropic

        with anthropic.Anthropic(base_url=gateway.url, api_key="a-key-without-any-money") as client:
            with pytest.raises(anthropic.RateLimitError) as caught:
                client.messages.create(
                    model="claude-opus-4-6", max_tokens=10, messages=[{"role": "user", "content": "hi"}]
                )
            assert caught.value.body["error"]["tollway"]["code"] == "budget_exceeded"


class TestGoogle:
    @pytest.fixture(params=["v1beta", "v1"])
    def client(self, request: Any, gateway: RunningGateway) -> Any:
        from google import genai

        return genai.Client(
            api_key=KEY, http_options={"base_url": gateway.url, "api_version": request.param, "headers": {}}
        )

    def config(self, identifier: str) -> Any:
        from google.genai import types

        return types.GenerateContentConfig(http_options=types.HttpOptions(headers=header(identifier)))

    def test_generate_content(self, client: Any) -> None:
        answer = client.models.generate_content(model="gemini-2.5-flash", contents="hi", config=self.config(GEMINI))
        assert answer.usage_metadata.prompt_token_count == 328

    def test_generate_content_streamed(self, client: Any) -> None:
        chunks = list(
            client.models.generate_content_stream(
                model="gemini-2.5-flash", contents="hi", config=self.config(GEMINI_STREAM)
            )
        )
        assert chunks[-1].usage_metadata.thoughts_token_count == 35

    def test_a_refusal_is_the_sdks_own_error(self, gateway: RunningGateway) -> None:
        from google import genai
        from google.genai import errors

        client = genai.Client(api_key="a-key-without-any-money", http_options={"base_url": gateway.url})
        with pytest.raises(errors.ClientError) as caught:
            client.models.generate_content(model="gemini-2.5-flash", contents="hi")
        assert caught.value.code == 429
        assert "allows nothing" in str(caught.value)


def test_neither_sides_credentials_cross(gateway: RunningGateway) -> None:
    """The replay provider keeps a journal of what reached it."""
    import json
    import urllib.request

    import openai

    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY) as client:
        answer = client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}], extra_headers=header(CHAT)
        )
    assert "sk-provider" not in str(answer.headers) + answer.text
    settings = json.loads(Path(gateway.config).read_text())
    upstream = settings["providers"]["anthropic"]["base_url"]
    with urllib.request.urlopen(f"{upstream}/__journal", timeout=10) as journal:
        seen = journal.read().decode()
    assert KEY not in seen
