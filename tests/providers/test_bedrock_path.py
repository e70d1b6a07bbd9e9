"""The model and the action in Bedrock's paths."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.bedrock_path import (
    BedrockPath,
    classify_bedrock,
    is_free_bedrock,
    is_router,
    is_stored_prompt,
    model_id,
    parted,
    with_model,
    without_region,
)

ARN = "arn:aws:bedrock:us-east-1:123456789012:"
PROFILE = f"{ARN}inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/model/amazon.nova-lite-v1%3A0/converse", ("/model/", "amazon.nova-lite-v1:0", "converse")),
        ("/model/amazon.nova-lite-v1:0/invoke", ("/model/", "amazon.nova-lite-v1:0", "invoke")),
        ("/bedrock-runtime/eu-west-1/model/m/converse", ("/bedrock-runtime/eu-west-1/model/", "m", "converse")),
        (f"/model/{quote(PROFILE, safe='')}/converse-stream", ("/model/", PROFILE, "converse-stream")),
        (f"/model/{PROFILE}/count-tokens/?a=b", ("/model/", PROFILE, "count-tokens")),
        ("/model/m", None),
        ("/model//converse", None),
        ("/model/m/converse%2Fcount-tokens", None),
        ("/async-invoke", None),
        ("", None),
    ],
)
def test_a_path_names_a_model_and_an_action(path: str, parts: tuple[str, str, str] | None) -> None:
    assert parted(path) == (BedrockPath(*parts) if parts else None)


@pytest.mark.parametrize("action", ["converse", "converse-stream", "invoke", "invoke-with-response-stream"])
def test_only_two_actions_stream(action: str) -> None:
    parts = parted(f"/model/m/{action}")
    assert parts is not None
    assert parts.streams == action.endswith("stream")


@given(NAMES, NAMES)
def test_a_model_that_is_put_into_a_path_is_read_from_it_again(before: str, model: str) -> None:
    parts = parted(with_model(f"/model/{quote(before, safe='')}/converse", model))
    assert parts == BedrockPath("/model/", model, "converse")


@pytest.mark.parametrize(
    ("model", "bare", "without"),
    [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("us.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("us-gov.anthropic.claude-x", "us-gov.anthropic.claude-x", "anthropic.claude-x"),
        ("apac.anthropic.claude-x", "apac.anthropic.claude-x", "anthropic.claude-x"),
        ("global.anthropic.claude-x", "global.anthropic.claude-x", "anthropic.claude-x"),
        ("jp.anthropic.claude-x", "jp.anthropic.claude-x", "anthropic.claude-x"),
        ("au.anthropic.claude-x", "au.anthropic.claude-x", "anthropic.claude-x"),
        (PROFILE, PROFILE.partition("/")[2], "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("arn:aws:bedrock:eu-west-1::foundation-model/meta.llama3-8b", "meta.llama3-8b", "meta.llama3-8b"),
        ("arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/m.x", "m.x", "m.x"),
        *[
            (hidden, hidden, hidden)
            for hidden in (
                f"{ARN}application-inference-profile/abc123",
                f"{ARN}provisioned-model/abc",
                f"{ARN}imported-model/abc",
                f"{ARN}custom-model/anthropic.claude-3/abc",
                "arn:aws:sagemaker:us-east-1:123456789012:endpoint/mine",
            )
        ],
    ],
)
def test_an_arn_gives_the_id_where_it_contains_it(model: str, bare: str, without: str) -> None:
    assert (model_id(model), without_region(model)) == (bare, without)


def test_prompts_and_routers_are_told_by_their_arn() -> None:
    assert is_stored_prompt(f"{ARN}prompt/ABCDEFGHIJ:1")
    assert is_router(f"{ARN}default-prompt-router/anthropic.claude:1")
    assert is_router(f"{ARN}prompt-router/mine")
    assert not is_router(f"{ARN}prompt/ABCDEFGHIJ")
    assert not is_stored_prompt(PROFILE)


@pytest.mark.parametrize("model", [PROFILE, PROFILE.partition("/")[2]])
def test_an_arn_stays_where_it_already_stands_for_the_model(model: str) -> None:
    path = f"/model/{PROFILE}/converse"
    assert with_model(path, model) is path


def test_a_path_without_a_model_is_left_alone() -> None:
    assert with_model("/async-invoke", "m") == "/async-invoke"


@pytest.mark.parametrize(
    ("method", "path", "api"),
    [
        ("POST", "/model/m/converse", "bedrock.converse"),
        ("post", "/model/m%3A0/converse-stream", "bedrock.converse"),
        ("POST", f"/model/{PROFILE}/invoke", "bedrock.invoke"),
        ("POST", "/model/m/invoke-with-response-stream?x=/count-tokens", "bedrock.invoke"),
        ("POST", "/bedrock-runtime/us-east-1/model/m/converse", "bedrock.converse"),
        ("POST", "/bedrock-runtime/us-east-1/model/m/count-tokens", "bedrock.count_tokens"),
        ("POST", "/model/m/invoke-with-bidirectional-stream", "bedrock.other"),
        ("POST", "/model/m/converse%2Fcount-tokens", "bedrock.other"),
        ("POST", "/async-invoke", "bedrock.other"),
        ("POST", "/guardrail/g/version/1/apply", "bedrock.other"),
        ("POST", "/agents/a/model/m/count-tokens", "bedrock.other"),
        ("GET", "/model/m/converse", "bedrock.other"),
        ("POST", "/openai/v1/chat/completions", "openai.chat"),
        ("POST", "/openai/v1/responses", "openai.responses"),
        ("POST", "/anthropic/v1/messages", "anthropic.messages"),
    ],
)
def test_a_path_speaks_one_api(method: str, path: str, api: str) -> None:
    assert classify_bedrock(method, path) == api


@pytest.mark.parametrize(
    ("method", "path", "free"),
    [
        ("POST", "/model/m/count-tokens", True),
        ("GET", "/async-invoke", True),
        ("POST", "/async-invoke", False),
        ("POST", "/model/m/converse", False),
        ("POST", "/agents/a/model/m/count-tokens", False),
        ("PUT", "/model/m/count-tokens", False),
        ("DELETE", "/anything", True),
    ],
)
def test_only_counts_and_reads_are_free(method: str, path: str, free: bool) -> None:
    assert is_free_bedrock(path, method) is free
