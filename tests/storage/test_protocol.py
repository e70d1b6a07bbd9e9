"""The protocols, and that each store has all of what they ask, in their words."""

import inspect
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tollway.storage import protocol
from tollway.storage.fields import ENTRY_FIELDS, METADATA, RECORD_FIELDS
from tollway.storage.memory import MemoryStore
from tollway.storage.protocol import (
    Audit,
    Budgets,
    Cabinet,
    Config,
    Filter,
    Jobs,
    Ledger,
    Outbox,
    Page,
    Records,
    Revision,
    SpendRow,
    Store,
)
from tollway.storage.sqlite import SqliteStore

PARTS: dict[str, type[Any]] = {
    "ledger": Ledger,
    "records": Records,
    "config": Config,
    "jobs": Jobs,
    "audit": Audit,
    "outbox": Outbox,
    "budgets": Budgets,
    "cabinet": Cabinet,
}
STORES = [MemoryStore, lambda: SqliteStore(Path("nowhere"))]


def asked(kind: type[Any]) -> list[str]:
    return [name for name, value in vars(kind).items() if inspect.isfunction(value) and not name.startswith("_")]


@pytest.mark.parametrize("make", STORES, ids=["memory", "sqlite"])
def test_a_store_answers_everything_that_is_asked_with_the_same_parameters(make: Any) -> None:
    store = make()
    for part, kind in [*((getattr(store, name), kind) for name, kind in PARTS.items()), (store, Store)]:
        for name in asked(kind):
            wanted, found = getattr(kind, name), getattr(type(part), name)
            own, its = inspect.signature(wanted).parameters, inspect.signature(found).parameters
            assert [(p.name, p.kind, p.default) for p in own.values()] == [
                (p.name, p.kind, p.default) for p in its.values()
            ], f"{kind.__name__}.{name}"
            assert inspect.iscoroutinefunction(wanted) is inspect.iscoroutinefunction(found), f"{kind.__name__}.{name}"


def test_a_store_has_eight_parts() -> None:
    properties = {name for name, value in vars(Store).items() if isinstance(value, property)}
    assert properties == set(PARTS)


def test_what_the_path_of_a_request_must_not_wait_for_is_not_awaited() -> None:
    for kind, name in [
        (Ledger, "settle"),
        (Ledger, "shrink"),
        (Ledger, "limit"),
        (Ledger, "controls"),
        (Ledger, "release"),
        (Ledger, "sweep"),
        (Ledger, "balances"),
        (Records, "write"),
    ]:
        assert not inspect.iscoroutinefunction(getattr(kind, name)), f"{kind.__name__}.{name}"
    assert inspect.iscoroutinefunction(Ledger.reserve)


def test_time_is_an_argument_of_everything_that_depends_on_it() -> None:
    for name in ("open", "reserve", "extend", "control", "release", "sweep", "prune"):
        assert "now" in inspect.signature(getattr(Ledger, name)).parameters, name
    assert "at" in inspect.signature(Config.save).parameters


def test_every_promise_is_told() -> None:
    quiet = {"record", "records", "entries", "latest", "history", "prune", "deliveries", "known"}
    for kind in (*PARTS.values(), Store):
        for name in asked(kind):
            assert inspect.getdoc(getattr(kind, name)) or name in quiet, f"{kind.__name__}.{name}"


def test_the_filter_names_every_field_there_is() -> None:
    source = inspect.getsource(protocol)
    said = source.partition("Field → value: ")[2].partition('."""')[0].replace(".<key>", "")
    assert {name.strip() for name in said.split(",")} == RECORD_FIELDS | ENTRY_FIELDS | {METADATA.rstrip(".")}


def test_an_empty_filter_asks_for_everything() -> None:
    assert (Filter().since, Filter().until, dict(Filter().equals)) == (None, None, {})


@pytest.mark.parametrize(
    "value",
    [
        Filter(since=1),
        Page((), None),
        SpendRow(group=(None,), spent=1, entries=1, unpriced=0, input_tokens=0, output_tokens=0),
        Revision(number=1, at=1, by="file", document=""),
    ],
)
def test_questions_and_answers_cannot_be_changed(value: msgspec.Struct) -> None:
    name = value.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(value, name, None)
