"""`tollway policies save`: policies from a file, staged or put in force."""

import sys
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import msgspec
import yaml

from tollway.cli.client import Client
from tollway.cli.shown import say
from tollway.document.policies import policy_id
from tollway.document.policy_edit import read_fields

_PATH = "/api/v1/policies"


def read_policies(file: str) -> list[dict[str, Any]]:
    """The policies in a file of YAML or JSON, or in the standard input ("-"): one, several, or `policies:` as in the settings.

    Raises ValueError, in words for people.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        found: Any = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    if isinstance(found, dict) and "policies" in found:
        found = cast(dict[str, Any], found)["policies"]
    several: list[Any] = cast(list[Any], found) if isinstance(found, list) else [cast(Any, found)]
    if not several or not all(isinstance(one, dict) for one in several):
        raise ValueError(f"{file} has no policy in it; write its fields: name, actor, resource, condition, action")
    return cast(list[dict[str, Any]], several)


def save(client: Client, written: list[dict[str, Any]], *, commit: bool, by: str | None) -> list[Any]:
    """Creates each policy, or changes the fields of the one that has its id; what the API answers to each."""
    in_force = {one["id"] for one in client.get(_PATH)["items"]}
    query = "?commit=true" if commit else ""
    answers: list[Any] = []
    for fields in written:
        name = policy_id(read_fields(fields))
        # JSON knows no dates, which YAML reads where a value looks like one.
        plain = msgspec.to_builtins(fields)
        if name in in_force:
            answers.append(client.put(f"{_PATH}/{quote(name, safe='')}{query}", plain, actor=by))
        else:
            answers.append(client.post(f"{_PATH}{query}", plain, actor=by))
    return answers


def show_saved(answers: list[Any]) -> None:
    for answer in answers:
        say(
            f"{answer['id']} is {'staged; put it in force with: tollway policies commit' if answer['staging'] else 'in force'}."
        )
        say(*(f"Note: {one}" for one in answer["warnings"]))
