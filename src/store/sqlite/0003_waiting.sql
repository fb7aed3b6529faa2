-- Runs that wait at Dock itself, and what they were told.
CREATE TABLE waiting (
  service TEXT NOT NULL,
  environment TEXT NOT NULL,
  run INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (service, environment, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_seen ON waiting (seen_ms);
