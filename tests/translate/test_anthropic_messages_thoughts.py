"""Proofs of thoughts in Anthropic's messages."""

import pytest

from tollway.translate.anthropic_messages_thoughts import call_proof, read_signature, with_proofs, written_signature
from tollway.translate.conversation import Kind, Text, Thought, ToolCall

KINDS: list[Kind] = ["openai.chat", "openai.responses", "anthropic.messages", "google.generate"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_comes_back_with_its_maker(kind: Kind) -> None:
    assert read_signature(written_signature((kind, "EqQBCgIYAhIM=="))) == (kind, "EqQBCgIYAhIM==")


def test_anthropics_own_is_not_touched() -> None:
    assert written_signature(("anthropic.messages", "EqQB")) == "EqQB"


def test_no_proof_is_none() -> None:
    assert (read_signature(None), read_signature(""), written_signature(None)) == (None, None, "")


def test_the_proof_of_a_call_comes_back_to_its_call() -> None:
    calls = (ToolCall(id="a:1", name="f", arguments="{}"), ToolCall(id="b", name="f", arguments="{}"))
    block = call_proof("a:1", ("google.generate", "proof"))
    proof = Thought(signature=read_signature(block["data"]), redacted=True)
    assert with_proofs([Text(text="x"), proof, *calls]) == [
        Text(text="x"),
        ToolCall(id="a:1", name="f", arguments="{}", signature=("google.generate", "proof")),
        calls[1],
    ]
