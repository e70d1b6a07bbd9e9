"""Roles, from what is written."""

import pytest

from tollway.document.administration import read_administration
from tollway.document.text import parse
from tollway.errors import SettingsInvalid


def test_roles_are_read_with_their_holders() -> None:
    read = read_administration(
        parse("administration: {owner: {users: [Ada@Example.com]}, finance: {groups: [finance]}}").administration
    )
    assert read.roles_of("ada@example.com", ("finance",)) == {"owner", "finance"}
    kelvin = read_administration(
        parse('administration: {owner: {users: ["\\u212Aate@x.y", "bo\\u017Fs@x.y"]}}').administration
    )
    assert not kelvin.roles_of("kate@x.y", ()) and not kelvin.roles_of("boss@x.y", ())
    assert kelvin.roles_of("\u212aate@x.y", ()) == {"owner"}
    assert (read.session_idle_s, read.session_s, read.developer_keys) == (1_800, 43_200, 20)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{owner: {users: ['*@example.com']}}", r"administration\.owner\.users: '\*@example\.com'"),
        ("{admin: {groups: ['']}}", r"administration\.admin\.groups: ''"),
        ("{admin: {groups: [' a']}}", r"administration\.admin\.groups: ' a'"),
        ("{session_s: 5}", r"administration\.session_s: 5 is not between"),
        ("{session_idle_s: 600, session_s: 300}", r"administration\.session_idle_s: 600 is more"),
        ("{developer_keys: -1}", r"administration\.developer_keys: -1 is not between"),
        ("{developer_keys: 10001}", r"administration\.developer_keys: 10001 is not between"),
        ("{root: {users: [a]}}", "root"),
    ],
)
def test_what_cannot_be_meant_is_refused(written: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        read_administration(parse(f"administration: {written}").administration)
