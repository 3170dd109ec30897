-- Version 1. Times are unix milliseconds. Numbers beside rows.go: kind, state
-- and path are those of its constants.

-- Who this profile is: the seed of its identity and the private half of its
-- agreement key, sealed once more.
CREATE TABLE identity(
	id        INTEGER PRIMARY KEY CHECK(id = 1),
	sealed    BLOB NOT NULL,
	agreement BLOB
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
	peer     INTEGER PRIMARY KEY REFERENCES peer,
	claimed  TEXT NOT NULL,
	petname  TEXT NOT NULL,
	kept     INTEGER NOT NULL,
	seen     INTEGER NOT NULL, -- 0: never
	standing INTEGER NOT NULL,
	since    INTEGER NOT NULL, -- of the standing
	verified INTEGER NOT NULL,
	addrs    TEXT NOT NULL,    -- one a line, as heard
	heard    TEXT NOT NULL,
	gen      INTEGER NOT NULL, -- highest generation of a session
	floor    INTEGER NOT NULL, -- own messages to them are numbered above it
	invited  BLOB              -- the secret of their invitation, until they have answered
) STRICT;
CREATE INDEX contact_request ON contact(since) WHERE standing = 1;

-- Conversations. What a roster shows of them is counted as messages come, not
-- when it is asked for.
CREATE TABLE chat(
	id       INTEGER PRIMARY KEY,
	peer     INTEGER UNIQUE REFERENCES peer, -- NULL: the room
	read     REAL NOT NULL DEFAULT 0,        -- pos of the last message read
	unread   INTEGER NOT NULL DEFAULT 0,     -- messages of others behind it
	mentions INTEGER NOT NULL DEFAULT 0,     -- those of them that name us
	waiting  INTEGER NOT NULL DEFAULT 0,     -- own private messages in the outbox
	muted    INTEGER NOT NULL DEFAULT 0,     -- until then; 0: it is not
	keep     INTEGER NOT NULL DEFAULT 0,     -- for how long its messages are kept; 0: for good
	doomed   INTEGER NOT NULL DEFAULT 0,     -- messages up to this row are to be deleted
	top      REAL NOT NULL DEFAULT 0         -- highest pos of a message that was deleted
) STRICT;
INSERT INTO chat(id) VALUES(1);

-- What the user has left in a chat: a text that is not sent, and the first
-- message in view; row 0: the view follows the end.
CREATE TABLE draft(
	chat INTEGER PRIMARY KEY REFERENCES chat,
	text TEXT NOT NULL,
	pos  REAL NOT NULL,
	row  INTEGER NOT NULL
) STRICT;

-- A message id is unique only with chat and sender: in a room others see it,
-- so a rule for all would let one person suppress another's message.
-- A row number is never used again, though rows are deleted: see forget.go. Of
-- what its author deletes a row without a text stays. What is kind > 0 changes
-- another message and is shown to nobody: see changes.go.
CREATE TABLE message(
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
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
	kind      INTEGER NOT NULL,
	target    BLOB,             -- uid of the message of this chat that it answers or changes,
	author    INTEGER REFERENCES peer, -- and who wrote that
	edited    INTEGER NOT NULL DEFAULT 0, -- when the correction was written that the text is of; 0: none
	deleted   INTEGER NOT NULL DEFAULT 0,
	reacted   INTEGER NOT NULL DEFAULT 0, -- there are reactions to it
	mentioned INTEGER NOT NULL,           -- the text names us
	UNIQUE(uid, chat, sender)
) STRICT;
CREATE INDEX message_place ON message(chat, pos) WHERE kind = 0;
CREATE INDEX message_hidden ON message(chat, pos) WHERE kind > 0;
CREATE INDEX message_change ON message(target, author, kind, sender, seq) WHERE kind > 0;
CREATE INDEX message_order ON message(chat, sender, seq) WHERE late = 0;

-- The highest number of an author among the messages of a chat that were
-- deleted here.
CREATE TABLE gone(
	chat   INTEGER NOT NULL REFERENCES chat,
	sender INTEGER NOT NULL REFERENCES peer,
	seq    INTEGER NOT NULL,
	PRIMARY KEY(chat, sender)
) STRICT, WITHOUT ROWID;

