-- Schema 0012, made by scripts/make_schema.py from the migrations.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE intents (
	reservation_id TEXT NOT NULL, 
	opened_at INTEGER NOT NULL, 
	record BLOB NOT NULL, 
	PRIMARY KEY (reservation_id)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE releases (
	seq INTEGER NOT NULL, 
	reservation_id TEXT NOT NULL, 
	code TEXT NOT NULL, 
	at INTEGER NOT NULL, 
	PRIMARY KEY (seq), 
	CONSTRAINT releases_reservation_id UNIQUE (reservation_id)
)
 STRICT;
CREATE TABLE balances (
	account TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	spent_nanodollars INTEGER NOT NULL, 
	through_seq INTEGER NOT NULL, 
	PRIMARY KEY (account, bucket)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE marks (
	name TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE records (
	seq INTEGER NOT NULL, 
	request_id TEXT NOT NULL, 
	at INTEGER NOT NULL, 
	gateway TEXT NOT NULL, 
	status INTEGER NOT NULL, 
	code TEXT NOT NULL, 
	provider TEXT, 
	model TEXT, 
	user TEXT, 
	"key" TEXT, 
	service TEXT, 
	groups TEXT NOT NULL, 
	metadata TEXT NOT NULL, 
	record BLOB NOT NULL, 
	PRIMARY KEY (seq)
)
 STRICT;
CREATE TABLE settings (
	number INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	saved_by TEXT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (number)
)
 STRICT;
CREATE TABLE jobs (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	settled INTEGER NOT NULL, 
	created_at INTEGER NOT NULL, 
	ask_at INTEGER NOT NULL, 
	record BLOB NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT jobs_kind CHECK (kind IN ('batch', 'file'))
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE "entries" (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	reservation_id TEXT NOT NULL, 
	request_id TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	amount_nanodollars INTEGER NOT NULL, 
	provider TEXT NOT NULL, 
	model TEXT NOT NULL, 
	response_model TEXT, 
	gateway TEXT NOT NULL, 
	user TEXT, 
	"key" TEXT, 
	service TEXT, 
	groups TEXT NOT NULL, 
	metadata TEXT NOT NULL, 
	declared TEXT NOT NULL, 
	input_tokens INTEGER, 
	output_tokens INTEGER, 
	legs TEXT NOT NULL, 
	charge BLOB NOT NULL, 
	usage BLOB, 
	occurred_at INTEGER NOT NULL, 
	recorded_at INTEGER NOT NULL, 
	PRIMARY KEY (seq), 
	CONSTRAINT entries_id UNIQUE (id), 
	CONSTRAINT entries_kind CHECK (kind IN ('charge', 'presumed', 'unpriced', 'correction', 'credit', 'opening'))
)
 STRICT;
CREATE TABLE resizes (
	reservation_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	amount_nanodollars INTEGER NOT NULL, 
	PRIMARY KEY (reservation_id, number)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE controls (
	id TEXT NOT NULL, 
	target TEXT NOT NULL, 
	since INTEGER NOT NULL, 
	over_at INTEGER, 
	record BLOB NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE audit (
	seq INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	action TEXT NOT NULL, 
	target TEXT NOT NULL, 
	record BLOB NOT NULL, 
	previous TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (seq)
)
 STRICT;
CREATE TABLE alerts (
	id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	at INTEGER NOT NULL, 
	budget TEXT, 
	record BLOB NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT alerts_key UNIQUE ("key")
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE deliveries (
	alert_id TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	due_at INTEGER NOT NULL, 
	finished INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	arrived_at INTEGER, 
	error TEXT NOT NULL, 
	PRIMARY KEY (alert_id, channel)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE snoozes (
	target TEXT NOT NULL, 
	until INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	PRIMARY KEY (target)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE budgets (
	id TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	since INTEGER NOT NULL, 
	settled INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE cabinet (
	drawer TEXT NOT NULL, 
	id TEXT NOT NULL, 
	record BLOB NOT NULL, 
	at INTEGER NOT NULL, 
	expires_at INTEGER, 
	PRIMARY KEY (drawer, id)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE contexts (
	id INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	coarse INTEGER NOT NULL, 
	gateway TEXT NOT NULL, 
	provider TEXT, 
	model TEXT, 
	user TEXT, 
	"key" TEXT, 
	service TEXT, 
	groups TEXT NOT NULL, 
	metadata TEXT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT contexts_digest UNIQUE (digest)
)
 STRICT;
CREATE TABLE spending (
	level INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	context INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	amount_nanodollars INTEGER NOT NULL, 
	entries INTEGER NOT NULL, 
	unpriced INTEGER NOT NULL, 
	told INTEGER NOT NULL, 
	input_tokens INTEGER NOT NULL, 
	cache_read_tokens INTEGER NOT NULL, 
	cache_write_tokens INTEGER NOT NULL, 
	output_tokens INTEGER NOT NULL, 
	reasoning_tokens INTEGER NOT NULL, 
	PRIMARY KEY (level, slot, context, kind)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE traffic (
	level INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	context INTEGER NOT NULL, 
	status INTEGER NOT NULL, 
	requests INTEGER NOT NULL, 
	refused INTEGER NOT NULL, 
	errors INTEGER NOT NULL, 
	cached INTEGER NOT NULL, 
	saved_nanodollars INTEGER NOT NULL, 
	saved_unknown INTEGER NOT NULL, 
	total_us INTEGER NOT NULL, 
	overhead_us INTEGER NOT NULL, 
	first_chunks INTEGER NOT NULL, 
	first_chunk_us INTEGER NOT NULL, 
	took_0 INTEGER NOT NULL, 
	took_1 INTEGER NOT NULL, 
	took_2 INTEGER NOT NULL, 
	took_3 INTEGER NOT NULL, 
	took_4 INTEGER NOT NULL, 
	took_5 INTEGER NOT NULL, 
	took_6 INTEGER NOT NULL, 
	took_7 INTEGER NOT NULL, 
	took_8 INTEGER NOT NULL, 
	took_9 INTEGER NOT NULL, 
	took_10 INTEGER NOT NULL, 
	took_11 INTEGER NOT NULL, 
	took_12 INTEGER NOT NULL, 
	PRIMARY KEY (level, slot, context, status)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE attributes (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name, value)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE sittings (
	user TEXT NOT NULL, 
	name TEXT NOT NULL, 
	first_at INTEGER NOT NULL, 
	last_at INTEGER NOT NULL, 
	amount_nanodollars INTEGER NOT NULL, 
	entries INTEGER NOT NULL, 
	PRIMARY KEY (user, name, first_at)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE remarks (
	request_id TEXT NOT NULL, 
	recorded_at INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	feedback INTEGER, 
	score_millionths INTEGER, 
	metadata TEXT NOT NULL, 
	PRIMARY KEY (request_id), 
	CONSTRAINT remarks_feedback CHECK (feedback IN (1, -1))
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE freezes (
	month TEXT NOT NULL, 
	dimension TEXT NOT NULL, 
	at INTEGER NOT NULL, 
	record BLOB NOT NULL, 
	PRIMARY KEY (month, dimension)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE frozen (
	month TEXT NOT NULL, 
	dimension TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	record BLOB NOT NULL, 
	digest TEXT NOT NULL, 
	PRIMARY KEY (month, dimension, number)
)
 STRICT;
CREATE TABLE stops (
	downgraded INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	code TEXT NOT NULL, 
	gateway TEXT NOT NULL, 
	provider TEXT, 
	model TEXT, 
	user TEXT, 
	charged_nanodollars INTEGER, 
	PRIMARY KEY (downgraded, at, seq)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE meters (
	level INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	context INTEGER NOT NULL, 
	meter TEXT NOT NULL, 
	quantity INTEGER NOT NULL, 
	amount_nanodollars INTEGER NOT NULL, 
	PRIMARY KEY (level, slot, context, meter)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE calls (
	level INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	context INTEGER NOT NULL, 
	entries INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	unpriced INTEGER NOT NULL, 
	presumed INTEGER NOT NULL, 
	PRIMARY KEY (level, slot, context)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE apart (
	kind TEXT NOT NULL, 
	at INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	PRIMARY KEY (kind, at, seq)
)
 WITHOUT ROWID,
 STRICT;
CREATE INDEX records_request_id ON records (request_id);
CREATE INDEX records_at ON records (at);
CREATE INDEX jobs_open ON jobs (settled, ask_at);
CREATE INDEX entries_occurred_at ON entries (occurred_at);
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'ledger entries are never changed or deleted; write a correction'); END;
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'ledger entries are never changed or deleted; write a correction'); END;
CREATE INDEX audit_target ON audit (target);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'lines of the audit log are never changed or deleted'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'lines of the audit log are never changed or deleted'); END;
CREATE INDEX alerts_budget ON alerts (budget);
CREATE INDEX deliveries_due ON deliveries (finished, due_at);
CREATE INDEX cabinet_expires_at ON cabinet (expires_at);
CREATE INDEX sittings_last_at ON sittings (last_at);
CREATE INDEX remarks_recorded_at ON remarks (recorded_at);
CREATE INDEX records_code ON records (code, at) WHERE code <> '';
CREATE TRIGGER freezes_no_update BEFORE UPDATE ON freezes BEGIN SELECT RAISE(ABORT, 'frozen statements are never changed or deleted'); END;
CREATE TRIGGER freezes_no_delete BEFORE DELETE ON freezes BEGIN SELECT RAISE(ABORT, 'frozen statements are never changed or deleted'); END;
CREATE TRIGGER frozen_no_update BEFORE UPDATE ON frozen BEGIN SELECT RAISE(ABORT, 'frozen statements are never changed or deleted'); END;
CREATE TRIGGER frozen_no_delete BEFORE DELETE ON frozen BEGIN SELECT RAISE(ABORT, 'frozen statements are never changed or deleted'); END;
CREATE TRIGGER freezes_no_replace BEFORE INSERT ON freezes WHEN EXISTS (SELECT 1 FROM freezes WHERE month = NEW.month AND dimension = NEW.dimension) BEGIN SELECT RAISE(ABORT, 'frozen statements are never changed or deleted'); END;
CREATE TRIGGER frozen_no_replace BEFORE INSERT ON frozen WHEN EXISTS (SELECT 1 FROM frozen WHERE month = NEW.month AND dimension = NEW.dimension AND number = NEW.number OR rowid = NEW.rowid) BEGIN SELECT RAISE(ABORT, 'frozen statements are never changed or deleted'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'lines of the audit log are never changed or deleted'); END;
CREATE INDEX sittings_amount ON sittings (amount_nanodollars, last_at, entries);
