"""Whether whom an adjustment names was ever charged, or could be: what is booked is never taken out, so a slip is to be seen."""

import difflib
from itertools import chain

from tollway.admin.analytics_asked import asking
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.identity.keys import Key
from tollway.match import METADATA
from tollway.snapshot import Snapshot
from tollway.statements.statement import field_of
from tollway.storage.analytics import Answer, Behind, Condition, Question

_NEAR_AMONG = 1_000
"""Values, of those that were charged the most, among which it is looked for one that may be meant."""


async def never_charged(runtime: Runtime, dimension: str, value: str) -> list[str]:
    """A warning where neither the settings nor the ledger know the value of a dimension: teams, users and the like come by
    themselves, with a key or a token, so an unknown one may be charged.

    Gateways do not. Raises Problem for one that is not in the settings and that nothing was ever charged on."""
    field = field_of(dimension)
    assert field is not None, dimension
    if field == "gateway":
        if value not in runtime.snapshot.gateways and not _entries(await asking(runtime)(_of(runtime, field, value))):
            known = ", ".join(sorted(runtime.snapshot.gateways))
            raise Problem(
                400,
                "body_invalid",
                f'value: no gateway "{value[:128]}", and nothing was ever charged on one; there are: {known}. Nothing was booked.',
            )
        return []
    if value in _told_by_keys(field, runtime.snapshot):
        return []
    await runtime.store.ledger.flush()
    try:
        if _entries(await runtime.store.analytics.ask(_of(runtime, field, value))):
            return []
        found = await runtime.store.analytics.ask(_of(runtime, field))
    except Behind:
        # A key of metadata with too many values to be told apart: that one is new says nothing there.
        return []
    known = [name for (name,) in found.groups if name]
    near = difflib.get_close_matches(value, known, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return [
        f'Nothing was charged to the {_words(dimension)} "{value[:128]}" before, and no key is of it.{hint} If it is a slip, book '
        "the opposite for it."
    ]


def _of(runtime: Runtime, field: str, value: str | None = None) -> Question:
    """How much there is of a value, or of each."""
    where = () if value is None else (Condition(field=field, values=(value,)),)
    by = (field,) if value is None else ()
    until = runtime.clock.now() + 1
    return Question(bounds=(0, until), by=by, where=where, columns={"spending": ("entries",)}, limit=_NEAR_AMONG)


def _entries(answer: Answer) -> int:
    return answer.total.whole["spending"][0]


def _told_by_keys(field: str, snapshot: Snapshot) -> set[str]:
    keys = chain(snapshot.keys.values(), snapshot.issued.all())
    return {value for key in keys if (value := _told_by(key, field))}


def _told_by(key: Key, field: str) -> str | None:
    match field:
        case "user":
            return key.user
        case "service":
            return key.service
        case "key":
            return key.name
        case _:
            return key.metadata.get(field.removeprefix(METADATA))


def _words(dimension: str) -> str:
    return dimension.removeprefix(METADATA).replace("_", " ")
