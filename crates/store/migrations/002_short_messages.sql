-- Short messages: where a device's go, when an answer was last given to a bearer, which message goes first, and what
-- became of each.
-- This file is never changed: a checksum of it stands in every database. What is to be different goes into a new file.

ALTER TABLE authenticators ADD COLUMN msisdn TEXT;
ALTER TABLE authenticators ADD COLUMN reply_at INTEGER;

ALTER TABLE outbox ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN sent_at INTEGER;

DROP INDEX outbox_by_time;
CREATE INDEX outbox_by_urgency ON outbox (priority, next_attempt_at, realm, authenticator, message, created_at);
CREATE INDEX outbox_by_age ON outbox (created_at);
CREATE INDEX outbox_unsent ON outbox (created_at) WHERE attempts = 0;

-- A row for each short message that a centre was handed. Nothing of its contents.
CREATE TABLE dispatches (
    realm TEXT NOT NULL,
    authenticator BLOB NOT NULL,
    message BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    content INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    centre TEXT NOT NULL,
    centre_id TEXT,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    settled_at INTEGER,
    error TEXT NOT NULL,
    PRIMARY KEY (realm, authenticator, message, attempt, part)
) STRICT, WITHOUT ROWID;

-- Receipts name a message as its centre does.
CREATE INDEX dispatches_by_centre ON dispatches (centre, centre_id) WHERE centre_id IS NOT NULL;

CREATE INDEX dispatches_by_time ON dispatches (at);
