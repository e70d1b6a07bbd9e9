-- Sums of what was charged, by meter, which statements are made of. An older ledger is taken in little by little.
CREATE TABLE meters (
	level BIGINT NOT NULL,
	slot BIGINT NOT NULL,
	context BIGINT NOT NULL,
	meter TEXT COLLATE "C" NOT NULL,
	quantity BIGINT NOT NULL,
	amount_nanodollars BIGINT NOT NULL,
	PRIMARY KEY (level, slot, context, meter)
);
CREATE TABLE calls (
	level BIGINT NOT NULL,
	slot BIGINT NOT NULL,
	context BIGINT NOT NULL,
	entries BIGINT NOT NULL,
	attempts BIGINT NOT NULL,
	unpriced BIGINT NOT NULL,
	presumed BIGINT NOT NULL,
	PRIMARY KEY (level, slot, context)
);
CREATE TABLE apart (
	kind TEXT COLLATE "C" NOT NULL,
	at BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	PRIMARY KEY (kind, at, seq)
);
