"""What the gateway makes at its first start and must not lose: the pepper of its keys, and the administrator's token."""

import hmac
import os
import secrets
from pathlib import Path

from tollway.cli.settings_file import write_private
from tollway.errors import SettingsInvalid
from tollway.storage.protocol import Cabinet, Kept


def pepper(data: Path) -> bytes:
    """What keys are hashed under: `TOLLWAY_PEPPER`, or one made at the first start and kept where only the owner can read
    it. With another one, no key that was issued here opens anything."""
    given = os.environ.get("TOLLWAY_PEPPER")
    if given is not None:
        if len(given) < 32:
            raise SettingsInvalid(f"TOLLWAY_PEPPER has {len(given)} characters; use 32 or more, by chance.")
        return given.encode()
    path = data / "pepper"
    if not path.exists():
        write_private(path, f"{secrets.token_urlsafe(32)}\n")
    try:
        kept = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}") from None
    if len(kept) < 32:
        raise SettingsInvalid(f"{path} has {len(kept)} characters, and was made with 43: put it back from a backup.")
    return kept.encode()


async def check_pepper(cabinet: Cabinet, pepper: bytes, now: int) -> None:
    """Raises SettingsInvalid where keys were issued under another pepper: none of them would open anything."""
    about = hmac.digest(pepper, b"tollway pepper", "sha256")
    kept = await cabinet.get("pepper", "check", now)
    if kept is not None and kept.record != about and not os.environ.get("TOLLWAY_PEPPER_IS_NEW"):
        raise SettingsInvalid(
            "The pepper is not the one that keys, logins and sessions were issued under, so none of them would open "
            "anything: put the file pepper of the data folder back, or TOLLWAY_PEPPER. If it is lost for good, start once "
            "with TOLLWAY_PEPPER_IS_NEW=1, and issue all of them anew."
        )
    if kept is None or kept.record != about:
        await cabinet.put(Kept(drawer="pepper", id="check", record=about, at=now))


def admin_token(data: Path) -> str:
    """`TOLLWAY_ADMIN_TOKEN`, or one made at the first start and kept where only the owner can read it."""
    given = os.environ.get("TOLLWAY_ADMIN_TOKEN")
    if given is not None:
        if len(given) < 16:
            raise SettingsInvalid(f"TOLLWAY_ADMIN_TOKEN has {len(given)} characters; use 16 or more.")
        return given
    path = data / "admin-token"
    if not path.exists():
        write_private(path, f"twadmin_{secrets.token_urlsafe(32)}\n")
    return path.read_text(encoding="utf-8").strip()
