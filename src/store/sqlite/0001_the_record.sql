-- One line: where the log stands. Read and written in every transaction that appends.
CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch INTEGER NOT NULL,
  size INTEGER NOT NULL,
  authority INTEGER NOT NULL,
  at TEXT NOT NULL,
  fence INTEGER NOT NULL
) STRICT;

CREATE TABLE number (kind TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE leaf (
  idx INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  event TEXT NOT NULL,
  row TEXT,
  authority INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE INDEX leaf_of_row ON leaf (row, idx) WHERE row IS NOT NULL;
CREATE INDEX leaf_of_authority ON leaf (idx) WHERE authority = 1;
CREATE INDEX leaf_at ON leaf (at_ms);

-- Complete subtrees. They never change once they are there.
CREATE TABLE node (
  level INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

-- The newest entry of each history: what the next one names as its `prev`.
CREATE TABLE thread (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- What lists and filters look at. The head's whole text lies beside it, the drafts apart from both: bodies in this
-- table would make the list of open rows forty times slower.
CREATE TABLE row (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  incident TEXT,
  version INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  -- When a row that is not ended ends by itself: a degraded one, with its watch window.
  ends_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX row_open ON row (kind, subject) WHERE ended = 0;
CREATE INDEX row_changed ON row (changed_ms, id);
CREATE INDEX row_incident ON row (incident) WHERE incident IS NOT NULL;

CREATE TABLE row_head (pk INTEGER PRIMARY KEY REFERENCES row (pk), json TEXT NOT NULL) STRICT;

CREATE TABLE draft (
  pk INTEGER NOT NULL REFERENCES row (pk),
  revision INTEGER NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (pk, revision)
) STRICT;

CREATE VIRTUAL TABLE search USING fts5 (body, tokenize = "unicode61 remove_diacritics 0");

CREATE TABLE hold (
  subject TEXT NOT NULL,
  drift TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  lifted INTEGER NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (subject, drift)
) STRICT;
CREATE INDEX hold_standing ON hold (since_ms) WHERE lifted = 0;

CREATE TABLE work (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  row TEXT NOT NULL,
  payload TEXT NOT NULL,
  not_before_ms INTEGER NOT NULL,
  leased_until_ms INTEGER,
  fence INTEGER NOT NULL,
  attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX work_due ON work (kind, id);

CREATE TABLE blob (digest BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

CREATE TABLE answer (
  decision TEXT PRIMARY KEY,
  request BLOB NOT NULL,
  answer TEXT NOT NULL,
  leaf INTEGER
) STRICT;

CREATE TABLE repeatable (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  request BLOB NOT NULL,
  status INTEGER NOT NULL,
  answer TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (principal, key)
) STRICT;

CREATE TABLE session (
  token BLOB PRIMARY KEY,
  principal TEXT NOT NULL,
  key_fingerprint TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE cosignature (size INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY KEY (size, line)) STRICT, WITHOUT ROWID;
