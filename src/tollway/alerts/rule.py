"""What somebody wants to know, and where it is to be told."""

from typing import Literal

import msgspec

from tollway.alerts.event import AlertKind

ChannelKind = Literal["webhook", "apprise"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody wants to know; which fields say something depends on `when` (`document/alerts.py`)."""

    name: str
    when: AlertKind
    budgets: tuple[str, ...] | None = None
    """The ids of those it is about; `None` for every budget."""
    at: tuple[int, ...] = ()
    """Ascending. spent, forecast, unused: percent of the limit. burn_rate: how many times the pace that the limit allows.
    velocity: nanodollars."""
    split_by: tuple[str, ...] = ()
    """velocity: the attributes of which each value is looked at for itself."""
    per_s: int = 0
    """velocity: the length of time in which that is spent."""
    fast_s: int = 0
    slow_s: int = 0
    """burn_rate: in both lengths of time it was spent too fast."""
    min_elapsed: int = 0
    """forecast, unused: percent of the window that must be over before anything is said."""
    once_per_s: int = 0
    """One event at most in each such length of time since 1970, where it is not one for each window."""
    channels: tuple[str, ...] = ()


class Channel:
    """Where events go. Its address and its secret are shown by nothing but the two methods: no struct, so that nothing
    can encode it."""

    __slots__ = ("_address", "_secret", "allow_http", "allow_private", "default", "kind", "name")

    def __init__(
        self,
        name: str,
        kind: ChannelKind,
        address: str,
        secret: str = "",
        *,
        allow_private: bool = False,
        allow_http: bool = False,
        default: bool = True,
    ) -> None:
        self.name = name
        self.kind: ChannelKind = kind
        self._address = address
        self._secret = secret
        self.allow_private = allow_private
        """It may be at an address that the internet cannot reach."""
        self.allow_http = allow_http
        """webhook: it may be called without TLS."""
        self.default = default
        """It gets what names no channels."""

    def address(self) -> str:
        """The URL, which often is a credential itself."""
        return self._address

    def secret(self) -> str:
        """webhook: what deliveries are signed with."""
        return self._secret

    @property
    def shown(self) -> str:
        """The address as it may be shown: "https://hooks.example.com/…", "slack://…"."""
        scheme, _, rest = self._address.partition("://")
        if self.kind == "apprise":
            # Behind the scheme a token may stand anywhere.
            return f"{scheme}://…"
        return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}/…"

    def __repr__(self) -> str:
        return f"Channel({self.name!r}, {self.shown})"
