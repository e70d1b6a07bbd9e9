-- Schema 0012, made by scripts/make_schema.py.
CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
CREATE TABLE alerts (
	id TEXT COLLATE "C" NOT NULL,
	key TEXT COLLATE "C" NOT NULL,
	at BIGINT NOT NULL,
	budget TEXT COLLATE "C",
	record BYTEA NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX alerts_budget ON alerts (budget);
CREATE UNIQUE INDEX alerts_key ON alerts (brief(key));
CREATE TABLE apart (
	kind TEXT COLLATE "C" NOT NULL,
	at BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	PRIMARY KEY (kind, at, seq)
);
CREATE TABLE attributes (
	name TEXT COLLATE "C" NOT NULL,
	value TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX attributes_key ON attributes (name, brief(value));
ALTER TABLE attributes REPLICA IDENTITY FULL;
CREATE TABLE audit (
	seq BIGINT NOT NULL,
	at BIGINT NOT NULL,
	by TEXT COLLATE "C" NOT NULL,
	action TEXT COLLATE "C" NOT NULL,
	target TEXT COLLATE "C" NOT NULL,
	record BYTEA NOT NULL,
	previous TEXT COLLATE "C" NOT NULL,
	hash TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (seq)
);
CREATE INDEX audit_target ON audit USING hash (target);
CREATE TABLE balances (
	account TEXT COLLATE "C" NOT NULL,
	bucket BIGINT NOT NULL,
	spent_nanodollars BIGINT NOT NULL,
	through_seq BIGINT NOT NULL
);
CREATE UNIQUE INDEX balances_key ON balances (brief(account), bucket);
ALTER TABLE balances REPLICA IDENTITY FULL;
CREATE TABLE budgets (
	id TEXT COLLATE "C" NOT NULL,
	fingerprint TEXT COLLATE "C" NOT NULL,
	since BIGINT NOT NULL,
	settled BIGINT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE cabinet (
	drawer TEXT COLLATE "C" NOT NULL,
	id TEXT COLLATE "C" NOT NULL,
	record BYTEA NOT NULL,
	at BIGINT NOT NULL,
	expires_at BIGINT,
	PRIMARY KEY (drawer, id)
);
CREATE INDEX cabinet_expires_at ON cabinet (expires_at);
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
CREATE TABLE contexts (
	id BIGSERIAL NOT NULL,
	digest TEXT COLLATE "C" NOT NULL,
	coarse BIGINT NOT NULL,
	gateway TEXT COLLATE "C" NOT NULL,
	provider TEXT COLLATE "C",
	model TEXT COLLATE "C",
	"user" TEXT COLLATE "C",
	key TEXT COLLATE "C",
	service TEXT COLLATE "C",
	groups TEXT COLLATE "C" NOT NULL,
	metadata TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT contexts_digest UNIQUE (digest)
);
CREATE TABLE controls (
	id TEXT COLLATE "C" NOT NULL,
	target TEXT COLLATE "C" NOT NULL,
	since BIGINT NOT NULL,
	over_at BIGINT,
	record BYTEA NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE deliveries (
	alert_id TEXT COLLATE "C" NOT NULL,
	channel TEXT COLLATE "C" NOT NULL,
	due_at BIGINT NOT NULL,
	finished BIGINT NOT NULL,
	attempts BIGINT NOT NULL,
	arrived_at BIGINT,
	error TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (alert_id, channel)
);
CREATE INDEX deliveries_due ON deliveries (finished, due_at);
CREATE TABLE entries (
	seq BIGINT NOT NULL,
	id TEXT COLLATE "C" NOT NULL,
	reservation_id TEXT COLLATE "C" NOT NULL,
	request_id TEXT COLLATE "C" NOT NULL,
	attempt BIGINT NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	amount_nanodollars BIGINT NOT NULL,
	provider TEXT COLLATE "C" NOT NULL,
	model TEXT COLLATE "C" NOT NULL,
	response_model TEXT COLLATE "C",
	gateway TEXT COLLATE "C" NOT NULL,
	"user" TEXT COLLATE "C",
	key TEXT COLLATE "C",
	service TEXT COLLATE "C",
	groups TEXT COLLATE "C" NOT NULL,
	metadata TEXT COLLATE "C" NOT NULL,
	declared TEXT COLLATE "C" NOT NULL,
	input_tokens BIGINT,
	output_tokens BIGINT,
	legs TEXT COLLATE "C" NOT NULL,
	charge BYTEA NOT NULL,
	usage BYTEA,
	occurred_at BIGINT NOT NULL,
	recorded_at BIGINT NOT NULL,
	PRIMARY KEY (seq),
	CONSTRAINT entries_id UNIQUE (id),
	CONSTRAINT entries_kind CHECK (kind IN ('charge', 'presumed', 'unpriced', 'correction', 'credit', 'opening'))
);
CREATE INDEX entries_occurred_at ON entries (occurred_at);
CREATE TABLE freezes (
	month TEXT COLLATE "C" NOT NULL,
	dimension TEXT COLLATE "C" NOT NULL,
	at BIGINT NOT NULL,
	record BYTEA NOT NULL,
	PRIMARY KEY (month, dimension)
);
CREATE TABLE frozen (
	month TEXT COLLATE "C" NOT NULL,
	dimension TEXT COLLATE "C" NOT NULL,
	number BIGINT NOT NULL,
	record BYTEA NOT NULL,
	digest TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (month, dimension, number)
);
CREATE TABLE intents (
	reservation_id TEXT COLLATE "C" NOT NULL,
	opened_at BIGINT NOT NULL,
	record BYTEA NOT NULL,
	PRIMARY KEY (reservation_id)
);
CREATE TABLE jobs (
	id TEXT COLLATE "C" NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	settled BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	ask_at BIGINT NOT NULL,
	record BYTEA NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT jobs_kind CHECK (kind IN ('batch', 'file'))
);
CREATE INDEX jobs_open ON jobs (settled, ask_at);
CREATE TABLE marks (
	name TEXT COLLATE "C" NOT NULL,
	seq BIGINT NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE meters (
	level BIGINT NOT NULL,
	slot BIGINT NOT NULL,
	context BIGINT NOT NULL,
	meter TEXT COLLATE "C" NOT NULL,
	quantity BIGINT NOT NULL,
	amount_nanodollars BIGINT NOT NULL,
	PRIMARY KEY (level, slot, context, meter)
);
CREATE TABLE records (
	seq BIGSERIAL NOT NULL,
	request_id TEXT COLLATE "C" NOT NULL,
	at BIGINT NOT NULL,
	gateway TEXT COLLATE "C" NOT NULL,
	status BIGINT NOT NULL,
	code TEXT COLLATE "C" NOT NULL,
	provider TEXT COLLATE "C",
	model TEXT COLLATE "C",
	"user" TEXT COLLATE "C",
	key TEXT COLLATE "C",
	service TEXT COLLATE "C",
	groups TEXT COLLATE "C" NOT NULL,
	metadata TEXT COLLATE "C" NOT NULL,
	record BYTEA NOT NULL,
	PRIMARY KEY (seq)
);
CREATE INDEX records_at ON records (at);
CREATE INDEX records_code ON records (code, at) WHERE code <> '';
CREATE INDEX records_request_id ON records (request_id);
CREATE TABLE releases (
	seq BIGSERIAL NOT NULL,
	reservation_id TEXT COLLATE "C" NOT NULL,
	code TEXT COLLATE "C" NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (seq),
	CONSTRAINT releases_reservation_id UNIQUE (reservation_id)
);
CREATE TABLE remarks (
	request_id TEXT COLLATE "C" NOT NULL,
	recorded_at BIGINT NOT NULL,
	at BIGINT NOT NULL,
	by TEXT COLLATE "C" NOT NULL,
	feedback BIGINT,
	score_millionths BIGINT,
	metadata TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (request_id),
	CONSTRAINT remarks_feedback CHECK (feedback IN (1, -1))
);
CREATE INDEX remarks_recorded_at ON remarks (recorded_at);
CREATE TABLE resizes (
	reservation_id TEXT COLLATE "C" NOT NULL,
	number BIGINT NOT NULL,
	amount_nanodollars BIGINT NOT NULL,
	PRIMARY KEY (reservation_id, number)
);
CREATE TABLE settings (
	number BIGSERIAL NOT NULL,
	at BIGINT NOT NULL,
	saved_by TEXT COLLATE "C" NOT NULL,
	document TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (number)
);
CREATE TABLE sittings (
	"user" TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	first_at BIGINT NOT NULL,
	last_at BIGINT NOT NULL,
	amount_nanodollars BIGINT NOT NULL,
	entries BIGINT NOT NULL
);
CREATE INDEX sittings_amount ON sittings (amount_nanodollars, last_at, entries);
CREATE INDEX sittings_last_at ON sittings (last_at);
CREATE UNIQUE INDEX sittings_key ON sittings (brief("user"), brief(name), first_at);
ALTER TABLE sittings REPLICA IDENTITY FULL;
CREATE TABLE snoozes (
	target TEXT COLLATE "C" NOT NULL,
	until BIGINT NOT NULL,
	by TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX snoozes_key ON snoozes (brief(target));
ALTER TABLE snoozes REPLICA IDENTITY FULL;
CREATE TABLE spending (
	level BIGINT NOT NULL,
	slot BIGINT NOT NULL,
	context BIGINT NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	amount_nanodollars BIGINT NOT NULL,
	entries BIGINT NOT NULL,
	unpriced BIGINT NOT NULL,
	told BIGINT NOT NULL,
	input_tokens BIGINT NOT NULL,
	cache_read_tokens BIGINT NOT NULL,
	cache_write_tokens BIGINT NOT NULL,
	output_tokens BIGINT NOT NULL,
	reasoning_tokens BIGINT NOT NULL,
	PRIMARY KEY (level, slot, context, kind)
);
CREATE TABLE stops (
	downgraded BIGINT NOT NULL,
	at BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	code TEXT COLLATE "C" NOT NULL,
	gateway TEXT COLLATE "C" NOT NULL,
	provider TEXT COLLATE "C",
	model TEXT COLLATE "C",
	"user" TEXT COLLATE "C",
	charged_nanodollars BIGINT,
	PRIMARY KEY (downgraded, at, seq)
);
CREATE TABLE traffic (
	level BIGINT NOT NULL,
	slot BIGINT NOT NULL,
	context BIGINT NOT NULL,
	status BIGINT NOT NULL,
	requests BIGINT NOT NULL,
	refused BIGINT NOT NULL,
	errors BIGINT NOT NULL,
	cached BIGINT NOT NULL,
	saved_nanodollars BIGINT NOT NULL,
	saved_unknown BIGINT NOT NULL,
	total_us BIGINT NOT NULL,
	overhead_us BIGINT NOT NULL,
	first_chunks BIGINT NOT NULL,
	first_chunk_us BIGINT NOT NULL,
	took_0 BIGINT NOT NULL,
	took_1 BIGINT NOT NULL,
	took_2 BIGINT NOT NULL,
	took_3 BIGINT NOT NULL,
	took_4 BIGINT NOT NULL,
	took_5 BIGINT NOT NULL,
	took_6 BIGINT NOT NULL,
	took_7 BIGINT NOT NULL,
	took_8 BIGINT NOT NULL,
	took_9 BIGINT NOT NULL,
	took_10 BIGINT NOT NULL,
	took_11 BIGINT NOT NULL,
	took_12 BIGINT NOT NULL,
	PRIMARY KEY (level, slot, context, status)
);
