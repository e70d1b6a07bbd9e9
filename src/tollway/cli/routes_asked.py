"""What `tollway routes` asks of the API, where that is more than one question; and the files it reads."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import yaml

from tollway.cli.client import Client, Refused

PATH = "/api/v1/routes"
CONTENT = ("elements", "targets", "order", "timeout", "retries", "exempt", "comment")


def read_file(file: Path) -> dict[str, Any]:
    """The route that a file of JSON or YAML writes; a list is that of its elements. Raises ValueError."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        written: object = yaml.safe_load(text)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is neither JSON nor YAML: {error}") from None
    if isinstance(written, list):
        return {"elements": _named(cast("list[object]", written))}
    if not isinstance(written, dict):
        raise ValueError(f"{file} has no route in it: write a list of elements, or name and elements or targets")
    found: dict[str, Any] = _named(cast("dict[object, object]", written))
    # What the API shows of a route is more than what it takes.
    fields = ("name", "gateway", *CONTENT)
    unknown = [name for name in found if name not in (*fields, "id", "enabled")]
    if unknown:
        raise ValueError(f'{file}: a route has no field "{unknown[0]}"; there are {", ".join(fields)}')
    return {name: value for name, value in found.items() if name in fields}


def save_route(client: Client, written: Mapping[str, Any], route: str | None, *, deploy: bool, by: str | None) -> Any:
    """Saves a version of the route of that id, or of that name and gateway; a new route where there is none."""
    content = {name: written[name] for name in CONTENT if name in written} | {"deploy": deploy}
    if route is None:
        if "name" not in written:
            raise Refused(400, "body_invalid", "Which route is it? Add a name to the file, or give --name or --route.")
        there = client.get(PATH)["items"]
        wanted = (written.get("gateway"), written["name"])
        route = next((one["id"] for one in there if (one["gateway_id"], one["name"]) == wanted), None)
    if route is not None:
        saved = client.post(f"{_path(route)}/versions", content, actor=by)
        return client.get(_path(route)) | {"version": saved, "warnings": saved["warnings"]}
    named = {name: written[name] for name in ("name", "gateway") if name in written}
    return client.post(PATH, {**named, **content}, actor=by)


def deploy_version(client: Client, route: str, version: str | None, comment: str | None, by: str | None) -> Any:
    """Deploys a version, or the newest."""
    if version is None:
        kept = client.get(f"{_path(route)}/versions")["items"]
        if not kept:
            raise Refused(
                404, "version_unknown", f'Route "{route}" has no versions; it stands in the settings file alone.'
            )
        version = kept[0]["version_id"]
    body = {"version_id": version, **({"comment": comment} if comment is not None else {})}
    return client.post(f"{_path(route)}/deployments", body, actor=by) | {"route": route}


def version_before(client: Client, route: str) -> str:
    """The version that was in force before the one that is."""
    deployments = client.get(f"{_path(route)}/deployments")["items"]
    versions = client.get(f"{_path(route)}/versions")["items"]
    active = next((one["version_id"] for one in versions if one["active"] == "true"), None)
    kept = {one["version_id"] for one in versions}
    for one in deployments:
        if one["version_id"] != active and one["version_id"] in kept:
            return str(one["version_id"])
    # What the file had before the first deployment is kept as a version.
    older = [one for one in versions if one["created_by"] == "file" and one["version_id"] != active]
    if older:
        return str(older[0]["version_id"])
    raise Refused(
        404, "version_unknown", f'No version of route "{route}" was in force before; see tollway routes versions.'
    )


def validated(client: Client, written: Mapping[str, Any]) -> Any:
    return client.post(f"{PATH}/validate", {name: written[name] for name in CONTENT if name in written})


def _path(route: str) -> str:
    return f"{PATH}/{quote(route, safe='')}"


def _named(value: object) -> Any:
    """The same with text for keys: YAML reads `true:` as a boolean."""
    if isinstance(value, dict):
        fields = cast("dict[object, object]", value)
        return {str(key).lower() if isinstance(key, bool) else str(key): _named(one) for key, one in fields.items()}
    return [_named(one) for one in cast("list[object]", value)] if isinstance(value, list) else value
