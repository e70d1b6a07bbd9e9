"""Editing `exports:` in a settings file: the one job, and nothing else, comments among it."""

from typing import Any

import pytest

from tollway.document.changes import edited, shown
from tollway.document.export_edit import job_of, read_fields, with_job, with_job_fields, without_job
from tollway.document.text import parse
from tollway.errors import SettingsInvalid

TEXT = """\
# Mine.
exports:
  # Every night.
  - id: nightly
    what: logs
    every: day   # at midnight
    to: {file: logs}
  - {id: siem, what: logs, every: 5m, to: {http: {url: "https://logs.example.com/canary", bearer: "env:SIEM"}}}
"""
FIELDS: dict[str, Any] = {"id": "bill", "what": "focus", "every": "month", "to": {"s3": {"bucket": "bills"}}}


def test_a_job_is_added_behind_the_others_and_changed_where_it_stands() -> None:
    added = with_job(TEXT, read_fields(FIELDS))
    assert added.startswith(TEXT) and [job.id for job in parse(added).exports] == ["nightly", "siem", "bill"]
    changed = with_job(added, read_fields({**FIELDS, "every": "day"}))
    assert changed == added.replace('every: "month"', 'every: "day"')
    assert with_job(changed, read_fields({**FIELDS, "every": "day"})) == changed
    assert "exports:" in with_job("providers: {}\n", read_fields(FIELDS))


def test_fields_are_changed_and_taken_out_and_comments_stay() -> None:
    paused = with_job_fields(TEXT, "nightly", {"enabled": False})
    assert "every: day   # at midnight" in paused and job_of(parse(paused), "nightly").enabled is False
    again = with_job_fields(paused, "nightly", {"enabled": None})
    assert parse(again) == parse(TEXT)
    with pytest.raises(SettingsInvalid, match='an export job has no field "evry"'):
        with_job_fields(TEXT, "nightly", {"evry": "day"})
    with pytest.raises(KeyError):
        with_job_fields(TEXT, "other", {"enabled": False})


def test_a_job_is_taken_out_with_its_comment() -> None:
    assert without_job(TEXT, "nightly").startswith("# Mine.\nexports:\n  - {id: siem")
    with pytest.raises(KeyError):
        without_job(TEXT, "other")


def test_the_audit_log_has_references_and_where_it_goes_and_no_secret() -> None:
    (found,) = edited(parse("exports: []\n"), parse(TEXT.replace("env:SIEM", "canary")))[1:]
    assert (found.action, found.target) == ("export_job.created", "siem")
    assert found.after is not None and "canary" not in found.after and "https://logs.example.com/…" in found.after
    assert '"bearer":"env:SIEM"' in shown(job_of(parse(TEXT), "siem"))
    assert "canary" not in shown(
        read_fields({**FIELDS, "to": {"s3": {"bucket": "b", "access_key_id": "canary", "secret_access_key": "canary"}}})
    )
