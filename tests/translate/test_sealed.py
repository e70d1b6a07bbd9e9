"""Signatures, put where another API has the signatures of its own."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.translate.conversation import Kind
from tollway.translate.sealed import Sealed, seal, unseal

KINDS: list[Kind] = ["openai.chat", "openai.responses", "anthropic.messages", "google.generate"]


@given(st.sampled_from(KINDS), st.text(), st.none() | st.text(), st.sampled_from(KINDS))
def test_what_is_sealed_is_unsealed(kind: Kind, proof: str, call: str | None, own: Kind) -> None:
    if not proof.startswith("tollway:"):
        assert unseal(seal((kind, proof), own, call), own) == Sealed((kind, proof), call)


def test_an_apis_own_signature_stays_as_it_is() -> None:
    assert seal(("openai.responses", "gAAA"), "openai.responses") == "gAAA"
    assert unseal("gAAA", "openai.responses") == Sealed(("openai.responses", "gAAA"))


@given(st.text())
def test_whatever_was_not_sealed_here_is_the_apis_own(text: str) -> None:
    assert unseal(f"tollway:{text}", "openai.responses").signature[0] in KINDS
    for odd in (
        "tollway:",
        "tollway:{",
        "tollway:[1,2,3]",
        'tollway:["x",null,"y"]',
        'tollway:["google.generate",null]',
    ):
        assert unseal(odd, "google.generate") == Sealed(("google.generate", odd))
