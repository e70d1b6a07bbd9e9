"""Opening the sealed columns of exported logs, on the machine of whoever has the private key."""

import gzip
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from tollway.cli.shown import complain
from tollway.exports.sealed import NotOpened, unseal

PASSPHRASE = "TOLLWAY_EXPORT_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
_PARTS = {"key", "iv", "data"}


def print_opened(files: Sequence[Path], key_file: Path) -> int:
    """Prints every row with its columns opened, as NDJSON; the exit code. What cannot be opened is told with its file and line,
    and nothing is printed of it."""
    try:
        key = _private_key(key_file)
    except (OSError, ValueError, TypeError) as error:
        complain(f"{key_file}: {error}")
        return 1
    failed = False
    for file in files:
        try:
            for number, row in enumerate(_rows(file), start=1):
                try:
                    opened = {name: _opened(name, value, key) for name, value in row.items()}
                except NotOpened as error:
                    complain(f"{file}, line {number}: {error}")
                    failed = True
                    continue
                sys.stdout.buffer.write(msgspec.json.encode(opened) + b"\n")
        except (OSError, EOFError, msgspec.DecodeError) as error:
            complain(f"{file}: {error}")
            failed = True
    sys.stdout.flush()
    return 1 if failed else 0


def _private_key(file: Path) -> Any:
    """Raises OSError, ValueError, or TypeError for a passphrase that is missing or not asked for."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    passphrase = os.environ.get(PASSPHRASE)
    try:
        key = load_pem_private_key(file.read_bytes(), passphrase.encode() if passphrase else None)
    except TypeError:
        said = f"has a passphrase; put it into {PASSPHRASE}" if not passphrase else f"has none; unset {PASSPHRASE}"
        raise TypeError(f"the private key {said}.") from None
    except ValueError:
        raise ValueError("this is no private key in PEM, or the passphrase is wrong.") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("this is no RSA key.")
    return key


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    opener: Any = gzip.open if packed else open
    with opener(file, "rb") as lines:
        for line in lines:
            if line.strip():
                yield msgspec.json.decode(line, type=dict[str, Any])


def _opened(name: str, value: Any, key: Any) -> Any:
    if not isinstance(value, dict):
        return value
    column = cast("dict[str, Any]", value)
    if column.keys() != _PARTS:
        return column
    text = unseal(column, key)
    # Bodies stay the text they are, to the last space.
    return msgspec.json.decode(text) if name.lower() == "metadata" else text
