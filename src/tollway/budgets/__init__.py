"""Budgets: limits, the windows they hold for, and which of them a request must hold money in.

Decides and never counts: what was spent is the ledger's. Windows are resolved to half-open instants and bucket starts
here, so that a store is given keys and numbers and never a calendar.

Invariants: a window's spans follow each other without a gap or an overlap; a rolling count is never less than what was
truly spent in the window.
"""
