"""The names in a CEL expression: which are needed, and where a wrong one stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.errors import SettingsInvalid
from tollway.policies.expression import names_in
from tollway.policies.fields import dotted


def needed(source: str) -> list[str]:
    return [dotted(path) for path in names_in(source, "here").needed]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('"contractors" in cf.user.groups', ["cf.user.groups"]),
        ('cf.user.email.endsWith("@example.com")', ["cf.user.email"]),
        ('metadata.a == "cf.user.id" && metadata["b-c"] == \'x\'', ["metadata.a", "metadata.b-c"]),
        ('cf["user"].id == "u" // cf.country', ["cf.user.id"]),
        ("cf . user . id == user", ["cf.user.id", "user"]),
        ('has(metadata.team) && metadata.team == "ml"', []),
        ('has(metadata.team) && metadata.env == "x"', ["metadata.env"]),
        ('"team" in metadata', []),
        ('groups.exists(g, g.startsWith("eng"))', ["groups"]),
        ("type(user) == string && size(groups) > 1", ["user", "groups"]),
        ('cf.custom.org.team == "ml"', ["cf.custom.org.team"]),
        ('"""cf.nope""" == r"cf.nope\\"', []),
        ("int(metadata.level) > 3", ["metadata.level"]),
    ],
)
def test_what_is_needed(source: str, names: list[str]) -> None:
    assert needed(source) == names


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('cf.user.emial == "a"', 'column 1: nothing is called "cf.user.emial"; did you mean "cf.user.email"?'),
        ('cf.country == "US" && usr == "a"', 'column 23: nothing is called "usr"; did you mean "user"?'),
        ('cf.country == "US"\n  && cf.contry == "US"', 'line 2, column 6: nothing is called "cf.contry"'),
        ('user.email == "a"', 'column 1: "user" is text and has no "email"; did you mean "cf.user.email"?'),
        ('groups.first == "a"', '"groups" is a list and has no "first"'),
        ("metadata.level > 3", 'metadata is text, which 3 never equals; write "3" in quotes'),
        ("user == 3", 'user is text, which 3 never equals; write "3" in quotes'),
        ("service == true", 'service is text, which true never equals; write "true" in quotes.'),
        ("3 != cf.user.id", "cf.user.id is text"),
        (
            "cf.user.groups == 'contractors'",
            "is a list, which 'contractors' never equals; write 'contractors' in cf.user.groups",
        ),
        ("'x' == groups", "write 'x' in groups"),
        ("identity.groups != 3", 'write "3" in identity.groups'),
        (".modle == 'openai/gpt-5'", 'a name does not begin with a dot; write "modle"'),
        ("user == 'x' && .user == 'x'", 'a name does not begin with a dot; write "user"'),
        ("user in .groups", 'a name does not begin with a dot; write "groups"'),
        ("true == verified.metadata.beta", 'write "true" in quotes'),
        ('groups.exists(user, user == "a")', 'column 15: "user" is a field already'),
        ("groups.all(a, groups.all(b, groups.all(c, true)))", "3 loops inside each other"),
        ('Foo{a: 1} == "x"', 'nothing is called "Foo"'),
    ],
)
def test_what_is_wrong_is_told_with_its_place(source: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        names_in(source, 'policy "x", condition')
    assert said in str(raised.value)
    assert str(raised.value).startswith('policy "x", condition, ')


@given(st.text(max_size=60))
def test_any_text_has_names_or_is_told_why_not(source: str) -> None:
    try:
        names_in(source, "here")
    except SettingsInvalid as error:
        assert str(error).startswith("here, ")


@pytest.mark.parametrize(
    "source",
    [
        "user.size() == 3",
        "3 == user.size()",
        "'contractors' in cf.user.groups",
        "cf.user.groups == ['a']",
        "cf.user.groups.size() > 1",
        "cf.custom.grade == 3",
        "int(metadata.level) > 3",
        "3 == metadata.level.size()",
        "groups == 'a,b'.split(',')",
        "'x'.startsWith(user)",
        "[1, 2].exists(n, n == 1)",
    ],
)
def test_what_may_be_true_is_compared_with_anything(source: str) -> None:
    names_in(source, "condition")
