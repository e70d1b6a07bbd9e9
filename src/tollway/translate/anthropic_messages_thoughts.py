"""Proofs of thoughts in Anthropic's messages: its own as they are, those of other APIs marked with where they came from.

An Anthropic caller sends thinking blocks back as they came. One that another provider made is known by its mark, and goes to that
provider again, or to none. Anthropic's own are base64, which has no colon. Gemini proves calls as well, for which a `tool_use` has no
place: such a proof travels as a `redacted_thinking` block that names the call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tollway.translate.conversation import Kind, Part, Thought, ToolCall

_OTHERS: tuple[Kind, ...] = ("openai.chat", "openai.responses", "google.generate")


def read_signature(text: str | None) -> tuple[Kind, str] | None:
    """Whose proof it is, and the proof; `None` where there is none."""
    if not text:
        return None
    for kind in _OTHERS:
        if text.startswith(f"{kind}:"):
            return kind, text[len(kind) + 1 :]
    return "anthropic.messages", text


def written_signature(signature: tuple[Kind, str] | None) -> str:
    """The proof as a thinking block has it; empty where there is none."""
    if signature is None:
        return ""
    kind, proof = signature
    return proof if kind == "anthropic.messages" else f"{kind}:{proof}"


def call_proof(call_id: str, signature: tuple[Kind, str]) -> dict[str, Any]:
    """The block that carries the proof of a call."""
    kind, proof = signature
    return {"type": "redacted_thinking", "data": f"{kind}:call:{call_id}:{proof}"}


def with_proofs(parts: Iterable[Part]) -> list[Part]:
    """The parts of a turn, with each proof of a call at the call it names."""
    proofs: dict[str, tuple[Kind, str]] = {}
    kept: list[Part] = []
    for part in parts:
        if isinstance(part, Thought) and part.redacted and part.signature and part.signature[1].startswith("call:"):
            call_id, _, proof = part.signature[1].removeprefix("call:").rpartition(":")
            proofs[call_id] = part.signature[0], proof
        else:
            kept.append(part)
    if not proofs:
        return kept
    return [
        msgspec.structs.replace(part, signature=proofs[part.id])
        if isinstance(part, ToolCall) and part.id in proofs
        else part
        for part in kept
    ]
