"""What differs between two settings documents, thing by thing, as the audit log has it. Secrets are never in it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from tollway.document.names import slug_of
from tollway.document.price_entries import entry_ids
from tollway.document.routes import route_id
from tollway.document.written import BudgetDocument, Document

SECRETS = frozenset(
    {
        "api_key", "secret", "access_key_id", "secret_access_key", "session_token", "service_account", "client_secret",
        "apprise", "webhook", "bearer",
    }
)  # fmt: skip
"""Fields that name a secret, or are one."""

HIDDEN = "(written in the settings)"
"""Stands for a secret that is not a reference."""

_encode = msgspec.json.Encoder(order="sorted").encode


class Edited(NamedTuple):
    """One thing that was added, changed or taken out."""

    action: str
    """`noun.verb`: "budget.created", "key.changed", "provider.deleted"."""
    target: str
    before: str | None
    """JSON of what was written; `None` where there was nothing."""
    after: str | None


def budget_id(written: BudgetDocument) -> str:
    """The id of a budget as it is written: its own, or one made of its name."""
    return written.id or slug_of(written.name)


def edited(before: Document, after: Document) -> list[Edited]:
    """Everything that differs, in the order of the document; a thing that only moved does not."""
    found: list[Edited] = []
    old, new = _things(before), _things(after)
    for noun in new:
        was, now = old[noun], new[noun]
        for target in [*(name for name in was if name not in now), *now]:
            old_json, new_json = was.get(target), now.get(target)
            if old_json != new_json:
                verb = "created" if old_json is None else "deleted" if new_json is None else "changed"
                found.append(Edited(f"{noun}.{verb}", target, old_json, new_json))
    return found


def renamed(before: Document, after: Document) -> list[tuple[str, str]]:
    """Budgets (old id, new id) that are the same but for the name that their id was made of."""
    old = {budget_id(written): written for written in before.budgets}
    new = {budget_id(written): written for written in after.budgets}
    return [
        (was, now)
        for was, written in old.items()
        if was not in new and written.id is None
        for now, fresh in new.items()
        if now not in old and msgspec.structs.replace(fresh, id=None, name=written.name) == written
    ]


def shown(written: object) -> str:
    """JSON of a part of a document, with references in place of secrets."""
    return _encode(_without_secrets(msgspec.to_builtins(written))).decode()


def _things(document: Document) -> Mapping[str, Mapping[str, str]]:
    return {
        "provider": {slug: shown(written) for slug, written in document.providers.items()},
        "key": {written.name: shown(written) for written in document.keys},
        "gateway": {written.slug: shown(written) for written in document.gateways},
        "budget": {budget_id(written): shown(written) for written in document.budgets},
        "price": dict(zip(entry_ids(document.prices), map(shown, document.prices), strict=True)),
        "channel": {name: shown(written) for name, written in document.channels.items()},
        "alert": {written.name: shown(written) for written in document.alerts},
        "issuer": {written.name: shown(written) for written in document.issuers},
        "policy": {written.id or slug_of(written.name): shown(written) for written in document.policies},
        "rate_limit": {written.id or slug_of(written.name): shown(written) for written in document.rate_limits},
        "route": {route_id(written): shown(written) for written in document.routes},
        "export_job": {written.id: shown(written) for written in document.exports},
        "login": {} if document.login is None else {"login": shown(document.login)},
        "administration": {"administration": shown(document.administration)},
    }


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("Mapping[str, Any]", value)
        return {name: _shown_field(name, inner) for name, inner in fields.items()}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in cast("Sequence[Any]", value)]
    return value


def _shown_field(name: str, value: Any) -> Any:
    if name in SECRETS and isinstance(value, str):
        return _reference(value)
    if name == "http" and isinstance(value, dict):
        # The URL of a receiver is often a credential itself; where it leads is told.
        fields = cast("Mapping[str, Any]", _without_secrets(value))
        return {**fields, "url": _address(str(fields.get("url", "")))}
    if name == "api_keys" and isinstance(value, dict):
        return {alias: _reference(str(inner)) for alias, inner in cast("Mapping[str, Any]", value).items()}
    return _without_secrets(value)


def _address(value: str) -> str:
    scheme, found, rest = value.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}/…" if found else _reference(value)


def is_reference(value: str) -> bool:
    """Whether it says where a secret is, and is none."""
    return value == "none" or value.startswith(("env:", "file:", "sealed:"))


def _reference(value: str) -> str:
    return value if is_reference(value) else HIDDEN
