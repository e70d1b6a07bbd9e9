"""What others are told of requests while they happen: spans and metrics in OpenTelemetry's words, numbers for Prometheus. Pure.

All of it is made from log records and the ledger, after the caller was answered. Nothing here sends; `workers/telemetry.py`
does, to the destinations of `destination.py`. The names of the GenAI conventions stand in `names.py` and nowhere else.
"""
