-- What Matchbook keeps. Every key leads with the realm; the exceptions are the directory, tokens and meta.
-- Times are milliseconds since 1970-01-01T00:00Z. The numbers of kinds and states are listed in src/sqlite/rows/words.rs.
-- This file is never changed: a checksum of it stands in every database. What is to be different goes into a new file.

PRAGMA application_id = 0x4D424B53; -- "MBKS"

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('probes', 0);

CREATE TABLE realms (
    realm TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    mode INTEGER NOT NULL,
    look_ahead INTEGER,
    digits INTEGER NOT NULL,
    base32 INTEGER NOT NULL,
    set_size INTEGER,
    threshold INTEGER NOT NULL,
    max_failures INTEGER NOT NULL,
    sets_per_day INTEGER NOT NULL,
    skips_per_day INTEGER NOT NULL,
    rotate_after_days INTEGER NOT NULL,
    accept_guessable_codes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE subscribers (
    realm TEXT NOT NULL,
    subscriber TEXT NOT NULL,
    display_name TEXT NOT NULL,
    suspended INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (realm, subscriber)
) STRICT, WITHOUT ROWID;

-- Finds the realm of an identification code, which is taken in all realms or in none.
CREATE TABLE directory (
    authenticator BLOB PRIMARY KEY,
    realm TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE authenticators (
    realm TEXT NOT NULL,
    authenticator BLOB NOT NULL,
    subscriber TEXT NOT NULL,
    label TEXT NOT NULL,
    profile INTEGER NOT NULL,
    handle INTEGER NOT NULL,
    status INTEGER NOT NULL,
    expires_at INTEGER,
    key_epoch INTEGER NOT NULL,
    key_sealed BLOB NOT NULL,
    key_since INTEGER NOT NULL,
    key_messages INTEGER NOT NULL,
    next_epoch INTEGER,
    next_sealed BLOB,
    next_ephemeral BLOB,
    next_counter INTEGER,
    public_key BLOB NOT NULL,
    request_highest INTEGER NOT NULL,
    request_seen INTEGER NOT NULL,
    reply_counter INTEGER,
    reply_bytes BLOB,
    sync_sequence INTEGER NOT NULL,
    next_index INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL,
    restored INTEGER NOT NULL,
    rotation_wanted INTEGER,
    refill_due INTEGER,
    day INTEGER NOT NULL,
    day_sets INTEGER NOT NULL,
    reported_unused INTEGER,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER,
    version INTEGER NOT NULL,
    PRIMARY KEY (realm, authenticator)
) STRICT, WITHOUT ROWID;

CREATE INDEX authenticators_by_subscriber ON authenticators (realm, subscriber, authenticator, status);

CREATE INDEX authenticators_with_work ON authenticators (realm, authenticator)
    WHERE refill_due IS NOT NULL OR rotation_wanted IS NOT NULL;

-- One row a set, written once and deleted whole. tags: 16 bytes a code, in order of index.
CREATE TABLE sets (
    realm TEXT NOT NULL,
    authenticator BLOB NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    alphabet INTEGER NOT NULL,
    digits INTEGER NOT NULL,
    pepper_version INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    tags BLOB NOT NULL,
    PRIMARY KEY (realm, authenticator, first)
) STRICT, WITHOUT ROWID;

-- The ledger: who inserts the row has the code. Rows go with their set.
CREATE TABLE spends (
    realm TEXT NOT NULL,
    authenticator BLOB NOT NULL,
    code INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    relying_party TEXT NOT NULL,
    operation TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (realm, authenticator, code)
) STRICT, WITHOUT ROWID;

-- The highest index whose row of the ledger is gone.
CREATE TABLE forgotten (
    realm TEXT NOT NULL,
    authenticator BLOB NOT NULL,
    highest INTEGER NOT NULL,
    PRIMARY KEY (realm, authenticator)
) STRICT, WITHOUT ROWID;

CREATE TABLE operations (
    realm TEXT NOT NULL,
    relying_party TEXT NOT NULL,
    operation TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    verdict INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (realm, relying_party, operation)
) STRICT, WITHOUT ROWID;

CREATE INDEX operations_by_time ON operations (at);

-- Consecutive failures of an authenticator; no row for none.
CREATE TABLE failures (
    realm TEXT NOT NULL,
    authenticator BLOB NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (realm, authenticator)
) STRICT, WITHOUT ROWID;

CREATE TABLE buckets (
    realm TEXT NOT NULL,
    bucket BLOB NOT NULL,
    failures INTEGER NOT NULL,
    window_started_at INTEGER NOT NULL,
    last_failure_at INTEGER NOT NULL,
    PRIMARY KEY (realm, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    realm TEXT NOT NULL,
    authenticator BLOB NOT NULL,
    message BLOB NOT NULL,
    kind INTEGER NOT NULL,
    first INTEGER,
    last INTEGER,
    epoch INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    PRIMARY KEY (realm, authenticator, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_by_time ON outbox (next_attempt_at, realm, authenticator, message, created_at);

-- The id begins with the time, so that the newest stand last.
CREATE TABLE audit (
    realm TEXT NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    authenticator BLOB,
    subscriber TEXT,
    relying_party TEXT,
    detail TEXT NOT NULL,
    PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_authenticator ON audit (realm, authenticator, id) WHERE authenticator IS NOT NULL;

CREATE TABLE tokens (
    token BLOB PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    role INTEGER NOT NULL,
    realm TEXT,
    relying_party TEXT,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