-- Messages of others that were deleted here and are known if they come again,
-- until then.
CREATE TABLE forgotten(
	uid    BLOB NOT NULL CHECK(length(uid) = 16),
	chat   INTEGER NOT NULL REFERENCES chat,
	sender INTEGER NOT NULL REFERENCES peer,
	until  INTEGER NOT NULL,
	PRIMARY KEY(uid, chat, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX forgotten_until ON forgotten(until);

-- What corrected messages said at first.
CREATE TABLE original(
	message INTEGER PRIMARY KEY REFERENCES message,
	text    TEXT NOT NULL
) STRICT;

-- The reactions that count.
CREATE TABLE reaction(
	message INTEGER NOT NULL REFERENCES message,
	peer    INTEGER NOT NULL REFERENCES peer,
	mine    INTEGER NOT NULL,
	text    TEXT NOT NULL,
	PRIMARY KEY(message, peer)
) STRICT, WITHOUT ROWID;

-- The words of messages, by rows of message: see search.go and words.go. It
-- keeps no text, and of what is taken out of it, it keeps nothing.
CREATE VIRTUAL TABLE words USING fts5(text, content = '', columnsize = 0, prefix = 3, tokenize = "ascii tokenchars '#@'");
INSERT INTO words(words, rank) VALUES('secure-delete', 1);

-- The first and the last row among the messages that came on a day, of those
-- since 1970 in UTC.
CREATE TABLE day(
	day   INTEGER PRIMARY KEY,
	first INTEGER NOT NULL,
	last  INTEGER NOT NULL
) STRICT;

-- Who still has to get which own message. Private ones never expire, lines of
-- the room always do. parts counts the packages in which a private message is
-- under way; without any it waits to be sealed.
CREATE TABLE outbox(
	dest    INTEGER NOT NULL REFERENCES peer,
	message INTEGER NOT NULL, -- no reference, which all of it would be searched for when one is deleted
	expires INTEGER NOT NULL, -- 0: never
	parts   INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY(dest, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_expires ON outbox(expires, message) WHERE expires > 0;
CREATE INDEX outbox_lines ON outbox(dest, message) WHERE expires > 0;
CREATE INDEX outbox_unsealed ON outbox(dest, message) WHERE expires = 0 AND parts = 0;

-- What to send for a message in the outbox: once, however many it is for.
CREATE TABLE envelope(
	message INTEGER PRIMARY KEY REFERENCES message,
	sealed  BLOB NOT NULL
) STRICT;

-- The sessions with people. version counts the states, so that no record of an
-- old one fits into the row, and no row number is used again.
CREATE TABLE session(
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	peer    INTEGER NOT NULL REFERENCES peer,
	sid     BLOB NOT NULL CHECK(length(sid) = 16),
	gen     INTEGER NOT NULL,
	started INTEGER NOT NULL,
	version INTEGER NOT NULL,
	state   BLOB, -- NULL out of a backup
	reset   BLOB,
	UNIQUE(peer, sid)
) STRICT;

-- Packages of private messages that nobody has acknowledged, as they were
-- made: message 0 is a void one.
CREATE TABLE parcel(
	session INTEGER NOT NULL REFERENCES session,
	epoch   INTEGER NOT NULL,
	n       INTEGER NOT NULL,
	message INTEGER NOT NULL,
	part    INTEGER NOT NULL,
	parts   INTEGER NOT NULL,
	sealed  BLOB NOT NULL,
	first   INTEGER NOT NULL DEFAULT 0, -- when the mail network took it first; 0: never
	next    INTEGER NOT NULL DEFAULT 0, -- when it is put there again
	day     INTEGER NOT NULL DEFAULT 0, -- at whose places it was put last
	held    INTEGER NOT NULL DEFAULT 0, -- by so many nodes then
	places  INTEGER NOT NULL DEFAULT 0, -- of so many that could
	PRIMARY KEY(session, epoch, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX parcel_message ON parcel(message) WHERE message > 0;

-- Tombstones of packages that were taken out of the mail network and is to be
-- told so: signed, and for everybody to read.
CREATE TABLE burial(
	id     INTEGER PRIMARY KEY,
	made   INTEGER NOT NULL,
	next   INTEGER NOT NULL,
	tries  INTEGER NOT NULL,
	stones BLOB NOT NULL -- 166 bytes each
) STRICT;
CREATE INDEX burial_next ON burial(next);

-- Keys that were given to one person each and not used yet.
CREATE TABLE prekey(
	id      INTEGER PRIMARY KEY,
	number  BLOB NOT NULL UNIQUE CHECK(length(number) = 8),
	peer    INTEGER NOT NULL REFERENCES peer,
	session INTEGER REFERENCES session, -- for whose loss they are kept; NULL: for the next one
	made    INTEGER NOT NULL,
	bundle  BLOB NOT NULL, -- empty once the other side has it
	sealed  BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX prekey_peer ON prekey(peer) WHERE session IS NULL;
CREATE INDEX prekey_session ON prekey(session) WHERE session IS NOT NULL;

-- Invitations that nobody has used yet: at most a few.
CREATE TABLE invitation(
	id      INTEGER PRIMARY KEY,
	made    INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	next    INTEGER NOT NULL, -- when its offer is put into the mail network again
	sealed  BLOB NOT NULL     -- its secrets and its text
) STRICT;

-- Parts of private messages whose other parts have not come yet.
CREATE TABLE fragment(
	peer  INTEGER NOT NULL REFERENCES peer,
	uid   BLOB NOT NULL CHECK(length(uid) = 16),
	part  INTEGER NOT NULL,
	parts INTEGER NOT NULL,
	made  INTEGER NOT NULL,
	data  BLOB NOT NULL,
	PRIMARY KEY(peer, uid, part)
) STRICT, WITHOUT ROWID;
