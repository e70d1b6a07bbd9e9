"""Routes written into a settings file, which keeps its comments and its order."""

import pytest

from tollway.document.route_edit import read_fields, with_route, without_route
from tollway.document.text import parse
from tollway.errors import SettingsInvalid

TEXT = """\
# Ours.
providers: {openai: {api_key: none}}
routes:
  # For the help desk.
  - name: support   # as in the docs
    targets: [{model: openai/gpt-4o}]
  - name: other
    elements:
      # The way in.
      - {id: start, type: start, outputs: {next: end}}
      - {id: end, type: end}
"""


def test_a_new_route_stands_behind_the_others() -> None:
    made = read_fields({"name": "new", "targets": [{"model": "openai/o3", "weight": 2}], "comment": "for #3: yes"})
    after = with_route(TEXT, made)
    assert after.startswith(TEXT) and parse(after).routes[2] == made
    assert parse(with_route("prices: []  # None.\n", made)).routes == [made]


def test_what_a_route_is_changed_to_leaves_the_comments() -> None:
    changed = read_fields({"name": "support", "targets": [{"model": "openai/o3"}], "order": "in_order"})
    after = with_route(TEXT, changed)
    assert "# For the help desk." in after and "# as in the docs" in after and "# The way in." in after
    assert parse(after).routes[0] == changed
    elements = [
        {"id": "start", "type": "start", "outputs": {"next": {"elementId": "end"}}},
        {"id": "end", "type": "end"},
    ]
    other = read_fields({"name": "other", "elements": elements})
    assert parse(with_route(TEXT, other)).routes[1] == other


def test_a_route_is_taken_out_with_the_comments_above_it() -> None:
    after = without_route(TEXT, "support")
    assert "help desk" not in after and [one.name for one in parse(after).routes] == ["other"]
    with pytest.raises(KeyError):
        without_route(TEXT, "none")


def test_fields_that_a_route_does_not_have_are_refused() -> None:
    with pytest.raises(SettingsInvalid, match="unknown field `target`"):
        read_fields({"name": "a", "target": []})
