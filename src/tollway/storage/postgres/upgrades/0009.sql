-- Requests that were refused or downgraded, a line each. What was logged before gets its lines little by little.
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
