"""Handing over what a scheduled export has made: into a folder, a bucket, or to whoever takes it by HTTP.

What is written again under the same name replaces what was there, whole: no reader ever sees a half. Anything that stands in
the way raises `NotDelivered`; nothing is given up here.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tollway.exports.job import FileTo, HttpTo, Job, S3To
from tollway.workers.addresses import refusal
from tollway.workers.webhook import Resolver, post, system_addresses

TIMEOUT_S = 120.0
"""Of one delivery."""

_MEDIA_TYPES = {
    "ndjson.gz": "application/x-ndjson",
    "csv.gz": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


class NotDelivered(Exception):
    """It did not arrive, and is to be tried again. The message says what stands in the way, and never a secret."""


class Parcel(NamedTuple):
    """One object."""

    name: str
    """Where it goes, beneath the destination's own place: "date=2026-11-22/nightly_000000000001_000000005000_3f9a1c2e.ndjson.gz"."""
    content: bytes
    rows: int
    key: str
    """The same for what is sent again, and for nothing else."""


class Carrier:
    """Carries parcels to wherever a job sends them."""

    def __init__(
        self, root: Path | None, *, resolve: Resolver = system_addresses, timeout_s: float = TIMEOUT_S
    ) -> None:
        """`root`: the folder that files may be written beneath; `None`: none."""
        self._root = root
        self._resolve = resolve
        self._timeout_s = timeout_s
        self._stores: dict[str, tuple[S3To, Any]] = {}

    async def __call__(self, job: Job, parcel: Parcel) -> None:
        """One attempt. Raises NotDelivered."""
        match job.to:
            case FileTo() as to:
                await asyncio.to_thread(write_file, self._root, to.folder, parcel)
            case S3To() as to:
                await self._put(job, to, parcel)
            case HttpTo() as to:
                await self._post(job, to, parcel)

    async def _put(self, job: Job, to: S3To, parcel: Parcel) -> None:
        if to.endpoint is not None:
            await self._check_endpoint(to, to.endpoint)
        kept = self._stores.get(job.id)
        if kept is None or kept[0] is not to:
            kept = self._stores[job.id] = (to, await asyncio.to_thread(_bucket, to, self._timeout_s))
        from obstore import put_async

        # No Content-Encoding: who reads "x.gz" from a bucket expects the bytes of a gzip file, and some clients would unpack it.
        attributes = {"Content-Type": _MEDIA_TYPES[job.format] if job.format == "parquet" else "application/gzip"}
        try:
            async with asyncio.timeout(self._timeout_s):
                await put_async(kept[1], parcel.name, parcel.content, attributes=attributes)  # pyright: ignore[reportArgumentType]
        except TimeoutError:
            raise NotDelivered(f"bucket {to.bucket} did not take it within {self._timeout_s:g} s") from None
        except Exception as error:
            # Its exceptions have no common class of their own, and their texts may quote what was sent.
            raise NotDelivered(f"bucket {to.bucket}: {_told(error, to)}") from None

    async def _check_endpoint(self, to: S3To, endpoint: str) -> None:
        url = urlsplit(endpoint)
        host = url.hostname or ""
        try:
            async with asyncio.timeout(self._timeout_s):
                addresses = await self._resolve(host, url.port or (443 if url.scheme == "https" else 80))
        except (OSError, TimeoutError) as error:
            raise NotDelivered(f"{host}: {error or 'its address was not told in time'}") from None
        refused = [why for found in addresses if (why := refusal(found, allow_private=to.allow_private))]
        if refused or not addresses:
            raise NotDelivered(refused[0] if refused else f"{host} has no address")

    async def _post(self, job: Job, to: HttpTo, parcel: Parcel) -> None:
        headers = [
            ("content-type", _MEDIA_TYPES[job.format]),
            ("content-encoding", "gzip"),
            ("idempotency-key", parcel.key),
            ("tollway-export-job", job.id),
            ("tollway-export-name", parcel.name),
        ]
        if to.bearer is not None:
            headers.append(("authorization", f"Bearer {to.bearer.reveal()}"))
        outcome = await post(
            to.url.reveal(),
            headers,
            parcel.content,
            allow_private=to.allow_private,
            allow_http=to.allow_http,
            resolve=self._resolve,
            timeout_s=self._timeout_s,
        )
        if not outcome.arrived:
            raise NotDelivered(outcome.said)


def write_file(root: Path | None, folder: str, parcel: Parcel) -> Path:
    """Writes a parcel beneath `root`, whole or not at all, and returns where it is. Blocks; raises NotDelivered."""
    if root is None:
        raise NotDelivered("no folder for exports is set; start the gateway with --export-dir (TOLLWAY_EXPORT_DIR)")
    try:
        home = root.resolve(strict=True)
        target = home.joinpath(*folder.split("/"), *parcel.name.split("/"))
        # A link inside the folder may lead out of it: looked at before anything is made behind it, and again behind that.
        _inside(home, target.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        place = _inside(home, target.parent)
        unfinished = place / f".{target.name}.unfinished"
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o640)
            with os.fdopen(descriptor, "wb") as file:
                file.write(parcel.content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(place / target.name)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync(place)
        return place / target.name
    except OSError as error:
        raise NotDelivered(f"{folder or 'the export folder'}: {error.strerror or error}") from None


def _inside(home: Path, place: Path) -> Path:
    """Where a folder really is. Raises NotDelivered where that is outside of `home`."""
    real = place.resolve()
    if not real.is_relative_to(home):
        raise NotDelivered(f"{place.relative_to(home)} leads out of the export folder")
    return real


def _sync(folder: Path) -> None:
    """Has the disk keep that a file of this name is there. Raises OSError."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bucket(to: S3To, timeout_s: float) -> Any:
    """The client of a bucket. Raises NotDelivered."""
    try:
        from obstore.store import S3Store
    except ImportError:
        raise NotDelivered(
            "S3 needs obstore, which is not installed where the gateway runs: pip install 'tollway[export]'"
        ) from None
    config: dict[str, Any] = {"region": to.region, "virtual_hosted_style_request": not to.path_style}
    if to.endpoint is not None:
        config["endpoint"] = to.endpoint
    if to.access_key_id is not None and to.secret_access_key is not None:
        config["access_key_id"] = to.access_key_id.reveal()
        config["secret_access_key"] = to.secret_access_key.reveal()
        if to.session_token is not None:
            config["session_token"] = to.session_token.reveal()
    try:
        return S3Store(
            to.bucket,
            prefix=to.prefix or None,
            config=config,  # pyright: ignore[reportArgumentType]
            client_options={"allow_http": to.allow_http, "timeout": f"{timeout_s:g} seconds"},
            # Tried again by whoever calls, after a pause and with a note.
            retry_config={"max_retries": 0},
        )
    except Exception as error:
        raise NotDelivered(f"bucket {to.bucket}: {_told(error, to)}") from None


def _told(error: Exception, to: S3To) -> str:
    """One line of an error, without a secret."""
    said = " ".join(str(error).split()) or type(error).__name__
    for secret in (to.access_key_id, to.secret_access_key, to.session_token):
        if secret is not None:
            said = said.replace(secret.reveal(), "…")
    return said[:300]
