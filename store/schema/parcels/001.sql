-- Version 1 of parcels.db: what is held for strangers. Times are unix
-- milliseconds.

-- Where packages came from: the prefix in the binary form of netip, empty for
-- none, and how many bytes of packages it has here.
CREATE TABLE origin(
	id     INTEGER PRIMARY KEY,
	prefix BLOB NOT NULL UNIQUE,
	bytes  INTEGER NOT NULL
) STRICT;

-- Packages, in the order in which they came, so that what expires together
-- lies together. hint and spot are the first 8 bytes of address and location
-- as a number, less 2^63, which keeps their order.
CREATE TABLE parcel(
	id        INTEGER PRIMARY KEY,
	hint      INTEGER NOT NULL,
	spot      INTEGER NOT NULL,
	origin    INTEGER NOT NULL,
	came      INTEGER NOT NULL,
	until     INTEGER NOT NULL,
	expiry    INTEGER NOT NULL, -- in hours, as signed
	tombstone INTEGER NOT NULL,
	address   BLOB NOT NULL CHECK(length(address) = 32),
	location  BLOB NOT NULL CHECK(length(location) = 32),
	sum       BLOB NOT NULL CHECK(length(sum) = 32),
	package   BLOB NOT NULL
) STRICT;
CREATE INDEX parcel_hint ON parcel(hint);
CREATE INDEX parcel_until ON parcel(until);
CREATE INDEX parcel_spot ON parcel(origin, spot, came);

-- What the node itself keeps, sealed once more: its key and the contacts that
-- it knew last.
CREATE TABLE kept(
	name   TEXT PRIMARY KEY,
	sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
