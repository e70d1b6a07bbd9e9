"""How keys are shown in words."""

from typing import Any, cast

import pytest

from tollway.cli.client import Client
from tollway.cli.key_shown import all_pages, show_list, show_one, show_secret

KEY: dict[str, Any] = {
    "id": "abcdefghij01", "prefix": "tw_abcdefghij01_", "name": "ci", "managed_by": "api", "state": "active", "owner": None,
    "user": None, "service": None, "team": None, "groups": [], "metadata": {}, "gateways": [], "models": [], "addresses": [],
    "priority": "standard", "expires_at": None, "last_used_at": None, "created_at": None, "created_by": None,
    "revoked_at": None, "revoked_by": None, "note": "", "secrets": [], "previous_secret_expires_at": None,
}  # fmt: skip


class Pages:
    """A gateway whose list has three pages."""

    def get(self, path: str, query: Any) -> Any:
        at = {None: 0, "a": 1, "b": 2}[query["cursor"]]
        return {"at": "2026-07-01T00:00:00.000Z", "items": [{"name": "abc"[at]}], "next": ("a", "b", None)[at]}


def test_all_pages_are_read_as_one() -> None:
    found = all_pages(cast(Client, Pages()), "/keys", {"limit": 1})
    assert ([item["name"] for item in found["items"]], found["next"]) == (["a", "b", "c"], None)


def test_what_is_not_known_is_left_out_and_no_limit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show_one(KEY)
    shown = capsys.readouterr().out
    assert "ci (active)" in shown and "models       all" in shown and "(nobody in particular)" in shown
    assert "owner" not in shown and "revoked" not in shown and "client id" not in shown


def test_a_list_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    show_list({"at": "2026-07-01T00:00:00.000Z", "items": [KEY, KEY | {"name": "ci2", "id": None, "service": "s"}]})
    shown = capsys.readouterr().out
    assert "abcdefghij01" in shown and "(settings file)" in shown and "service s" in shown


def test_a_secret_is_shown_with_what_else_is_to_be_known(capsys: pytest.CaptureFixture[str]) -> None:
    ends = "2026-07-01T00:00:00.000Z"
    show_secret({"key": KEY | {"previous_secret_expires_at": ends}, "secret": "tw_s", "warnings": ["hm"]})
    shown = capsys.readouterr().out
    assert "  tw_s" in shown and "2026-07-01 00:00:00 UTC" in shown and "Note: hm" in shown
