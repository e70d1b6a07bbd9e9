"""Fixtures of the whole suite: known here once, so that a process starts what lies behind them once."""

from tests.postgres import postgres_server, postgres_url, running_server

__all__ = ["postgres_server", "postgres_url", "running_server"]
