"""Changing the settings file from the control plane: checked first, written whole, in force at once, remembered."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Annotated, NamedTuple

from fastapi import Header

from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.errors import StoreUnavailable
from tollway.settings_file import NotWritten, as_read, replace_text, text_of
from tollway.snapshot import Snapshot

log = logging.getLogger("tollway.admin")

IfMatch = Annotated[
    str | None, Header(description="The revision that the change was thought of for; at another one it is refused.")
]

BY = "admin api"
"""Whose revision it is; there is one administrator's token."""

ADMIN = "admin"
"""Who changes things with that token and says no name."""

_NOT_KEPT = (
    "The settings are in force, but their revision could not be kept in the store; the log of the gateway says why."
)

_IF_MATCH = re.compile(r'\s*(?:"([0-9]{1,18})"|([0-9]{1,18}))\s*')


class Changed(NamedTuple):
    """The settings after a change."""

    snapshot: Snapshot
    changed: bool
    """False where they said so already."""
    warnings: list[str]


class SettingsChange:
    """One change after the other; each is made of the text that is in force."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = asyncio.Lock()

    async def preview(self, edit: Callable[[str], str], if_match: str | None) -> Changed:
        """What `make` would put in force; nothing is changed. Raises what it raises."""
        return await self._change(edit, if_match, None)

    async def make(self, edit: Callable[[str], str], if_match: str | None, by: str = ADMIN) -> Changed:
        """Puts in force what `edit` makes of the text, in the name of `by`; the same text is no change, and no revision.

        Raises Problem where `if_match` names another revision than the one in force, where the file is not what is in
        force, or where it cannot be written; StoreUnavailable where the store cannot; SettingsInvalid for what cannot be
        used; and what `edit` raises. Nothing is changed then.
        """
        return await self._change(edit, if_match, by)

    async def _change(self, edit: Callable[[str], str], if_match: str | None, by: str | None) -> Changed:
        runtime = self._runtime
        if runtime.reload is None or runtime.compile is None or runtime.settings_path is None:
            raise Problem(503, "store_unavailable", "The gateway is still starting. Try again shortly.")
        path, would_be = runtime.settings_path, runtime.compile
        # The edit, its check and the disk wait in a thread: the loop has requests to serve.
        async with self._lock:
            before = runtime.snapshot
            _check_revision(if_match, before.revision)
            # What could not be put in force, nor remembered, must not be in the file for the next start either.
            if by is not None and (why := runtime.store.ledger.unavailable) is not None:
                raise StoreUnavailable(why)

            def write() -> tuple[str, Snapshot] | None:
                old = text_of(path)
                if as_read(old) != before.document:
                    raise Problem(
                        409,
                        "settings_changed",
                        f"{path} is not what is in force: somebody has changed it since it was read. Look at it, and put "
                        "it in force with POST /api/v1/reload first.",
                    )
                new = edit(old)
                if new == old:
                    return None
                fresh = would_be(as_read(new))
                if by is not None:
                    try:
                        replace_text(path, old, new)
                    except NotWritten as error:
                        raise Problem(409, "settings_not_written", f"{error} Nothing was changed.") from None
                return as_read(new), fresh

            written = await asyncio.to_thread(write)
            if written is None:
                return Changed(before, False, [])
            text, fresh = written
            if by is None:
                return Changed(fresh, True, [])
            # Before the reload, which keeps a revision too: it finds this one, and leaves it the name it has.
            warnings: list[str] = []
            try:
                await runtime.store.config.save(text, by=BY, at=runtime.clock.now())
            except StoreUnavailable as error:
                log.error("settings were changed, but their revision was not kept: %s", error)
                warnings.append(_NOT_KEPT)
            await runtime.reload(by)
            return Changed(runtime.snapshot, True, warnings)


def etag(snapshot: Snapshot) -> dict[str, str]:
    """The header that `If-Match` may send back."""
    return {"etag": f'"{snapshot.revision}"'}


def _check_revision(if_match: str | None, revision: int) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    # RFC 9110, 13.1.1: a list of entity tags. A bare number is taken too, as no one means anything else by it.
    found = [_IF_MATCH.fullmatch(part) for part in if_match.split(",")]
    numbers = [int(one[1] or one[2]) for one in found if one is not None]
    if len(numbers) != len(found):
        raise Problem(
            400, "header_invalid", f'If-Match: write the revision in quotes, "{revision}" for the one in force.'
        )
    if revision not in numbers:
        raise Problem(
            412,
            "revision_stale",
            f"The settings are at revision {revision} by now, and If-Match asks for {numbers[0]}. Read them again, and send "
            f'"{revision}" where the change is still meant. Nothing was changed.',
        )
