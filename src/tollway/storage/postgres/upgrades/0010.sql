-- The dearest sittings, found without looking at all of them.
CREATE INDEX sittings_amount ON sittings (amount_nanodollars, last_at, entries);
