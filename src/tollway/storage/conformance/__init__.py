"""What every store must do, as checks to run against it: each takes a fresh, opened store and raises AssertionError.

A backend passes when it passes all of `CHECKS`; the name of a check is the sentence it proves.
"""

from tollway.storage.conformance import (
    cabinet,
    controls,
    endings,
    jobs,
    ledger,
    metered,
    records,
    remembered,
    renewed,
    waiting,
)

CHECKS = (
    *ledger.CHECKS,
    *endings.CHECKS,
    *waiting.CHECKS,
    *metered.CHECKS,
    *controls.CHECKS,
    *renewed.CHECKS,
    *records.CHECKS,
    *jobs.CHECKS,
    *remembered.CHECKS,
    *cabinet.CHECKS,
)

__all__ = ["CHECKS"]
