"""What a translation is to come to is a value: equal wishes are asked for once."""

from tollway.translate.wanted import Wanted

WISH = {
    "source": "openai.chat",
    "target": "anthropic.messages",
    "path": "/v1/chat/completions",
    "query": b"",
    "model": "claude-sonnet-4-5",
    "known_as": "claude-sonnet-4-5",
    "max_tokens": 100,
}


def test_equal_wishes_are_one() -> None:
    assert {Wanted(**WISH): 1} == {Wanted(**WISH): 1}  # type: ignore[arg-type]
    assert Wanted(**WISH) != Wanted(**{**WISH, "model": "claude-opus-4-5"})  # type: ignore[arg-type]
