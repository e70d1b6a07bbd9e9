"""Names that go into paths, headers and the ledger."""

import re

from tollway.errors import SettingsInvalid

SLUG = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")


def slug_of(name: str) -> str:
    """A name as an id: "engineering, each" → "engineering-each"."""
    slug = re.sub(r"[^a-zA-Z0-9._-]+", "-", name).lstrip("-._").rstrip("-.")
    return slug[:64] or "budget"


def check_slug(slug: str, where: str) -> None:
    if SLUG.fullmatch(slug) is None:
        raise SettingsInvalid(f"{where}: {slug!r} is not a slug (1 to 64 letters, digits, dots, hyphens, underscores).")
