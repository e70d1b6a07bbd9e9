"""Actors: which bucket a caller's money is counted in."""

import pytest

from tollway.errors import SettingsInvalid
from tollway.policies.actor import LONGEST_RESOLVED, read_actor

ANN = {
    "cf": {
        "user": {"id": "u1", "groups": ["a"]},
        "custom": {"grade": 7, "lead": True, "org": {"team": "ml"}, "list": [1]},
    }
}


@pytest.mark.parametrize(
    ("written", "bucket"),
    [
        ("everyone", "everyone"),
        ("team:engineering", "team:engineering"),
        ("user:{cf.user.id}", "user:u1"),
        ("{cf.custom.org.team}/{ cf.user.id }", "ml/u1"),
        ("grade:{cf.custom.grade}", "grade:7"),
        ("lead:{cf.custom.lead}", "lead:true"),
        ("user:{cf.user.email}", None),
        ("list:{cf.custom.list}", None),
        ("by:{metadata.nope}", None),
    ],
)
def test_a_field_stands_for_what_is_known_of_the_caller(written: str, bucket: str | None) -> None:
    assert read_actor(written, "actor").of(ANN) == bucket


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("user:{cf.user.idd}", 'column 6: nothing is called "cf.user.idd"; did you mean "cf.user.id"?'),
        ("user:{}", "column 6: nothing is called"),
        ("user:{cf.user}", 'column 6: nothing is called "cf.user"'),
        ("user:{cf.user.id", 'column 6: "{" has no other half'),
        ("user:cf.user.id}", 'column 16: "}" has no other half'),
        ("in:{cf.user.groups}", "column 4: cf.user.groups has many values"),
        ("", "names no bucket"),
        ("a\nb", "names no bucket"),
        ("x" * 300, "names no bucket"),
    ],
)
def test_what_is_no_actor_is_told_with_its_place(written: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        read_actor(written, "policy, actor")
    assert said in str(raised.value)


def test_a_bucket_of_endless_name_is_none() -> None:
    actor = read_actor("{metadata.x}", "actor")
    assert actor.of({"metadata": {"x": "y" * LONGEST_RESOLVED}}) is not None
    assert actor.of({"metadata": {"x": "y" * (LONGEST_RESOLVED + 1)}}) is None
