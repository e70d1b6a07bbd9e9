"""The dashboard as a browser gets it: the built files, and their page for every address below /dashboard.

All of it is public and says nothing of this gateway; what it shows it asks of the API, as whoever is signed in. Files are
found by name in a table made when the control plane starts, so no address leads to anything else on the disk.
"""

import hashlib
import mimetypes
import secrets
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.datastructures import Headers

BASE = "/dashboard"
INDEX = "index.html"
NONCE = "__NONCE__"
"""Stands in the built page wherever the nonce of an answer belongs (`html.cspNonce` in dashboard/vite.config.ts)."""
_HASHED = "assets/"
"""Below it a file's name changes with what is in it."""
_YEAR = "public, max-age=31536000, immutable"
_PLAIN = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_NOT_BUILT = """\
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tollway</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main>
<h1>The dashboard is not built</h1>
<p>The gateway works without it. In the checkout that it was installed from, with the npm registry in reach, run</p>
<pre>python scripts/build_dashboard.py</pre>
<p>and start the gateway again. A wheel has the dashboard inside. The same numbers are told by <code>tollway spend</code>,
<code>tollway budgets list</code> and <code>tollway logs</code>.</p>
</main></body></html>
"""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One built file."""

    content: bytes
    compressed: bytes | None
    """The same by gzip, where that was made when it was built."""
    media_type: str
    etag: str
    cache_control: str


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """A build of the dashboard."""

    page: str
    assets: dict[str, Asset]
    """By its path below /dashboard/; the page itself is not among them."""


def built(folder: Traversable | None = None) -> Built | None:
    """What `scripts/build_dashboard.py` has made, else `None`."""
    root = folder or resources.files("tollway").joinpath("dashboard").joinpath("dist")
    index = root.joinpath(INDEX)
    if not index.is_file():
        return None
    files = dict(_files(root, ""))
    assets = {
        name: _asset(name, content, files.get(f"{name}.gz"))
        for name, content in files.items()
        if name != INDEX and not name.endswith(".gz")
    }
    return Built(page=index.read_text(encoding="utf-8"), assets=assets)


def dashboard_router(made: Built | None) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    async def dashboard(path: str, request: Request) -> Response:
        """A file of the dashboard, or its page, which finds out itself what an address means."""
        asset = made.assets.get(path) if made is not None else None
        if asset is not None:
            return _of_asset(asset, request.headers)
        if path.startswith(_HASHED):
            # A page of an older build asks for what is no more; HTML would be run as a script.
            return Response("There is no such file.", 404, _PLAIN | {"cache-control": "no-store"}, "text/plain")
        return _of_page(made)

    async def dashboard_at(request: Request) -> Response:
        """The page at its shortest address."""
        return await dashboard("", request)

    router.get(BASE)(dashboard_at)
    router.get(BASE + "/{path:path}")(dashboard)
    return router


def _of_page(made: Built | None) -> Response:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = _PLAIN | {"cache-control": "no-store", "content-security-policy": policy, "x-frame-options": "DENY"}
    if made is None:
        return Response(_NOT_BUILT, 503, headers, "text/html; charset=utf-8")
    return Response(made.page.replace(NONCE, nonce), 200, headers, "text/html; charset=utf-8")


def _of_asset(asset: Asset, asked: Headers) -> Response:
    headers = _PLAIN | {"cache-control": asset.cache_control, "etag": asset.etag, "vary": "accept-encoding"}
    known = asked.get("if-none-match", "")
    # RFC 9110, 13.1.2: weak comparison, of a list. The tag is weak, since both codings have it.
    if any(tag.strip() in (asset.etag, asset.etag.removeprefix("W/"), "*") for tag in known.split(",")):
        return Response(None, 304, headers)
    # RFC 9110, 12.5.3: a coding that is not named may not be sent. Every browser names it in just this way.
    codings = {coding.strip() for coding in asked.get("accept-encoding", "").lower().split(",")}
    if asset.compressed is not None and "gzip" in codings:
        return Response(asset.compressed, 200, headers | {"content-encoding": "gzip"}, asset.media_type)
    return Response(asset.content, 200, headers, asset.media_type)


def _asset(name: str, content: bytes, compressed: bytes | None) -> Asset:
    media_type, _ = mimetypes.guess_type(name)
    if name.endswith(".js"):
        # Of some systems' own tables it is text/plain, which browsers refuse to run with "nosniff".
        media_type = "text/javascript"
    if media_type is not None and media_type.startswith("text/"):
        media_type = f"{media_type}; charset=utf-8"
    return Asset(
        content=content,
        compressed=compressed,
        media_type=media_type or "application/octet-stream",
        etag=f'W/"{hashlib.sha256(content).hexdigest()[:32]}"',
        cache_control=_YEAR if name.startswith(_HASHED) else "no-cache",
    )


def _files(folder: Traversable, below: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{below}{entry.name}"
        if entry.is_dir():
            found += _files(entry, f"{name}/")
        elif not entry.name.startswith("."):
            found.append((name, entry.read_bytes()))
    return found
