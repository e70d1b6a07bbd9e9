"""Changing one entry of `exports:` in a settings file (`entry_edit.py`)."""

from collections.abc import Mapping
from typing import Any

from tollway.document.entry_edit import Section, fields_of
from tollway.document.text import parse
from tollway.document.written import Document
from tollway.document.written_exports import ExportDocument

__all__ = ["fields_of", "job_of", "read_fields", "with_job", "with_job_fields", "without_job"]

_JOBS = Section("exports", lambda document: document.exports, lambda job: job.id, ExportDocument)


def read_fields(fields: Mapping[str, Any]) -> ExportDocument:
    """The job that these fields write. Raises SettingsInvalid naming the field."""
    return _JOBS.read(fields)


def job_of(document: Document, wanted: str) -> ExportDocument:
    """The job of that id as it is written. Raises KeyError."""
    return document.exports[_JOBS.place_of(document, wanted)]


def with_job(text: str, written: ExportDocument) -> str:
    """`text` with this job in the place of the one of its id, or behind all others. Raises SettingsInvalid where it cannot be
    edited safely."""
    try:
        return _JOBS.with_fields(text, written.id, fields_of(written))
    except KeyError:
        return _JOBS.with_entry(text, written)


def with_job_fields(text: str, wanted: str, patch: Mapping[str, Any]) -> str:
    """`text` with the fields of `patch` in the place of a job's own; null takes one out. Raises KeyError, and SettingsInvalid as
    above."""
    old = job_of(parse(text), wanted)
    return _JOBS.with_fields(text, wanted, _JOBS.merged(old, patch, "an export job"))


def without_job(text: str, wanted: str) -> str:
    """`text` without a job and the comments right above it. Raises KeyError, and SettingsInvalid as above."""
    return _JOBS.without_entry(text, wanted)
