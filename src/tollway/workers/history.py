"""The history of the settings: each revision as it was written, and each thing that changed with who changed it.

What is in force does not wait for its history: a store that cannot keep a line is told of in the log of the gateway.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from tollway.document import Document
from tollway.document.changes import Edited, edited, renamed
from tollway.document.text import parse
from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.gateway import Provider
from tollway.identity.keys import Key
from tollway.ledger.change import Change
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Audit, Config

log = logging.getLogger("tollway.workers")


class History:
    """What one gateway keeps of its settings."""

    def __init__(self, config: Config, audit: Audit, now: Callable[[], int]) -> None:
        """`now`: Unix milliseconds."""
        self._config = config
        self._audit = audit
        self._now = now

    async def started(self, text: str) -> int:
        """Keeps the settings of a start and what differs from those of the last one; returns their revision. Raises
        StoreUnavailable."""
        last = await self._config.latest()
        saved = await self._config.save(text, by="file", at=self._now())
        if last is None or last.document != text:
            await self._audit.append(*await self._lines(last.document if last is not None else "", text, "file"))
        return saved.number

    async def changed(self, before: Snapshot, after: Snapshot, by: str) -> None:
        """Keeps what has just come in force."""
        try:
            if before.document != after.document:
                await self._config.save(after.document, by=by, at=self._now())
        except StoreUnavailable as error:
            log.error("settings were reloaded, but their revision was not kept: %s", error)
        lines = [self._line(each, by) for each in rotated(before, after)]
        if before.document != after.document:
            lines += await self._lines(before.document, after.document, by)
        if not lines:
            return
        try:
            await self._audit.append(*lines)
        except StoreUnavailable as error:
            log.error("settings were reloaded, but the audit log could not be written: %s", error)

    async def _lines(self, before: str, after: str, by: str) -> list[Change]:
        # Reading two long documents takes a while; the loop has requests to serve.
        found = await asyncio.to_thread(_differences, before, after)
        for old, new in found.renamed:
            log.warning(
                'the budget "%s" is now "%s": its id was made of its name. The new one has counted what lies in its window; '
                'write "id: %s" to keep the older history with it.',
                old,
                new,
                old,
            )
        return [self._line(each, by) for each in found.edited]

    def _line(self, each: Edited, by: str) -> Change:
        return Change(
            at=self._now(), by=by, action=each.action, target=each.target, before=each.before, after=each.after
        )


def rotated(before: Snapshot, after: Snapshot) -> Iterable[Edited]:
    """Keys and providers whose secret is another one, while their name stayed."""
    old, new = _digests(before.keys.values()), _digests(after.keys.values())
    for name in new:
        if name in old and old[name] != new[name]:
            yield Edited("key.rotated", name, None, None)
    for slug, provider in after.providers.items():
        was = before.providers.get(slug)
        if was is not None and _secret(was) != _secret(provider):
            yield Edited("provider.rotated", slug, None, None)


def _digests(keys: Iterable[Key]) -> dict[str, bytes]:
    return {key.name: key.digest for key in keys}


def _secret(provider: Provider) -> str | None:
    return provider.api_key.reveal() if provider.api_key is not None else None


class _Found:
    def __init__(self, edited: list[Edited], renamed: list[tuple[str, str]]) -> None:
        self.edited = edited
        self.renamed = renamed


def _differences(before: str, after: str) -> _Found:
    old, new = _read(before), _read(after)
    if old is None or new is None:
        # Written for another version of Tollway: what it said in its fields is not known any more.
        return _Found([Edited("settings.changed", "settings", None, None)], [])
    return _Found(edited(old, new), renamed(old, new))


def _read(text: str) -> Document | None:
    try:
        return parse(text)
    except SettingsInvalid:
        return None
