"""Prometheus text of what the ledger knows. Nothing is counted on the path of a request for it.

Exposition format 0.0.4. Models are labels only as far as `MOST_MODELS`; the rest are "(other)", since a caller chooses
the names of models and must not fill a metrics store with them.
"""

from collections.abc import Iterable, Sequence

from fastapi import APIRouter, Depends, Response

from tollway import __version__
from tollway.admin.budgets import account_balances
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.pricing.calibration import Calibrated
from tollway.storage.protocol import Filter, SpendRow

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_MODELS = 100
FRESH_MS = 15_000
"""Sums over the ledger are asked for at most this often, whoever scrapes."""
OTHER = "(other)"

_Sample = tuple[dict[str, str], int]


def metrics_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["metrics"])
    kept: list[tuple[int, Sequence[SpendRow]]] = []

    async def spend(now: int) -> Sequence[SpendRow]:
        if not kept or not 0 <= now - kept[0][0] < FRESH_MS:
            rows = await runtime.store.records.spend(Filter(), ("provider", "model"))
            kept[:] = [(now, rows)]
        return kept[0][1]

    async def metrics() -> Response:
        """Spend, tokens, holds and budgets, for Prometheus."""
        now = runtime.clock.now()
        return Response("".join(_families(runtime, bounded(await spend(now)), now)), media_type=MEDIA_TYPE)

    router.get("/metrics", dependencies=[Depends(no_parameters)], response_class=Response)(metrics)
    return router


def bounded(rows: Sequence[SpendRow]) -> list[SpendRow]:
    """The `MOST_MODELS` largest rows, and one for all others."""
    ranked = sorted(rows, key=lambda row: (-row.spent, -row.entries, str(row.group)))
    rest = ranked[MOST_MODELS:]
    if not rest:
        return ranked
    other = SpendRow(
        group=(OTHER, OTHER),
        spent=sum(row.spent for row in rest),
        entries=sum(row.entries for row in rest),
        unpriced=sum(row.unpriced for row in rest),
        input_tokens=sum(row.input_tokens or 0 for row in rest),
        output_tokens=sum(row.output_tokens or 0 for row in rest),
    )
    return [*ranked[:MOST_MODELS], other]


def _families(runtime: Runtime, rows: Sequence[SpendRow], now: int) -> Iterable[str]:
    snapshot, opened = runtime.snapshot, runtime.store.ledger.open_reservations()
    labelled = [({"provider": row.group[0] or "", "model": row.group[1] or ""}, row) for row in rows]
    tokens = [
        ({**labels, "direction": direction}, count)
        for labels, row in labelled
        for direction, count in (("input", row.input_tokens), ("output", row.output_tokens))
        if count is not None
    ]
    yield family("tollway_build_info", "gauge", "The version that runs.", [({"version": __version__}, 1)])
    yield family("tollway_settings_revision", "gauge", "Revision of the settings in force.", [({}, snapshot.revision)])
    yield family(
        # A correction may lower it, so it is no counter.
        "tollway_spend_nanodollars",
        "gauge",
        "Sum of all ledger entries, in billionths of a US dollar.",
        [(labels, row.spent) for labels, row in labelled],
    )
    yield family(
        "tollway_ledger_entries_total",
        "counter",
        "Ledger entries.",
        [(labels, row.entries) for labels, row in labelled],
    )
    yield family(
        "tollway_unpriced_entries_total",
        "counter",
        "Ledger entries whose cost is not known.",
        [(labels, row.unpriced) for labels, row in labelled],
    )
    yield family(
        "tollway_tokens_total",
        "counter",
        "Tokens as providers told them, or as counted where an answer was cut.",
        tokens,
    )
    writable = int(runtime.store.ledger.unavailable is None)
    yield family(
        "tollway_store_writable",
        "gauge",
        "1 while money can be reserved; 0 refuses requests, but for those of budgets with on_store_failure: allow.",
        [({}, writable)],
    )
    unwritten = runtime.store.ledger.unwritten
    yield family(
        "tollway_unwritten_requests",
        "gauge",
        "Requests that went on while the store could not be written, and are in memory alone now.",
        [({}, unwritten.waiting)],
    )
    yield family(
        "tollway_unwritten_requests_total",
        "counter",
        "Requests that went on while the store could not be written, since the start.",
        [({}, unwritten.total)],
    )
    yield family(
        "tollway_clock_drift_milliseconds",
        "gauge",
        "By how much the machine's clock was set away from the one that is kept; 0 while it is followed.",
        [({}, runtime.clock.drift_ms)],
    )
    yield family(
        "tollway_audit_anchors_writable",
        "gauge",
        "1 while the audit log is anchored; at 0 what is cut off it is not seen.",
        [({}, int(runtime.anchors.trouble is None))],
    )
    yield family(
        "tollway_audit_anchor_failures_total",
        "counter",
        "Anchors of the audit log that could not be written, since the start.",
        [({}, runtime.anchors.failures)],
    )
    yield family("tollway_open_reservations", "gauge", "Requests that hold money now.", [({}, len(opened))])
    yield family(
        "tollway_held_nanodollars", "gauge", "The bounds of all open requests.", [({}, sum(r.bound for r in opened))]
    )
    yield family(
        "tollway_records_dropped_total",
        "counter",
        "Requests that are in the ledger and not in the log.",
        [({}, runtime.store.records.dropped)],
    )
    yield from _calibration(runtime.learned)
    whole = [budget for budget in snapshot.budgets if not budget.split_by]
    balances = [({"budget": budget.id}, account_balances(runtime, budget, now)[0]) for budget in whole]
    for name, said, field in (
        ("limit", "What may be spent in the window", 0),
        ("spent", "What is spent in the window", 1),
        ("held", "What requests under way hold", 2),
    ):
        samples = [(labels, (b.limit, b.spent, b.held)[field]) for labels, b in balances]
        yield family(
            f"tollway_budget_{name}_nanodollars", "gauge", f"{said}, for each budget that is not split.", samples
        )


def _calibration(learned: Iterable[Calibrated]) -> Iterable[str]:
    """How good the bounds are: what was held for requests beside what they cost, by model."""
    most = sorted(learned, key=lambda model: (-model.held, model.provider, model.model))[:MOST_MODELS]
    labelled = [({"provider": model.provider, "model": model.model}, model) for model in most]
    for name, said, field in (
        ("estimated_nanodollars_total", "What the bounds of metered requests came to", "held"),
        ("metered_nanodollars_total", "What those requests were charged", "charged"),
        ("hold_exceeded_total", "Charges above their hold: each is a bound that was wrong", "exceeded"),
    ):
        samples = [(labels, getattr(model, field)) for labels, model in labelled]
        yield family(f"tollway_{name}", "counter", f"{said}, since the start.", samples)


def family(name: str, kind: str, help_text: str, samples: Iterable[_Sample]) -> str:
    """One metric family in the text format; empty where it has no samples."""
    lines = [f"{name}{_labels(labels)} {value}\n" for labels, value in samples]
    if not lines:
        return ""
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n{''.join(lines)}"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    # Exposition format: backslash, double quote and line feed are escaped in label values.
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
