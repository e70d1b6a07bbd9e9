"""What is charged to whom, month by month: statements, their freeze, and the adjustments that come after it.

Pure. A statement is made of ledger entries and of nothing else. Which month an entry is charged in (`month.py`) is decided when
it is booked and never changes, each entry is in exactly one statement of a dimension, and a frozen statement is kept as it was.
So all frozen statements and the open months add up to the ledger, to the nanodollar, at every instant.
"""
