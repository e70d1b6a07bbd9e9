"""Where the ledger, the log and the settings are kept.

`protocol.py` says what a store is asked; `memory.py` is the reference; `conformance` is the suite every store passes.
A store sees keys and integers, never months or models.
"""
