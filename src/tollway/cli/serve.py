"""`tollway serve`: reads the process settings, runs the gateway, says where it is."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tollway import __version__
from tollway.app import serve as serve_gateway
from tollway.cli.shown import complain
from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.running import Runtime
from tollway.settings import ProcessSettings, read_settings
from tollway.storage.postgres.url import without_password

TOKEN_VARIABLE = "TOLLWAY_ADMIN_TOKEN"  # noqa: S105 - its name


def run(given: Mapping[str, str | None]) -> int:
    """Until told to stop; the exit code: 0 after a drain, 2 for settings that cannot be used, 1 for what else fails."""
    try:
        settings = read_settings(given)
    except SettingsInvalid as error:
        complain(f"Settings cannot be used: {error}")
        return 2
    try:
        _log_to_stderr(settings.log_level)
        token_is_new = TOKEN_VARIABLE not in os.environ and not (settings.data / "admin-token").exists()

        def announce(address: str, runtime: Runtime, first_key: str | None) -> None:
            print("\n".join(greeting(settings, address, runtime, first_key, token_is_new=token_is_new)), flush=True)

        _on_uvloop(settings, announce)
    except SettingsInvalid as error:
        complain(f"Settings cannot be used: {error}")
        return 2
    except StoreUnavailable as error:
        complain(
            f"The ledger in {settings.data} cannot be opened: {error}" if settings.database is None else str(error)
        )
        return 1
    except OSError as error:
        complain(f"Tollway cannot start: {error}")
        return 1
    except SystemExit:
        # The listener's own way to say that it cannot have the address; it has told why.
        complain(f"Tollway cannot listen on {settings.host}:{settings.port}. Choose another --port or --host.")
        return 1
    return 0


def greeting(
    settings: ProcessSettings, address: str, runtime: Runtime, first_key: str | None, *, token_is_new: bool
) -> list[str]:
    """What a start says: where it is, where things are, and how to use it. Secrets only when they were made just now."""
    config = settings.document
    if token_is_new:
        token = f"{runtime.admin_token}   (made now; kept in {_shown(settings.data / 'admin-token')})"
    elif TOKEN_VARIABLE in os.environ:
        token = f"from {TOKEN_VARIABLE}"
    else:
        token = f"in {_shown(settings.data / 'admin-token')}"
    lines = [
        f"Tollway {__version__} is listening on {address}",
        f"  settings      {_shown(config)}",
        f"  data          {_shown(settings.data)}",
        *([] if settings.database is None else [f"  database      {without_password(settings.database)}"]),
        f"  admin token   {token}",
    ]
    key = "<gateway key>"
    if first_key is not None:
        key = first_key
        lines.append(f"  gateway key   {first_key}   (made now; kept in {_shown(config.parent / 'first.key')})")
    if not any(provider.has_credentials for provider in runtime.snapshot.providers.values()):
        lines.append(
            "  no provider has a key: set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY, and start again"
        )
    lines += [
        "Point an SDK here:",
        f"  OPENAI_BASE_URL={address}/v1 OPENAI_API_KEY={key}",
        f"  ANTHROPIC_BASE_URL={address} ANTHROPIC_API_KEY={key}",
        f"  GOOGLE_GEMINI_BASE_URL={address} GEMINI_API_KEY={key}",
    ]
    return lines


def _on_uvloop(settings: ProcessSettings, announce: Callable[[str, Runtime, str | None], None]) -> None:
    import asyncio

    gateway = serve_gateway(settings, announce=announce)
    if sys.platform == "win32":
        asyncio.run(gateway)
        return
    import uvloop

    try:
        uvloop.run(gateway)
    except BaseExceptionGroup as group:
        # The gateway's tasks run in a group; one failure is told as itself.
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    for client in ("httpx2", "httpcore2"):
        # What is asked of identity providers is told by whoever asks; their own lines have addresses and headers in them.
        logging.getLogger(client).setLevel(logging.WARNING)
    if level == "info":
        # How the schema is brought up to date and that a listener has started are not an operator's news.
        for chatty in ("alembic", "uvicorn"):
            logging.getLogger(chatty).setLevel(logging.WARNING)


def _shown(path: Path) -> str:
    return str(path.expanduser())
