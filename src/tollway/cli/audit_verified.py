"""Whether an audit log is whole, as `tollway audit verify` finds and shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

from tollway.cli.shown import complain, count, instant, say, show_json
from tollway.clock import iso
from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.settings import read_settings
from tollway.storage import anchored
from tollway.storage.sql.audited import examine_audit
from tollway.workers.anchors import DRAWER, LAST, AnchorKeys


def verified_offline(
    data: str | None, anchors: str | None, keys: Sequence[str], *, database: str | None = None, as_json: bool
) -> int:
    """Looks through the store of a stopped gateway; the exit code, 2 where that is not possible."""
    try:
        found = _examined(data, database, anchors, keys)
    except (StoreUnavailable, SettingsInvalid, OSError) as error:
        complain(f"The audit log cannot be verified: {str(error).rstrip('.')}.")
        return 2
    return show_verified(found, as_json=as_json)


def show_verified(found: Mapping[str, Any], *, as_json: bool) -> int:
    """Shows what the API says of an audit log; the exit code."""
    if as_json:
        show_json(found)
    else:
        for words in found["differences"]:
            complain(words)
        if found["ok"]:
            say(f"{count(found['lines'])} lines, each chained to the one before it.")
            say(f"Last hash: {found['last_hash']}")
        if found["anchored_line"]:
            said = f"the last of them signs line {count(found['anchored_line'])}, at {instant(found['anchored_at'])}."
            say(f"Anchors: {count(found['anchors'])}; {said}")
            say(*(f"Signed with: {key}" for key in found["keys"]))
        if found["ok"]:
            say(*found["notes"])
    return 0 if found["ok"] else 1


def _examined(data: str | None, database: str | None, anchors: str | None, keys: Sequence[str]) -> dict[str, Any]:
    settings = read_settings({"data": data, "database": database, "audit_anchors": anchors})
    for key in keys:
        if anchored.read_key(key) is None:
            raise SettingsInvalid(f"--key: {key[:64]!r} is no public key of {anchored.KEY_BYTES} bytes in base64")
    try:
        text = settings.anchors.read_bytes()
    except FileNotFoundError:
        if anchors is not None:
            raise SettingsInvalid(f"--anchors: there is no file {anchors!r}") from None
        text = b""
    kept = anchored.read(text)
    # Whoever gives a key does not trust the folder to have the right one.
    trusted = tuple(key.strip() for key in keys) or AnchorKeys(settings.data).trusted()
    if kept and not trusted:
        raise SettingsInvalid(
            "there is no key to check the anchors with: give --key with the public key that a running gateway's "
            "`tollway audit verify` shows, or TOLLWAY_AUDIT_KEY"
        )
    lines = {each.anchor.seq for each in kept}
    store = examine_audit(settings.place, lines, (DRAWER, LAST))
    found = anchored.verdict(
        store.broken,
        kept,
        head=store.head,
        hashes=store.hashes,
        remembered=store.remembered,
        trusted=trusted,
    )
    return {
        "ok": not found.differences,
        "lines": found.lines,
        "last_hash": found.last_hash,
        "differences": list(found.differences),
        "notes": list(found.notes),
        "anchors": found.anchors,
        "anchored_line": found.anchored_line,
        "anchored_at": iso(found.anchored_at) if found.anchored_at is not None else None,
        "keys": list(trusted),
    }
