"""Routes, their versions and what is wrong with them, in words and tables."""

import json
from typing import Any

from tollway.cli.shown import instant, rows, say, table


def show_routes(answer: Any) -> None:
    if not answer["items"]:
        say("No routes. Save one with tollway routes save FILE; callers name it as the model dynamic/NAME.")
        return
    made = table(
        "Routes", ("id", "left"), ("model", "left"), ("gateway", "left"), ("targets", "left"), ("state", "left")
    )
    rows(
        made,
        [
            [one["id"], one["model"], one["gateway_id"] or "all", ", ".join(_targets(one["elements"])), state(one)]
            for one in answer["items"]
        ],
    )


def show_route(one: Any) -> None:
    say(
        f"{one['model']} (id {one['id']})",
        f"  gateway   {one['gateway_id'] or 'all'}",
        f"  state     {state(one)}",
    )
    if one["deployment"] is not None:
        told = one["deployment"]
        said = f": {told['comment']}" if told["comment"] else ""
        say(f"  deployed  {instant(told['created_at'])} by {told['created_by']}{said}")
    for element in one["elements"]:
        say(f"  {_element(element)}")


def show_versions(answer: Any) -> None:
    if not answer["items"]:
        say("No versions: it stands in the settings file alone. The first one that is saved keeps what is there, too.")
        return
    made = table(
        "Versions", ("version", "left"), ("saved", "left"), ("by", "left"), ("in force", "left"), ("comment", "left")
    )
    rows(
        made,
        [
            [
                one["version_id"],
                instant(one["created_at"]),
                one["created_by"],
                "yes" if one["active"] == "true" else "",
                one["comment"] or "",
            ]
            for one in answer["items"]
        ],
    )


def show_saved(one: Any) -> None:
    version = one["version"]
    say(f"Version {version['version_id']} of route {one['id']} is saved.")
    if version["active"] == "true" and one["in_force"]:
        say(f"It is in force: callers name it as {one['model']}.")
    elif version["active"] == "true":
        say("It is deployed, and the route is switched off.")
    else:
        say(f"It serves nothing yet: tollway routes deploy {one['id']}")
    _warn(one)


def show_deployed(one: Any) -> None:
    said = "is in force" if one["changed"] else "was in force already"
    say(f"Version {one['version_id']} of route {one['route']} {said}. The settings are at revision {one['revision']}.")
    _warn(one)


def show_deleted(one: Any) -> None:
    say(f"Route {one['id']} is gone, with its versions.")
    _warn(one)


def show_validated(answer: Any) -> None:
    if answer["valid"]:
        say(f"Nothing is wrong with it: {len(answer['elements'])} elements.")
    for problem in answer["problems"]:
        at = [f"element {problem['element']}"] if problem["element"] is not None else []
        place = ", ".join([*at, *([problem["field"]] if problem["field"] else [])])
        say(f"{place}: {problem['message']}" if place else problem["message"])


def state(one: Any) -> str:
    if one["in_force"]:
        return "in force, edited in the file" if one["edited"] and one["version"] is not None else "in force"
    return "draft" if one["enabled"] else "switched off"


def _targets(elements: Any) -> list[str]:
    found: dict[str, None] = {}
    for element in elements:
        properties = element.get("properties", {})
        for one in properties.get("targets", [properties]):
            if "model" in one and "provider" in one:
                found[f"{one['provider']}/{one['model']}"] = None
    return list(found)


def _element(element: Any) -> str:
    outputs = ", ".join(f"{name} → {one['elementId']}" for name, one in element.get("outputs", {}).items())
    properties = dict(element.get("properties", {}))
    named = _targets([element]) if element["type"] in ("model", "pool") else []
    for name in ("provider", "model", "targets"):
        if named:
            properties.pop(name, None)
    said = [
        *named,
        *([json.dumps(properties, ensure_ascii=False)] if properties else []),
        *([outputs] if outputs else []),
    ]
    return f"{element['id']} ({element['type']}){': ' if said else ''}{'; '.join(said)}"


def _warn(answer: Any) -> None:
    if answer["warnings"]:
        say(*(f"Note: {one}" for one in answer["warnings"]))
