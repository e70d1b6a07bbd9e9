import pytest

from tollway.cli.explain import body_for


@pytest.mark.parametrize("family", ["openai", "anthropic"])
def test_openai_and_anthropic_take_messages(family: str) -> None:
    assert body_for(family, "m", "Hi", 5) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 5,
    }


def test_google_takes_contents() -> None:
    contents = [{"role": "user", "parts": [{"text": "Hi"}]}]
    assert body_for("google", "m", "Hi", None) == {"model": "m", "contents": contents}
    assert body_for("google", "m", "Hi", 5)["generationConfig"] == {"maxOutputTokens": 5}
