"""Fixtures of the whole suite: known here once, so that a process starts what lies behind them once."""

import gc

from hypothesis import settings
from tests.postgres import postgres_server, postgres_url, running_server

__all__ = ["postgres_server", "postgres_url", "running_server"]

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """What tens of thousands of tests are made of stays to the end, and is not to be looked through whenever garbage is collected."""
    gc.collect()
    gc.freeze()
