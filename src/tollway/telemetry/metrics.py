"""Every metric of `/metrics`, in one table: what is written, what the reference says, what rules and dashboards may ask for."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]
Source = Literal["ledger", "process", "now"]
"""ledger: from the ledger and the log, also after a restart · process: since this process began · now: as it stands."""


class Metric(NamedTuple):
    """One family."""

    name: str
    """As it is written: of a counter with its `_total`."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    source: Source = "now"
    unit: str = ""
    """The last word of the name, before `_total`, where it is a unit."""


_MODEL: Final = ("gateway", "provider", "model")

METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric(
            "tollway_charged_usd_total", "counter",
            "US dollars of ledger entries that raise what is spent; spend is this less tollway_credited_usd_total.",
            _MODEL, "ledger", "usd",
        ),
        Metric(
            "tollway_credited_usd_total", "counter",
            "US dollars of ledger entries that lower what is spent: corrections downwards, and credits.",
            _MODEL, "ledger", "usd",
        ),
        Metric("tollway_ledger_entries_total", "counter", "Ledger entries.", (*_MODEL, "kind"), "ledger"),
        Metric("tollway_untold_entries_total", "counter", "Ledger entries of which no usage is known.", _MODEL, "ledger"),
        Metric(
            "tollway_unpriced_entries", "gauge",
            "Ledger entries whose cost is not known, and is in no sum; a re-rate prices them.", _MODEL, "ledger",
        ),
        Metric(
            "tollway_tokens_total", "counter",
            "Tokens, each in one class: input (neither from a cache nor into it), cache_read, cache_write, output (without "
            "reasoning), reasoning.",
            (*_MODEL, "class"), "ledger",
        ),
        Metric("tollway_requests_total", "counter", "Requests, by class of the status they were answered with.",
               (*_MODEL, "status"), "ledger"),
        Metric("tollway_refused_requests_total", "counter", "Requests that Tollway refused.", _MODEL, "ledger"),
        Metric("tollway_failed_requests_total", "counter", "Requests that ended in an error and were not refused.",
               _MODEL, "ledger"),
        Metric("tollway_cached_requests_total", "counter", "Requests answered from the cache.", _MODEL, "ledger"),
        Metric("tollway_cache_saved_usd_total", "counter", "US dollars that answers from the cache had cost.", _MODEL,
               "ledger", "usd"),
        Metric("tollway_cache_saved_unknown_total", "counter",
               "Answers from the cache whose cost is not known, and is in no sum.", _MODEL, "ledger"),
        Metric("tollway_request_duration_seconds", "histogram", "How long requests took, as callers saw it.",
               ("gateway", "provider"), "ledger", "seconds"),
        Metric("tollway_rollup_behind_rows", "gauge",
               "Rows of ledger and log that the metrics above lack yet; 0: they equal the ledger.", ("table",)),
        Metric("tollway_rollup_failing", "gauge",
               "1 while rows cannot be taken in: the metrics above stand still, and the log is not shortened.", ("table",)),
        Metric("tollway_rollup_full", "gauge",
               "1 where an amount above would be larger if 64 bits held more; the ledger has all of it."),
        Metric("tollway_refusals_total", "counter", "Refusals, by their code (docs/reference/errors.md).",
               ("gateway", "code"), "process"),
        Metric("tollway_notes_total", "counter",
               "What was noted of requests on their way: would_refuse, clamped, downgraded, passed_over ...",
               ("gateway", "code"), "process"),
        Metric("tollway_attempts_total", "counter", "Calls of providers, by how they ended.", ("provider", "outcome"), "process"),
        Metric("tollway_overhead_seconds", "histogram", "What Tollway itself took of a request.", ("gateway",), "process",
               "seconds"),
        Metric("tollway_upstream_seconds", "histogram", "What providers took of a request, all tries together.",
               ("gateway", "provider"), "process", "seconds"),
        Metric("tollway_time_to_first_chunk_seconds", "histogram", "From the request to the first chunk of a stream.",
               ("gateway", "provider"), "process", "seconds"),
        Metric("tollway_open_reservations", "gauge", "Requests that hold money now."),
        Metric("tollway_held_usd", "gauge", "US dollars of the bounds of all open requests.", (), "now", "usd"),
        Metric("tollway_estimated_usd_total", "counter", "US dollars that the bounds of metered requests came to.",
               ("provider", "model"), "process", "usd"),
        Metric("tollway_metered_usd_total", "counter", "US dollars that those requests were charged.",
               ("provider", "model"), "process", "usd"),
        Metric("tollway_hold_exceeded_total", "counter", "Charges above their hold: each is a bound that was wrong.",
               ("provider", "model"), "process"),
        Metric("tollway_budget_limit_usd", "gauge", "US dollars that may be spent in the window of now.",
               ("budget", "account"), "now", "usd"),
        Metric("tollway_budget_spent_usd", "gauge", "US dollars spent in the window.", ("budget", "account"), "now", "usd"),
        Metric("tollway_budget_held_usd", "gauge", "US dollars that requests under way hold.", ("budget", "account"), "now",
               "usd"),
        Metric("tollway_budget_left_usd", "gauge",
               "US dollars that are left: limit less spent less held; below 0 where a charge came out above its hold.",
               ("budget", "account"), "now", "usd"),
        Metric("tollway_budget_accounts", "gauge", "Accounts of a budget that is split.", ("budget",)),
        Metric("tollway_budget_accounts_exhausted", "gauge", "Those with nothing left.", ("budget",)),
        Metric("tollway_cache_entries", "gauge", "Answers that are kept.", ("gateway",)),
        Metric("tollway_cache_bytes", "gauge", "Bytes of answers that are kept.", ("gateway",), "now", "bytes"),
        Metric("tollway_cache_lookups_total", "counter", "Questions to the cache.", ("gateway", "result"), "process"),
        Metric("tollway_cache_evictions_total", "counter", "Kept answers that gave way to others.", (), "process"),
        Metric("tollway_target_resting", "gauge", "1 for each target of a route that is left alone after failures.", ("target",)),
        Metric("tollway_store_writable", "gauge",
               "1 while money can be reserved; 0 refuses requests, but for those of budgets with on_store_failure: allow."),
        Metric("tollway_unwritten_waiting", "gauge",
               "Requests that went on while the store could not be written, and are in memory alone now."),
        Metric("tollway_unwritten_requests_total", "counter",
               "Requests that went on while the store could not be written.", (), "process"),
        Metric("tollway_records_waiting", "gauge", "Requests whose log record waits for the disk."),
        Metric("tollway_records_dropped_total", "counter", "Requests that are in the ledger and not in the log.", (), "process"),
        Metric("tollway_bodies_held_bytes", "gauge", "Bytes of bodies that are to be kept beside the log, and are in memory still.",
               (), "now", "bytes"),
        Metric("tollway_bodies_dropped_total", "counter",
               "Requests whose bodies were to be kept and are not, for want of room. They go before any record does.", (), "process"),
        Metric("tollway_body_bytes", "gauge", "Bytes of request bodies in memory.", (), "now", "bytes"),
        Metric("tollway_otel_queued", "gauge", "Requests that wait to be exported.", ("destination",)),
        Metric("tollway_otel_exported_total", "counter", "Requests whose spans a collector has taken.", ("destination",), "process"),
        Metric("tollway_otel_dropped_total", "counter", "Requests whose spans were lost: to a full queue, or a collector "
               "that did not take them.", ("destination",), "process"),
        Metric("tollway_otel_failures_total", "counter", "Batches that did not arrive at the first try.", ("destination",), "process"),
        Metric("tollway_clock_drift_seconds", "gauge",
               "By how much the machine's clock was set away from the one that is kept; 0 while it is followed.", (), "now",
               "seconds"),
        Metric("tollway_audit_anchors_writable", "gauge", "1 while the audit log is anchored; at 0 what is cut off it is not seen."),
        Metric("tollway_audit_anchor_failures_total", "counter", "Anchors of the audit log that could not be written.", (),
               "process"),
        Metric("tollway_worker_failures_total", "counter",
               "How often something that runs beside the requests failed, and began again.", ("worker",), "process"),
        Metric("tollway_export_failures", "gauge", "Failures in a row of each export job; 0 while it works.", ("job",)),
        Metric("tollway_export_rows_total", "counter", "Rows that arrived, since the job began.", ("job",), "ledger"),
        Metric("tollway_export_gone_total", "counter", "Rows that had left the log before they were exported.", ("job",),
               "ledger"),
        Metric("tollway_export_last_success_timestamp_seconds", "gauge",
               "When each export job last came to its end, in seconds since 1970.", ("job",), "now", "seconds"),
        Metric("tollway_settings_revision", "gauge", "Revision of the settings in force."),
        Metric("tollway_build_info", "gauge", "The version that runs.", ("version",)),
        Metric("tollway_loop_lag_seconds", "histogram", "By how much the event loop was late, twice a second.", (), "process",
               "seconds"),
        Metric("process_cpu_seconds_total", "counter", "Processor time, of user and system.", (), "process", "seconds"),
        Metric("process_resident_memory_bytes", "gauge", "Resident memory.", (), "now", "bytes"),
        Metric("process_virtual_memory_bytes", "gauge", "Virtual memory.", (), "now", "bytes"),
        Metric("process_open_fds", "gauge", "Open file descriptors."),
        Metric("process_max_fds", "gauge", "File descriptors that may be open."),
        Metric("process_start_time_seconds", "gauge", "Start of the process, in seconds since 1970.", (), "now", "seconds"),
    )
}  # fmt: skip
