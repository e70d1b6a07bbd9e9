"""Asking a running gateway's admin API."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

DEFAULT_URL = "http://127.0.0.1:8787"
_TIMEOUT_S = 30.0
_FILE_TIMEOUT_S = 600.0
"""Of a file, until its first byte: a Parquet file is made as a whole before."""
_PIECE = 256 * 1024


class Unreachable(Exception):
    """No gateway answers there."""


class Refused(Exception):
    """The gateway answered with a problem."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Client:
    """The admin API at `url`."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token
        # A proxy that is meant for the outside must not be asked for loopback, nor be told the token.
        proxies = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(proxies, _NoRedirect())

    def get(
        self,
        path: str,
        query: Mapping[str, str | int | None] | Sequence[tuple[str, str]] = (),
        *,
        timeout_s: float = _TIMEOUT_S,
    ) -> Any:
        """The JSON that the API answers. Raises Unreachable or Refused."""
        pairs = query.items() if isinstance(query, Mapping) else query
        asked = urlencode([(name, value) for name, value in pairs if value is not None])
        return self._call("GET", f"{path}?{asked}" if asked else path, None, timeout_s)

    def download(self, path: str, query: Sequence[tuple[str, str]], target: BinaryIO) -> int:
        """Writes the file that the API answers to `target`; its size in bytes. Raises Unreachable, or Refused, also
        where it breaks off."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}{path}?{urlencode(query)}", headers={"authorization": f"Bearer {self._token}"}
        )
        size = 0
        try:
            with self._opener.open(request, timeout=_FILE_TIMEOUT_S) as answer:
                while piece := answer.read1(_PIECE):
                    size += target.write(piece)
        except urllib.error.HTTPError as error:
            raise _refused(error) from None
        except http.client.HTTPException:
            raise Refused(
                0, "broken_off", f"The file broke off after {size:,} bytes; the log of the gateway says why."
            ) from None
        except OSError as error:
            raise Unreachable(f"No gateway answers at {self.url}: {_cause(error)}") from None
        return size

    def post(self, path: str, body: Any, *, timeout_s: float = _TIMEOUT_S, actor: str | None = None) -> Any:
        """`actor`: in whose name, as the audit log has it."""
        return self._call("POST", path, json.dumps(body).encode(), timeout_s, actor)

    def put(self, path: str, body: Any, *, actor: str | None = None) -> Any:
        return self._call("PUT", path, json.dumps(body).encode(), actor=actor)

    def patch(self, path: str, body: Any, *, actor: str | None = None) -> Any:
        return self._call("PATCH", path, json.dumps(body).encode(), actor=actor)

    def delete(self, path: str, *, actor: str | None = None) -> Any:
        return self._call("DELETE", path, None, actor=actor)

    def _call(
        self, method: str, target: str, body: bytes | None, timeout_s: float = _TIMEOUT_S, actor: str | None = None
    ) -> Any:
        headers = {"authorization": f"Bearer {self._token}", "accept": "application/json"}
        if actor is not None:
            # A header has Latin letters alone; what has others is refused here, with the option's name.
            if not (actor.isprintable() and actor.isascii() and actor.strip()):
                raise ValueError(f"--by: {actor!r} is not a name of printable ASCII characters")
            headers["tollway-actor"] = actor
        if body is not None:
            headers["content-type"] = "application/json"
        request = urllib.request.Request(self.url + target, data=body, headers=headers, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=timeout_s) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise _refused(error) from None
        except (OSError, ValueError) as error:
            raise Unreachable(f"No gateway answers at {self.url}: {_cause(error)}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The admin API never redirects; whoever does is not to be sent the token."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def find_url(given: str | None) -> str:
    """The option, TOLLWAY_URL, or the port a gateway has by default. Raises ValueError for what is no URL."""
    url = given or os.environ.get("TOLLWAY_URL") or DEFAULT_URL
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"--url: {url!r} is not an http(s) URL, such as {DEFAULT_URL}")
    return url


def find_token(given: str | None, folder: Path) -> str | None:
    """The option, TOLLWAY_ADMIN_TOKEN, or what the gateway keeps in its data folder; `None` where there is none."""
    token = given or os.environ.get("TOLLWAY_ADMIN_TOKEN")
    if token:
        return token
    try:
        return (folder / "admin-token").read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _refused(error: urllib.error.HTTPError) -> Refused | Unreachable:
    try:
        problem: Any = json.loads(error.read())
        return Refused(error.code, str(problem["code"]), str(problem["detail"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Unreachable(f"What answers at {error.url} is no Tollway gateway (status {error.code})")


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason)
