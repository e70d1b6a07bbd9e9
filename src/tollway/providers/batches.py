"""Batches and files of requests, at every provider that has them: what a path asks for, and what is read of a job.

The pure half: paths, requests, states and result lines. Whose a job is and what it costs is the exchange's (`batch.py`).
"""

import re
from collections.abc import Collection
from typing import Literal, NamedTuple

import msgspec

from tollway.providers.answer import text
from tollway.providers.body import Unfit
from tollway.providers.codec import Headers
from tollway.providers.passthrough import Passthrough
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

MOST_REQUESTS = 10_000
"""Of one batch: each is read and bounded before any is sent."""

MOST_COMMAS = 200_000
"""Of one request: each may stand beside a value that has to be made, and while one is read nothing else is done. A
million tokens of plain text have half as many."""

Action = Literal["create", "read", "results", "cancel", "delete"]


class JobCall(NamedTuple):
    """What a path of batches or files asks for."""

    api: Api
    action: Action
    id: str
    """The provider's id of the batch or file; empty where one is made."""
    path: str
    """As every provider has it, with a version in front."""


class Request(NamedTuple):
    """One request of a batch."""

    ask: Ask
    size: int
    """Bytes of its body, which bound the tokens of its text."""


class Requests(NamedTuple):
    """All requests of a batch; they call one endpoint and one model."""

    endpoint: str
    """Without a version: "/messages", "/chat/completions"."""
    api: Api
    model: str
    all: Collection[Request]


class State(NamedTuple):
    """What a provider says of a batch."""

    id: str
    ended: bool
    answers: int | None
    """How many of its requests were answered; `None` while it has not ended, or where the provider does not say."""
    results: str
    """Of a batch whose answers are in a file: that file's id."""
    files: tuple[str, ...]
    """Every file that the provider made for it."""


class Result(NamedTuple):
    """What one line of results says."""

    report: Report | None
    """`None`: the request failed, expired or was cancelled, and costs nothing."""


_ID = re.compile(r"[\w-]{1,128}")
_PATHS: dict[Dialect, re.Pattern[str]] = {
    "anthropic": re.compile(
        r"(?:/v1)?/messages/(?P<what>batches)(?:/(?P<id>[\w-]{1,128})(?P<sub>/results|/cancel)?)?/?"
    ),
    "openai": re.compile(r"(?:/v1)?/(?P<what>batches|files)(?:/(?P<id>[\w-]{1,128})(?P<sub>/content|/cancel)?)?/?"),
}
_APIS: dict[tuple[Dialect, str], Api] = {
    ("anthropic", "batches"): "anthropic.batches",
    ("openai", "batches"): "openai.batches",
    ("openai", "files"): "openai.files",
}
# (method, what stands behind the id), without an id as `None`
_ACTIONS: dict[Api, dict[tuple[str, str | None], Action]] = {
    "anthropic.batches": {
        ("POST", None): "create",
        ("GET", ""): "read",
        ("GET", "/results"): "results",
        ("POST", "/cancel"): "cancel",
        ("DELETE", ""): "delete",
    },
    "openai.batches": {("POST", None): "create", ("GET", ""): "read", ("POST", "/cancel"): "cancel"},
    "openai.files": {
        ("POST", None): "create",
        ("GET", ""): "read",
        ("GET", "/content"): "results",
        ("DELETE", ""): "delete",
    },
}
JOBS: frozenset[Api] = frozenset(_ACTIONS)
"""The APIs of batches and files."""

KINDS = frozenset({"anthropic", "openai", "groq", ""})
"""Providers that have them in these shapes; "" is a server of one's own. Others have batches of another kind."""


def job_call(family: Dialect, method: str, path: str) -> JobCall | None:
    """What `path` of a provider of this family asks of batches or files; `None` where it is nothing that is served."""
    pattern = _PATHS.get(family)
    found = pattern.fullmatch(path) if pattern is not None and path.isascii() else None
    if found is None:
        return None
    api = _APIS[family, found["what"]]
    action = _ACTIONS[api].get((method, None if found["id"] is None else found["sub"] or ""))
    if action is None:
        return None
    root = "/v1/messages/batches" if family == "anthropic" else f"/v1/{found['what']}"
    behind = f"/{found['id']}{found['sub'] or ''}" if found["id"] is not None else ""
    return JobCall(api, action, found["id"] or "", root + behind)


def id_of(raw: msgspec.Raw | None) -> str | None:
    """The id of a batch or file; `None` where it is none that could stand in a path as it is."""
    found = text(raw)
    return found if found is not None and found.isascii() and _ID.fullmatch(found) is not None else None


def check_weight(name: str, body: bytes) -> None:
    """Raises Unfit for a request that takes too long to read among thousands."""
    if body.count(b",") > MOST_COMMAS:
        raise Unfit(f"{name} has more than {MOST_COMMAS:,} values; send it outside of a batch.")


def tier_in_batch(tier: str | None) -> str:
    """The tier at which a request or an answer of a batch is billed, by the tier that it names itself: "batch+us"."""
    parts = (tier or "").split("+")
    places = [part for part in parts if part in ("us", "global")]
    base = next((part for part in parts if part and part not in places), "standard")
    if base in ("standard", "standard_only", "default", "auto"):
        base = "batch"
    return "+".join([base, *places])


class JobCodec(Passthrough):
    """Calls about jobs: nothing in them is model traffic, and no usage in their answers is of a request of its own."""

    __slots__ = ()

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """Nothing: a batch is settled by its results."""
        return Report()
