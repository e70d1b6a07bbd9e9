"""The ledger: what was held, what was spent, and how one becomes the other.

Append-only and true. Balances and counters are computed from it and may be rebuilt. Nothing here knows a month, a
model or a limit's reason: an account is a string, a bucket an instant, an amount an integer of nanodollars.
The rules stand in `reservation.py` (the table of states) and `journal.py` (folding entries into balances).
"""
