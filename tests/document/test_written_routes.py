"""What is written of a route is JSON, whatever YAML makes of it."""

import json

from tollway.document.entry_edit import fields_of
from tollway.document.text import parse


def test_keys_that_yaml_does_not_take_for_text_are_text() -> None:
    (route,) = parse("routes: [{name: a, elements: [{outputs: {true: x, false: y, 7: z}}]}]").routes
    assert route.elements == [{"outputs": {"true": "x", "false": "y", "7": "z"}}]
    assert json.loads(json.dumps(fields_of(route))) == {"name": "a", "elements": route.elements}
