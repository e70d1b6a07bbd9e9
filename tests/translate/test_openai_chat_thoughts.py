"""Thoughts in the fields that copies of OpenAI's chat agreed on."""

import pytest

from tollway.translate.conversation import Thought
from tollway.translate.openai_chat_thoughts import read_thoughts, written_thoughts


@pytest.mark.parametrize(
    "thought",
    [
        Thought(text="Hm."),
        Thought(text="Hm.", signature=("anthropic.messages", "sig")),
        Thought(signature=("anthropic.messages", "secret"), redacted=True),
        Thought(text="A summary.", signature=("openai.responses", "enc"), id="rs_1"),
        Thought(signature=("openai.responses", "enc"), id="rs_1", redacted=True),
        Thought(text="Hm.", signature=("google.generate", "sig")),
    ],
)
def test_a_thought_comes_back_with_its_proof(thought: Thought) -> None:
    assert read_thoughts(written_thoughts([thought])) == [thought]


def test_a_thought_under_two_names_is_one_thought() -> None:
    assert read_thoughts({"reasoning": "Hm.", "reasoning_content": "Hm."}) == [Thought(text="Hm.")]


def test_a_message_without_thoughts_has_no_field_for_them() -> None:
    assert written_thoughts([]) == {}
    assert read_thoughts({"reasoning": None, "reasoning_details": None}) == []
