import pytest

from tollway.document.rate_edit import place_of, read_fields, with_fields, with_limit, without_limit
from tollway.document.text import parse
from tollway.errors import SettingsInvalid

TEXT = """\
# Ours.
rate_limits:
  # For people.
  - {name: per user, requests: 60, window_s: 60, split_by: [user]}  # a minute
  - name: all
    tokens: 1000
    window_s: 10
    where: {model: gpt-4o, user: ann}
"""


def test_a_limit_is_added_behind_the_others_and_every_comment_stays() -> None:
    after = with_limit(TEXT, read_fields({"name": "new", "requests": 1, "window_s": 5}))
    assert after.startswith(TEXT)
    assert [one.name for one in parse(after).rate_limits] == ["per user", "all", "new"]


def test_the_first_limit_makes_the_section() -> None:
    after = with_limit("# Mine.\nbudgets: []\n", read_fields({"name": "new", "requests": 1, "window_s": 5}))
    assert after == '# Mine.\nbudgets: []\nrate_limits:\n  - name: "new"\n    window_s: 5\n    requests: 1\n'


def test_one_number_is_changed_and_nothing_else() -> None:
    assert with_fields(TEXT, "per-user", {"requests": 61}) == TEXT.replace("requests: 60", "requests: 61")


def test_fields_are_taken_out_and_where_is_merged() -> None:
    changed = parse(with_fields(TEXT, "all", {"tokens": None, "requests": 5, "where": {"user": None}})).rate_limits[1]
    assert (changed.tokens, changed.requests, changed.where) == (None, 5, {"model": "gpt-4o"})


def test_a_limit_keeps_the_id_that_was_made_of_its_old_name() -> None:
    after = parse(with_fields(TEXT, "per-user", {"name": "everyone"}))
    assert after.rate_limits[place_of(after, "per-user")].name == "everyone"


def test_a_limit_is_taken_out_with_the_comment_above_it() -> None:
    after = without_limit(TEXT, "per-user")
    assert "For people" not in after and [one.name for one in parse(after).rate_limits] == ["all"]


def test_what_is_not_there_or_no_field_is_told() -> None:
    for edit in (lambda: without_limit(TEXT, "nope"), lambda: with_fields(TEXT, "nope", {})):
        with pytest.raises(KeyError):
            edit()
    with pytest.raises(SettingsInvalid, match='a rate limit has no field "burst"; there are attributes, enabled'):
        with_fields(TEXT, "all", {"burst": 1})
    with pytest.raises(SettingsInvalid, match="missing required field `window_s`"):
        read_fields({"name": "x", "requests": 1})
