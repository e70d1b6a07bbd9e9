"""What an exchange asks for where the gateway chooses the model: the commands `Decide` and `Pinned` of `steps.py`."""

from typing import Literal

import msgspec

from tollway.autorouting.task import Task
from tollway.request import InferenceRequest


class Pin(msgspec.Struct, frozen=True):
    """The model that a session has."""

    model: str
    """`provider/model`."""
    turn: str
    """The turn it was chosen for."""


class Decide(msgspec.Struct, frozen=True):
    """What is the request's task, how much does it need a better model, and which one has its session?"""

    request: InferenceRequest
    session: bytes | None
    """The name of its session among all callers'; `None` where it has none, or wants a choice of its own."""


class Pinned(msgspec.Struct, frozen=True):
    """Keep the model for the session's turn."""

    session: bytes
    pin: Pin


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What is known for a choice among models."""

    task: Task
    score: int | None
    """Of 10,000; `None` where there is none, for which `fault` has the reason."""
    fault: Literal["", "error", "timeout", "unsupported"] = ""
    pin: Pin | None = None
    fresh: bool = False
    """The pinned model has answered so lately that its provider still has the conversation in its prompt cache."""
