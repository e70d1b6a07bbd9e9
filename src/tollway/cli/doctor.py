"""`tollway doctor`: looks at everything that may be wrong, and says what to do."""

import os
import tempfile
import time
from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from tollway.admin.warnings import warnings_of
from tollway.cli.client import Refused, Unreachable
from tollway.cli.local import compile_file
from tollway.cli.questions import Asking
from tollway.cli.shown import say, show_json
from tollway.errors import SettingsInvalid
from tollway.settings import read_settings

PRICES_OLD_AFTER_DAYS = 60
CLOCKS_DIFFER_AFTER_S = 5
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
# Before this the clock is wrong: no release of Tollway is older.
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "warning", "wrong", "skipped"]
    said: str


def examine(*, config: str | None, data: str | None, url: str | None, token: str | None, as_json: bool) -> int:
    """0 where nothing is wrong; a warning is not wrong."""
    # First: which keys it has only the running gateway knows, whose environment is another than this shell's.
    there, keyed = _gateway(url, token, data)
    skipped = _elsewhere(url, config, data)
    findings = [_clock(), *(_skipped(url) if skipped else [*_settings(config, data, keyed), _folder(data)])]
    # The gateway's settings are mostly the same file; what was said of it is not said twice.
    said = {finding.said for finding in findings}
    findings += [finding for finding in there if finding.said not in said]
    if as_json:
        show_json(msgspec.to_builtins(findings))
    else:
        for finding in findings:
            say(f"{finding.state:<8} {finding.what}: {finding.said}")
    return 1 if any(finding.state == "wrong" for finding in findings) else 0


def _elsewhere(url: str | None, config: str | None, data: str | None) -> bool:
    """Whether the gateway that is asked is named, and nothing of it is on this machine as far as can be seen."""
    given = url or os.environ.get("TOLLWAY_URL")
    if not given:
        return False
    try:
        settings = read_settings({"config": config, "data": data})
    except SettingsInvalid:
        return False
    if any(settings.origins[name][1] != "default" for name in ("config", "data")):
        return False
    return urlsplit(given).hostname not in _HERE or not settings.document.exists()


def _skipped(url: str | None) -> list[Finding]:
    where = url or os.environ.get("TOLLWAY_URL")
    said = f"not looked at: the gateway asked is {where}. Where they are here, name them with --config and --data."
    return [Finding("settings", "skipped", said), Finding("data folder", "skipped", said)]


def _clock() -> Finding:
    now = datetime.now(UTC)
    if now < _EARLIEST:
        return Finding(
            "clock", "wrong", f"this machine says it is {now:%Y-%m-%d %H:%M} UTC; budgets would reset wrongly."
        )
    return Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _settings(config: str | None, data: str | None, keyed: Collection[str] | None) -> list[Finding]:
    """`keyed`: the providers that the running gateway has a key of; `None` where none answers."""
    try:
        snapshot, path = compile_file(config, data, keyless=keyed is not None)
    except SettingsInvalid as error:
        return [Finding("settings", "wrong", str(error))]
    found = [
        Finding(
            "settings",
            "ok",
            f"{path}: {len(snapshot.providers)} providers, {len(snapshot.keys)} keys, {len(snapshot.budgets)} budgets",
        )
    ]
    warnings = warnings_of(snapshot, time.time_ns() // 1_000_000, file=path)
    if keyed is not None:
        known = tuple(f'Provider "{slug}" has no key' for slug in keyed)
        warnings = [said for said in warnings if not said.startswith(known)]
    found += [Finding("settings", "warning", said) for said in warnings]
    if keyed is None and not any(provider.has_credentials for provider in snapshot.providers.values()):
        said = "none has a key in this shell's environment: a gateway that is started from here could forward nothing."
        found.append(Finding("providers", "wrong", said))
    return found


def _folder(data: str | None) -> Finding:
    try:
        folder = read_settings({"data": data}).data
    except SettingsInvalid as error:
        return Finding("data folder", "wrong", str(error))
    if not folder.exists():
        return Finding("data folder", "warning", f"{folder} is not there yet; the first tollway serve makes it.")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding("data folder", "wrong", f"{folder} cannot be written: {error.strerror or error}")
    return Finding("data folder", "ok", f"{folder} can be written{_readable_by_others(folder)}")


def _readable_by_others(folder: Path) -> str:
    return "; others on this machine may read it (chmod 700)" if folder.stat().st_mode & 0o077 else ""


def _gateway(url: str | None, token: str | None, data: str | None) -> tuple[list[Finding], Collection[str] | None]:
    """What is found at the running gateway, and the providers that it has a key of; `None` where it does not say."""
    try:
        client = Asking(url, token, data, as_json=False).client()
        before = time.time()
        status: Any = client.get("/api/v1/status", {"verify": "true"})
        after = time.time()
        # Each is asked for its keys; where a provider is down that takes some seconds.
        issuers: Any = client.get("/api/v1/issuers", {"check": "true"})["items"]
    except Unreachable as error:
        return [Finding("gateway", "wrong", f"{error}. Start one with: tollway serve")], None
    except Refused as error:
        return [Finding("gateway", "wrong", str(error))], None
    except (ValueError, SettingsInvalid) as error:
        return [Finding("gateway", "wrong", f"{error}.")], None
    found = [Finding("gateway", "ok", f"Tollway {status['version']} at {client.url}, settings {status['revision']}")]
    keyed = [provider["slug"] for provider in status["providers"] if provider["has_key"]]
    if keyed:
        found.append(Finding("providers", "ok", f"the gateway has a key of {', '.join(keyed)}"))
    else:
        found.append(Finding("providers", "wrong", "the gateway has a key of none, so nothing can be forwarded."))
    found.append(_clocks(status["at"], before, after))
    found.append(_ledger(status["store"]))
    found.append(_prices(status["price_book"], datetime.now(UTC).date()))
    found += [Finding("gateway", "warning", said) for said in status["warnings"]]
    found += [_issuer(issuer) for issuer in issuers if issuer["enabled"]]
    return found, keyed


def _issuer(issuer: Any) -> Finding:
    what = f'issuer "{issuer["name"]}"'
    if issuer["state"] == "good":
        return Finding(what, "ok", f"{issuer['issuer']}, {len(issuer['keys'])} keys")
    if issuer["state"] == "stale":
        return Finding(what, "warning", f"{issuer['error']}; its last keys serve until {issuer['good_until']}.")
    return Finding(what, "wrong", f"{issuer['error']}, so its tokens open nothing.")


def _clocks(said: str, before: float, after: float) -> Finding:
    theirs = datetime.fromisoformat(said).timestamp()
    apart = max(before - theirs, theirs - after, 0.0)
    if apart > CLOCKS_DIFFER_AFTER_S:
        return Finding("gateway's clock", "wrong", f"{apart:.0f} seconds from this machine's; one of them is wrong.")
    return Finding("gateway's clock", "ok", "agrees with this machine's")


def _ledger(store: Any) -> Finding:
    if store["ok"]:
        return Finding("ledger", "ok", "every balance equals the sum of its entries and holds")
    return Finding("ledger", "wrong", "; ".join(store["differences"]))


def _prices(book: Any, today: date) -> Finding:
    age = (today - date.fromisoformat(book["date"])).days
    said = f"list prices of {book['date']} ({book['version']})"
    if age > PRICES_OLD_AFTER_DAYS:
        return Finding("prices", "warning", f"{said} are {age} days old; upgrade Tollway for newer ones.")
    return Finding("prices", "ok", said)
