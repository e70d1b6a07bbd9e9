"""How the command line shows keys and service tokens."""

from collections.abc import Mapping
from typing import Any

from tollway.cli.client import Client
from tollway.cli.shown import instant, rows, say, table


def all_pages(client: Client, path: str, query: Mapping[str, str | int | None]) -> Any:
    """Every page of a listing as one. Raises Unreachable or Refused."""
    items: list[Any] = []
    cursor: str | None = None
    while True:
        answer = client.get(path, {**query, "cursor": cursor})
        items += answer["items"]
        cursor = answer["next"]
        if cursor is None:
            return {**answer, "items": items}


def show_list(answer: Any) -> None:
    """One line each."""
    made = table(
        f"At {instant(answer['at'])}",
        ("name", "left"),
        ("id", "left"),
        ("state", "left"),
        ("for", "left"),
        ("team", "left"),
        ("expires", "left"),
        ("last used", "left"),
    )
    rows(
        made,
        [
            [
                each["name"],
                each["id"] or "(settings file)",
                each["state"],
                _whose(each),
                each["team"] or "",
                instant(each["expires_at"]),
                instant(each["last_used_at"]),
            ]
            for each in answer["items"]
        ],
    )


def show_one(one: Any) -> None:
    """Everything that the API tells of one."""
    metadata = ", ".join(f"{name}={value}" for name, value in one["metadata"].items())
    lines = {
        "id": one["id"],
        "client id": one.get("client_id"),
        "begins with": one.get("prefix"),
        "written in": "the settings file" if one["managed_by"] == "file" else None,
        "for": _whose(one),
        "owner": one["owner"],
        "groups": ", ".join(one["groups"]),
        "metadata": metadata,
        "gateways": ", ".join(one["gateways"]) or "all",
        "models": ", ".join(one["models"]) or "all",
        "addresses": ", ".join(one["addresses"]) or "all",
        "priority": one["priority"],
        "expires": instant(one["expires_at"]),
        "last used": instant(one["last_used_at"]),
        "made": f"{instant(one['created_at'])} by {one['created_by']}" if one["created_at"] else None,
        "revoked": f"{instant(one['revoked_at'])} by {one['revoked_by']}" if one["revoked_at"] else None,
        "note": one["note"],
    }
    say(f"{one['name']} ({one['state']})")
    say(*(f"  {name:<12} {value}" for name, value in lines.items() if value))
    for secret in one["secrets"]:
        end = f", opens until {instant(secret['expires_at'])}" if secret["expires_at"] else ""
        say(f"  secret       made {instant(secret['made_at'])} by {secret['made_by']}{end}")


def show_secret(answer: Any) -> None:
    """What was made, and the secret, which no later answer has."""
    one = answer.get("key") or answer["service_token"]
    if "client_id" in answer:
        say(
            f'The service token "{one["name"]}". Its secret is shown this once:',
            f"  client id      {answer['client_id']}",
            f"  client secret  {answer['client_secret']}",
        )
        ends = answer["previous_client_secret_expires_at"]
    else:
        say(f'The key "{one["name"]}", shown this once:', f"  {answer['secret']}")
        ends = one["previous_secret_expires_at"]
    if ends is not None:
        say(f"The secret before it opens until {instant(ends)}.")
    say(*(f"Note: {warning}" for warning in answer["warnings"]))


def _whose(one: Any) -> str:
    if one["service"]:
        return f"service {one['service']}"
    return str(one.get("user") or "(nobody in particular)")
