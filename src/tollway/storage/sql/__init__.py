"""What a store keeps in tables, whatever database they are in.

ledger.py       counters in memory, intents and entries in tables
writer.py       group commit; batch.py is what one commit writes
recovery.py     ending what a crash left open, checking, pruning; balances.py saves balances, past.py looks things up
records.py      the request log and reports; filters.py turns filters into SQL
rollups.py      sums that are kept; asking.py answers from them and from what they lack, sums.py is its SQL
config.py       the settings
audit.py        who changed what
outbox.py       alerts and their deliveries
budgets.py      what is remembered of budgets
jobs.py         batches and files at providers
database.py     what the parts share; driver.py is what they need of a connection
statements.py   the ledger's SQL, each with its promise; rows.py encodes
"""
