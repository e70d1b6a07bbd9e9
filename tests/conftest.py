"""Fixtures of the whole suite: known here once, so that a process starts what lies behind them once."""

from hypothesis import settings
from tests.postgres import postgres_server, postgres_url, running_server

__all__ = ["postgres_server", "postgres_url", "running_server"]

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
