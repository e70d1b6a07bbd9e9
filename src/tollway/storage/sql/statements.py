"""The ledger's statements. What each promises stands above it.

Nothing on the path of a request updates or deletes: `intents`, `entries`, `resizes`, `releases` and `records` only grow. An open
reservation is an intent without an ending entry (charge, presumed, unpriced) and without a release.

Marks: `balances`  every bucket booked in by entries up to here is saved in `balances` or was not changed since
       `entries`   intents ended by entries up to here have been removed
       `releases`  the same, of releases
       `stops`     records from this instant on have a line in `stops`, as far as they were rolled up
       `meters`, `meters_latest`, `meters_inexact`   how far the sums of statements have come: see `sql/meters.py`
       `booked_high`, `booked_low`  what all entries up to `balances` come to, in halves
       `probe`     written to find out whether writing works again
"""

from typing import Final

from tollway.storage.sql.wide import halves

# One intent. Writes nothing if the reservation was ever known here: open, ended by an entry, or released.
# The entry's id begins with the reservation's, so the unique index on it answers. (?1 id, ?2 opened_at, ?3 record)
INSERT_INTENT: Final = """
INSERT INTO intents (reservation_id, opened_at, record)
SELECT ?1, ?2, ?3
WHERE NOT EXISTS (SELECT 1 FROM entries WHERE id BETWEEN ?1 || '.' AND ?1 || '/' AND reservation_id = ?1)
  AND NOT EXISTS (SELECT 1 FROM releases WHERE reservation_id = ?1)
ON CONFLICT DO NOTHING
"""

KNOWN_INTENT: Final = "SELECT 1 FROM intents WHERE reservation_id = ?1"

# One line of the ledger; `seq` is given by the writer, without gaps, in the order of settlement. Fails if the id is there.
INSERT_ENTRY: Final = """
INSERT INTO entries (
  seq, id, reservation_id, request_id, attempt, kind, amount_nanodollars, provider, model, response_model, gateway,
  user, "key", service, "groups", metadata, declared, input_tokens, output_tokens, legs, charge, usage, occurred_at,
  recorded_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

ENTRY_COLUMNS: Final = (
    'seq, id, reservation_id, request_id, attempt, kind, provider, model, response_model, gateway, user, "key", service, '
    '"groups", metadata, declared, legs, charge, usage, occurred_at, recorded_at'
)

# What the metered holds of a reservation come to from here on; the largest number stands. (id, number, amount)
INSERT_RESIZE: Final = "INSERT INTO resizes (reservation_id, number, amount_nanodollars) VALUES (?, ?, ?)"

# What those of each reservation came to last, where they ever changed.
LAST_RESIZES: Final = """
SELECT reservation_id, amount_nanodollars FROM resizes AS one
WHERE number = (SELECT max(number) FROM resizes AS other WHERE other.reservation_id = one.reservation_id)
"""

# A freeze or an increase, in the place of what was known of it. (id, target, since, over_at, record)
PUT_CONTROL: Final = """
INSERT INTO controls (id, target, since, over_at, record) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET target = excluded.target, since = excluded.since, over_at = excluded.over_at, record = excluded.record
"""

# Those that are not over at ?1.
STANDING_CONTROLS: Final = "SELECT record FROM controls WHERE over_at IS NULL OR over_at > ?1"

# A reservation given back. The first release stands. (id, code, at)
INSERT_RELEASE: Final = "INSERT INTO releases (reservation_id, code, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

# What a bucket has spent, with every entry up to `through_seq` in it; an older figure never replaces a newer one.
# (account, bucket, spent, through_seq)
SAVE_BALANCE: Final = """
INSERT INTO balances (account, bucket, spent_nanodollars, through_seq) VALUES (?, ?, ?, ?)
ON CONFLICT (account, bucket)
DO UPDATE SET spent_nanodollars = excluded.spent_nanodollars, through_seq = excluded.through_seq
WHERE excluded.through_seq >= balances.through_seq
"""

SAVE_MARK: Final = "INSERT INTO marks (name, seq) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq"
MARK: Final = "SELECT seq FROM marks WHERE name = ?"
# The latest instant that is known to have been: when the last entry was booked, or the last reservation was given back.
LATEST: Final = """
SELECT max(
  coalesce((SELECT recorded_at FROM entries ORDER BY seq DESC LIMIT 1), 0),
  coalesce((SELECT at FROM releases ORDER BY seq DESC LIMIT 1), 0))
