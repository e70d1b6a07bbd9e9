"""One line of the audit log: who changed what, from what to what."""

import msgspec


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change to settings, controls or the ledger by a person or a program that acts for one."""

    at: int
    """Unix milliseconds."""
    by: str
    """Who: a name, "file" where the settings file was edited, "admin" for the administrator's token."""
    action: str
    """`noun.verb`: "budget.changed", "account.frozen", "ledger.rerated"."""
    target: str
    """Its id: of a budget, an account, a key, a provider."""
    before: str | None = None
    """JSON of what it was; `None` where there was nothing. Never a secret."""
    after: str | None = None
    """JSON of what it is; `None` where nothing is left."""
    reason: str = ""


class Recorded(msgspec.Struct, frozen=True):
    """A change with its place in the log."""

    seq: int
    change: Change
    previous: str
    """The hash of the line before, in hexadecimal; empty for the first."""
    hash: str
    """SHA-256 over `previous` and the change, in hexadecimal."""
