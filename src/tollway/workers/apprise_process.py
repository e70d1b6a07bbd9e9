"""The process that sends messages by apprise: `python -m tollway.workers.apprise_process`, until its input ends.

A process of its own, because apprise will connect to whatever a URL or a redirect names, waits as long as it likes, and
takes a second and 50 MB to load. Here every connection is checked by the address it is made to, at the moment it is made
(`sys.addaudithook`, which nothing can take back), and nothing else can be started. Messages come on standard input, a JSON
object a line, never as arguments, which others on the machine could read. Standard output says how each went.
"""

import json
import logging
import socket
import sys
import warnings
from typing import Any

from tollway.workers.addresses import refusal

_STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
)
# Not the message, but the machine is what these reach.
LOCAL_SCHEMES = frozenset({"dbus", "qt", "glib", "kde", "gnome", "macosx", "windows", "syslog", "rsyslog"})


class Refused(OSError):
    """A connection that may not be made."""


class Guard:
    """From when it is made, this process connects to allowed addresses only, and starts nothing. For good."""

    def __init__(self) -> None:
        self.allow_private = False
        self.refused: list[str] = []
        """Why connections of this message were not made."""
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            made, address = arguments[0], arguments[1]
            if address is None:
                # A datagram on a socket that is connected: its address was looked at then.
                return
            if made.family not in (socket.AF_INET, socket.AF_INET6):
                why: str | None = "only internet addresses are connected to"
            else:
                why = refusal(str(address[0]), allow_private=self.allow_private)
            if why is not None:
                self._refuse(why)
        elif event in _STARTS:
            self._refuse("a message cannot start programs")

    def _refuse(self, why: str) -> None:
        self.refused.append(why)
        raise Refused(why)


def send(message: dict[str, Any], guard: Guard, heard: "Heard") -> dict[str, Any]:
    """Sends one message: `url`, `title`, `body`, `type`, `allow_private`. What stood in the way is said without the URL."""
    from apprise import Apprise, AppriseAsset

    url: str = message["url"]
    scheme = url.partition("://")[0].lower()
    if scheme in LOCAL_SCHEMES:
        return {"arrived": False, "said": f"{scheme}:// would reach this machine, not somebody", "final": True}
    guard.allow_private = bool(message["allow_private"])
    guard.refused.clear()
    heard.said = ""
    asset = AppriseAsset(async_mode=False, secure_logging=True, plugin_paths=[])
    service = _instantiate(Apprise, url, asset)
    if service is None:
        return {"arrived": False, "said": f"apprise does not understand this {scheme}:// URL", "final": False}
    arrived = bool(service.notify(body=message["body"], title=message["title"], notify_type=message["type"]))
    said = "" if arrived else [*guard.refused, heard.said or "apprise says that it did not arrive"][0]
    # Whatever a service says of itself, no part of the URL that may be a credential goes into the history.
    for part in sorted(set(_parts(url)), key=len, reverse=True):
        said = said.replace(part, "…") if not guard.refused else said
    return {"arrived": arrived, "said": said[:300], "final": False}


def _instantiate(make: Any, url: str, asset: object) -> Any:
    """The service that a URL names; `None` where there is none."""
    return make.instantiate(url, asset=asset, suppress_exceptions=True)


class Heard(logging.Handler):
    """What apprise says of a failure: its first warning, which names the service and the status."""

    said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said = self.said or record.getMessage()


def main() -> None:
    warnings.simplefilter("ignore")
    from apprise import Apprise

    # Loads every service there is, which may look around on this machine; from here on nothing may.
    _instantiate(Apprise, "json://127.0.0.1", None)
    guard, heard = Guard(), Heard()
    # What a service prints is no answer.
    out, sys.stdout = sys.stdout, sys.stderr
    log = logging.getLogger("apprise")
    log.addHandler(heard)
    log.propagate = False
    log.setLevel(logging.WARNING)
    for line in sys.stdin.buffer:
        answer = send(json.loads(line), guard, heard)
        out.write(json.dumps(answer) + "\n")
        out.flush()


def _parts(url: str) -> list[str]:
    from urllib.parse import unquote

    rest = url.partition("://")[2]
    for separator in "/?&=:@":
        rest = rest.replace(separator, " ")
    return [part for piece in rest.split() for part in (piece, unquote(piece)) if len(part) >= 6]


if __name__ == "__main__":
    main()
