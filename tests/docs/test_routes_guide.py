"""The guide to routes: its examples mean what it says, and what it quotes is what is said."""

import json
import re
from pathlib import Path
from typing import Any

import world
import yaml

from tollway.document import compile_document, read_document
from tollway.document.routes import examined, told
from tollway.document.written_routes import RouteDocument
from tollway.routes.conditions import OPERATORS, read_condition
from tollway.routes.facts import PLAIN
from tollway.routes.problem import Known, Problems
from tollway.routes.properties import PROPERTIES
from tollway.routes.route import Model

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "routes.md").read_text(encoding="utf-8")


def example() -> Any:
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    return yaml.safe_load(block)


def test_the_example_is_one_that_the_gateway_starts_with() -> None:
    document = read_document(
        {"providers": {"openai": {"api_key": "none"}, "anthropic": {"api_key": "none"}}, **example()}
    )
    snapshot = compile_document(document, resolve=lambda name, _: name, book=world.book(), pepper=b"", revision=1)
    assert set(snapshot.routes) == {("default", "support"), ("default", "cheap"), ("default", "chat")}
    small = snapshot.routes["default", "chat"].elements["small"]
    assert isinstance(small, Model) and small.exempt == (snapshot.budgets[0].name,)


def test_every_condition_is_one() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    found: list[str] = []
    for line in block.splitlines():
        assert read_condition(json.loads(line), lambda _, said: found.append(said)) is not None, found


def test_every_operator_field_and_property_is_told() -> None:
    for name in (*OPERATORS, *PLAIN, *(name for names in PROPERTIES.values() for name in names)):
        assert f"`{name}`" in GUIDE or name == "limit_type", name


def test_the_error_it_quotes_is_the_one_that_is_told() -> None:
    elements = [
        {"id": "start", "type": "start", "outputs": {"next": "small"}},
        {"id": "small", "type": "model", "properties": {"model": "openai/a"}, "outputs": {"fallback": "large"}},
        {"id": "large", "type": "model", "properties": {"model": "openai/b"}, "outputs": {"fallback": "small"}},
    ]
    found = examined(RouteDocument(name="chat", elements=elements), Known())
    assert isinstance(found, Problems) and told("chat", found) in GUIDE
