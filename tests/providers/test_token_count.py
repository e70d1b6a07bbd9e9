import pytest

from tollway.providers.bedrock_other import CountTokens as BedrockCount
from tollway.providers.google_generate import CountTokens as GoogleCount
from tollway.providers.token_count import TokenCount
from tollway.request import Ask
from tollway.usage import Report

PATHS = {
    "/model/amazon.nova-micro-v1%3A0/count-tokens": (BedrockCount(), "amazon.nova-micro-v1:0"),
    "/v1beta/models/gemini-2.5-flash:countTokens": (GoogleCount(), "gemini-2.5-flash"),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_count_is_of_the_model_in_its_path_and_of_nothing_that_is_billed(path: str) -> None:
    codec, model = PATHS[path]
    ask = codec.read_ask(path, b"", b"application/json", b"no JSON at all")
    assert isinstance(ask, Ask)
    assert (ask.model, ask.max_output_tokens, ask.stream) == (model, None, False)
    assert codec.write_body(b"{}", ask, model="other", cap=5, include_usage=True) == b"{}"
    assert codec.read_answer(b'{"totalTokens": 7}') == Report()


def test_whoever_counts_has_to_say_where_the_model_is() -> None:
    with pytest.raises(TypeError, match="Protocol"):
        TokenCount()  # type: ignore[misc]
