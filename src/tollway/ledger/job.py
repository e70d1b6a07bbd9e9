"""A job: a batch or a file that lives at a provider, with its owner and its money.

All gateway keys share the provider's account, so the provider cannot tell whose a batch is; this is how Tollway can. A
batch is paid for long after it was made: what it holds is booked as presumed when it begins, and amended once when its
results tell the true cost.
"""

from typing import Literal

import msgspec

from tollway.identity.names import known_as
from tollway.ledger.entry import Context

OPEN_FOR_MS = 30 * 24 * 3_600_000
"""How long the results of a batch are waited for: Anthropic keeps them 29 days, OpenAI's files have an end of their own."""


ASK_EVERY_MS = 3 * 60_000
"""How long a batch is left alone after it was made, and after each time the gateway asked about it itself."""


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a batch or a file."""

    id: str
    """`{provider's slug}/{the provider's id}`."""
    kind: Literal["batch", "file"]
    context: Context
    """Whose it is, at which gateway and provider, of which model: what its ledger entries say."""
    listed: tuple[str, str]
    """The provider and the model under whose names the price book has it."""
    created_at: int
    """Unix milliseconds: the window and the prices it is charged to."""
    endpoint: str = ""
    """The path that each of its requests calls, without a version: "/messages", "/chat/completions"."""
    requests: int = 0
    """How many requests it holds."""
    at_ceiling: bool = False
    """A model without a price is billed at its provider's dearest."""

    bound: int | None = None
    """Nanodollars that the requests may cost at most; `None` where the model has no price."""
    unbounded: str = ""
    """Why the requests have no bound, if they have none."""
    price_id: str = ""
    """Of a file: the prices its bound was made from."""
    batch: str = ""
    """Of a file that a provider made: the id of the batch whose results it holds."""

    request_id: str = ""
    """Of a batch: the request that made it, whose reservation holds its money."""
    attempt: int = 0
    legs: tuple[tuple[str, int], ...] = ()
    """(account, bucket) of each of its holds."""
    answers: int | None = None
    """How many of its requests were answered; `None` until the provider says that the batch has ended."""
    results: str = ""
    """The provider's id of the file with its answers, once there is one."""
    files: tuple[str, ...] = ()
    """The provider's ids of all files that it made for it."""
    settled: bool = False
    """Its true cost is in the ledger, or will never be known."""
    ask_at: int = 0
    """Unix milliseconds from which on the gateway may ask about it itself."""

    @property
    def reservation_id(self) -> str:
        """The reservation that its settlement ends."""
        return f"{self.request_id}.{self.attempt}"

    @property
    def upstream_id(self) -> str:
        """The provider's own id."""
        return self.id.partition("/")[2]

    def asked(self, now: int) -> "Job":
        """This batch, asked about at `now`: the older it is, the longer it is then left alone."""
        return msgspec.structs.replace(self, ask_at=now + max(ASK_EVERY_MS, (now - self.created_at) // 16))

    def belongs_to(self, *, gateway: str, key: str | None, user: str | None, service: str | None) -> bool:
        """Whether a caller may see and change it: the same person or service, at the same gateway; or the same key, still for
        whom it was. A name alone proves nothing: it may be another's by now."""
        mine = self.context
        if mine.gateway != gateway:
            return False
        # What was kept of it may say an address as it was once written.
        owner = known_as(mine.user) if mine.user is not None else None
        return (
            (user is not None and user == owner)
            or (service is not None and service == mine.service)
            or (key is not None and (key, user, service) == (mine.key, owner, mine.service))
        )


def job_id(provider: str, upstream_id: str) -> str:
    """The id under which a provider's batch or file is remembered."""
    return f"{provider}/{upstream_id}"
