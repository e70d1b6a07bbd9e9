"""A rate limit as it is written."""

from typing import Literal

from tollway.document.strict import Written


class RateLimitDocument(Written, frozen=True):
    """How many requests, or tokens, in which window; of whom, as a budget says it."""

    name: str
    window_s: int
    requests: int | None = None
    tokens: int | None = None
    """Input and output together. One of both has to be there."""
    technique: Literal["fixed", "sliding"] = "sliding"
    id: str | None = None
    gateway: str | None = None
    where: dict[str, str | list[str]] = {}
    split_by: list[str] = []
    untagged: Literal["skip", "bucket"] = "skip"
    attributes: Literal["any", "verified"] = "any"
    mode: Literal["enforce", "monitor"] = "enforce"
    enabled: bool = True
