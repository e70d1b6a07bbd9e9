"""Changing one entry of `gateways:` in a settings file (`entry_edit.py`)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tollway.document.entry_edit import Section, fields_of
from tollway.document.text import parse
from tollway.document.written import Document
from tollway.document.written_gateway import GatewayDocument
from tollway.errors import SettingsInvalid

__all__ = ["FIELDS", "fields_of", "gateway_of", "with_gateway"]

_GATEWAYS = Section("gateways", lambda document: document.gateways, lambda gateway: gateway.slug, GatewayDocument)

FIELDS = tuple(field.name for field in msgspec.structs.fields(GatewayDocument) if field.name != "slug")
"""What a gateway may say, in the order in which it is documented."""


def gateway_of(document: Document, slug: str) -> GatewayDocument | None:
    """The gateway as it is written; `None` for one that exists without being written."""
    return next((written for written in document.gateways if written.slug == slug), None)


def with_gateway(text: str, slug: str, patch: Mapping[str, Any]) -> str:
    """`text` with the fields of `patch` in the place of a gateway's own; null takes one out. One that is not written is, behind
    the others. Raises SettingsInvalid naming the field, or where the text cannot be edited safely."""
    for name in patch:
        if name not in FIELDS:
            raise SettingsInvalid(f'gateways.{slug}: there is no field "{name}"; there are {", ".join(FIELDS)}.')
    written = gateway_of(parse(text), slug)
    there = {"slug": slug} if written is None else fields_of(written)
    fields = {name: value for name, value in (there | dict(patch)).items() if value is not None}
    if written is None:
        return _GATEWAYS.with_entry(text, _GATEWAYS.read(fields)) if len(fields) > 1 else text
    return _GATEWAYS.with_fields(text, slug, fields)
