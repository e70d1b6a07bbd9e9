"""What is kept of a request: the gateway's settings, and what a caller's headers ask for beside them.

| the gateway has         | header                                | record | bodies                    |
|-------------------------|---------------------------------------|--------|---------------------------|
| nothing said            | none                                  | yes    | no                        |
| `payload: true`         | none                                  | yes    | yes                       |
| `payload: true`         | `tollway-collect-log-payload: false`  | yes    | no                        |
| any                     | `tollway-collect-log: false`          | no     | no                        |
| `by_headers: more`      | `tollway-collect-log-payload: true`   | yes    | yes                       |
| `by_headers: none`      | any                                   | as it says | as it says            |

Whatever they say, the ledger has its entry: what was spent is never left out.
"""

from typing import Final, Literal, NamedTuple

import msgspec

from tollway.request import Handling

LARGEST_BODY: Final = 10 * 1024 * 1024
"""Bytes of one body that are kept at most (Cloudflare's limit of a log)."""

ByHeaders = Literal["less", "more", "none"]
Larger = Literal["cut", "drop"]


class Logs(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway keeps of its requests."""

    collect: bool = True
    """A record of each request."""
    payload: bool = False
    """The bodies too: what was asked, what was sent to the provider where it differs, what was returned."""
    by_headers: ByHeaders = "less"
    """less: callers may have less kept of a request, by header · more: also what is off here · none: headers change nothing."""
    max_body_bytes: int = LARGEST_BODY
    larger: Larger = "cut"
    """cut: of a larger body its beginning is kept · drop: only how large it was."""
    own_payload: bool = False
    """Callers may read the bodies of their own requests, whatever their role."""


class Wanted(NamedTuple):
    """What is kept of one request."""

    record: bool
    bodies: bool
    strangers: bool
    """A record is kept of somebody who was not let in: nobody tries keys unseen by sending a header."""


DEFAULT: Final = Logs()


def wanted(logs: Logs | None, handling: Handling) -> Wanted:
    """What the settings of a gateway, `None` where they say nothing, and the headers of a request come to."""
    logs = logs or DEFAULT
    record, bodies = logs.collect, logs.payload
    if logs.by_headers != "none":
        more = logs.by_headers == "more"
        record = _asked(record, handling.collect_log, more=more)
        bodies = _asked(bodies, handling.collect_payload, more=more)
    return Wanted(record, record and bodies, logs.collect)


def _asked(has: bool, header: bool | None, *, more: bool) -> bool:
    if header is None:
        return has
    return header and (has or more)