"""
LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM entries"

# How a reservation ended, as far as entries tell: kind and amount of each.
ENDING_ENTRIES: Final = """
SELECT kind, amount_nanodollars FROM entries
WHERE id BETWEEN ?1 || '.' AND ?1 || '/' AND reservation_id = ?1 AND kind NOT IN ('credit', 'opening')
"""
RELEASED: Final = "SELECT 1 FROM releases WHERE reservation_id = ?"
HAS_ENTRY: Final = "SELECT 1 FROM entries WHERE id = ?"

# The saved balances of one account: exact for the buckets that were dropped from memory, which were saved first.
ACCOUNT_BALANCES: Final = "SELECT account, bucket, spent_nanodollars, through_seq FROM balances WHERE account = ?"

ALL_BALANCES: Final = "SELECT account, bucket, spent_nanodollars, through_seq FROM balances ORDER BY account, bucket"
ENTRIES_AFTER: Final = "SELECT seq, kind, amount_nanodollars, legs FROM entries WHERE seq > ? ORDER BY seq"

# Reservations that nobody ended. Entries up to the mark (?1) have no intent left, so they need not be read.
OPEN_INTENTS: Final = """
SELECT reservation_id, record FROM intents
WHERE reservation_id NOT IN (
    SELECT reservation_id FROM entries WHERE seq > ?1 AND kind IN ('charge', 'presumed', 'unpriced'))
  AND reservation_id NOT IN (SELECT reservation_id FROM releases)
ORDER BY opened_at, reservation_id
"""

# What every account has spent in every bucket, from the entries alone, up to the entry ?1, in halves (`wide.whole`).
SPENT: Final = f"""
SELECT leg.value ->> 0, CAST(leg.value ->> 1 AS BIGINT), {halves("amount_nanodollars")}
FROM entries, json_each(legs) AS leg
WHERE seq <= ?1
GROUP BY 1, 2
"""

# What is booked on one account, in which bucket, and at which place in the ledger; all of it is read through.
BOOKED_ON: Final = """
SELECT CAST(leg.value ->> 1 AS BIGINT), seq, amount_nanodollars FROM entries, json_each(legs) AS leg WHERE leg.value ->> 0 = ?1
"""

# What the entries up to ?1 come to, in halves; openings are no spend.
ALL_BOOKED: Final = f"SELECT {halves('amount_nanodollars')} FROM entries WHERE seq <= ?1 AND kind <> 'opening'"

# Removes intents that have ended, between two marks (?1, ?2]; never one that is open.
PRUNE_ENDED_INTENTS: Final = """
DELETE FROM intents WHERE reservation_id IN (
    SELECT reservation_id FROM entries WHERE seq > ?1 AND seq <= ?2 AND kind IN ('charge', 'presumed', 'unpriced'))
"""
PRUNE_RELEASED_INTENTS: Final = """
DELETE FROM intents WHERE reservation_id IN (SELECT reservation_id FROM releases WHERE seq > ?1 AND seq <= ?2)
"""
# The same, of the resizes of what has ended.
PRUNE_ENDED_RESIZES: Final = """
DELETE FROM resizes WHERE reservation_id IN (
    SELECT reservation_id FROM entries WHERE seq > ?1 AND seq <= ?2 AND kind IN ('charge', 'presumed', 'unpriced'))
"""
PRUNE_RELEASED_RESIZES: Final = """
DELETE FROM resizes WHERE reservation_id IN (SELECT reservation_id FROM releases WHERE seq > ?1 AND seq <= ?2)
"""
LAST_RELEASE: Final = "SELECT coalesce(max(seq), 0) FROM releases"

# Removes releases whose intent has been removed (seq up to ?1) and that are older than ?2, at most ?3 of them.
# The newest stays, so that a number is never given twice.
PRUNE_RELEASES: Final = """
DELETE FROM releases WHERE seq IN (
    SELECT seq FROM releases WHERE seq <= ?1 AND seq < (SELECT max(seq) FROM releases) AND at < ?2 ORDER BY seq LIMIT ?3)
"""

# One request of the log.
INSERT_RECORD: Final = """
INSERT INTO records (
  request_id, at, gateway, status, code, provider, model, user, "key", service, "groups", metadata, record
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
