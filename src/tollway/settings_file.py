"""The settings file as it is written back: whole or not at all, with its own ends of lines, owner and mode."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from tollway.errors import SettingsInvalid


class NotWritten(Exception):
    """The file is as it was; the message names it, and says why and the way out."""


def text_of(path: Path) -> str:
    """The file with its own ends of lines. Raises SettingsInvalid."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"Settings file {str(path)!r} cannot be read: {error}.") from None


def as_read(text: str) -> str:
    """The text as `Path.read_text` gives it: every line ends with a newline alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def replace_text(path: Path, old: str, new: str) -> None:
    """Writes `new` where `old` stood: whoever reads the file meanwhile sees the one or the other.

    Raises NotWritten where it says something else by now, or cannot be written; SettingsInvalid where it cannot be read.
    """
    # A link stays one, and what it leads to is replaced.
    target = path.resolve()
    try:
        before = target.stat()
        # A file may be replaced in spite of its own mode; whoever made it read-only meant something by it.
        if not before.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise NotWritten(f"{path} is read-only; make it writable, or change it where it comes from and reload.")
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise _refused(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(new.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(PermissionError):
            os.chown(name, before.st_uid, before.st_gid)
        Path(name).chmod(stat.S_IMODE(before.st_mode))
        if text_of(target) != old:
            raise NotWritten(f"{path} has been changed meanwhile. Try again.")
        Path(name).replace(target)
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        Path(name).unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> NotWritten:
    # A single file that is mounted into a container cannot be replaced (EBUSY), nor a file of a ConfigMap (EROFS).
    return NotWritten(
        f"{path} cannot be written: {error.strerror or error}. Mount its folder writable, not the file alone, or change "
        "it where it comes from and reload."
    )
