-- Version 1. Times are unix milliseconds. Numbers beside rows.go: state and
-- path are those of its constants.

-- Who this profile is: the seed of its identity, sealed once more.
CREATE TABLE identity(
	id     INTEGER PRIMARY KEY CHECK(id = 1),
	sealed BLOB NOT NULL
) STRICT;

-- Small things by name.
CREATE TABLE meta(
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Every identity that any row names, ourselves too, under a short number.
CREATE TABLE peer(
	id  INTEGER PRIMARY KEY,
	pub BLOB NOT NULL UNIQUE CHECK(length(pub) = 32)
) STRICT;

CREATE TABLE contact(
	peer    INTEGER PRIMARY KEY REFERENCES peer,
	claimed TEXT NOT NULL,
	petname TEXT NOT NULL,
	kept    INTEGER NOT NULL,
	seen    INTEGER NOT NULL -- 0: never
) STRICT;

-- Conversations. What a roster shows of them is counted as messages come, not
-- when it is asked for.
CREATE TABLE chat(
	id      INTEGER PRIMARY KEY,
	peer    INTEGER UNIQUE REFERENCES peer, -- NULL: the room
	read    REAL NOT NULL DEFAULT 0,        -- pos of the last message read
	unread  INTEGER NOT NULL DEFAULT 0,     -- messages of others behind it
	waiting INTEGER NOT NULL DEFAULT 0      -- own private messages in the outbox
) STRICT;
INSERT INTO chat(id) VALUES(1);

-- A message id is unique only with chat and sender: in a room others see it,
-- so a rule for all would let one person suppress another's message.
-- Messages are never deleted, so a row number is never used again.
CREATE TABLE message(
	id        INTEGER PRIMARY KEY,
	chat      INTEGER NOT NULL REFERENCES chat,
	uid       BLOB NOT NULL CHECK(length(uid) = 16),
	sender    INTEGER NOT NULL REFERENCES peer,
	seq       INTEGER NOT NULL CHECK(seq > 0),
	pos       REAL NOT NULL,
	late      INTEGER NOT NULL,
	sent      INTEGER NOT NULL,
	arrived   INTEGER NOT NULL,
	state     INTEGER NOT NULL, -- 0: somebody else's
	acked     INTEGER NOT NULL,
	addressed INTEGER NOT NULL,
	reason    TEXT NOT NULL,
	path      INTEGER NOT NULL,
	text      TEXT NOT NULL,
	UNIQUE(uid, chat, sender)
) STRICT;
CREATE INDEX message_place ON message(chat, pos);
CREATE INDEX message_order ON message(chat, sender, seq) WHERE late = 0;

-- Who still has to get which own message. Private ones never expire, lines of
-- the room always do.
CREATE TABLE outbox(
	dest    INTEGER NOT NULL REFERENCES peer,
	message INTEGER NOT NULL REFERENCES message,
	expires INTEGER NOT NULL, -- 0: never
	PRIMARY KEY(dest, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_expires ON outbox(expires, message) WHERE expires > 0;

-- What to send for a message in the outbox: once, however many it is for.
CREATE TABLE envelope(
	message INTEGER PRIMARY KEY REFERENCES message,
	sealed  BLOB NOT NULL
) STRICT;
