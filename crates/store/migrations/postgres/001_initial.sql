-- What Matchbook keeps, on PostgreSQL. Tables and columns are those of SQLite, with the same meaning, so that rows can be
-- moved from one to the other. Every key leads with the realm; the exceptions are the directory, tokens, and what
-- belongs to no realm: meta, probes and leases.
-- Times are milliseconds since 1970-01-01T00:00Z. The numbers of kinds and states are listed in src/rows/words.rs.
-- This file is never changed: a checksum of it stands in every database. What is to be different goes into a new file.

CREATE TABLE meta (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);

-- Rows that nobody reads: writing one shows that a commit becomes durable. There are many, so that few meet.
CREATE TABLE probes (
    slot INTEGER PRIMARY KEY,
    count BIGINT NOT NULL
);

-- What one node at a time does. The times are the database's.
CREATE TABLE leases (
    name TEXT COLLATE "C" PRIMARY KEY,
    node BYTEA NOT NULL,
    held_until BIGINT NOT NULL
);

CREATE TABLE realms (
    realm TEXT COLLATE "C" PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
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
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE subscribers (
    realm TEXT COLLATE "C" NOT NULL,
    subscriber TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    suspended INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (realm, subscriber)
);

-- Finds the realm of an identification code, which is taken in all realms or in none.
CREATE TABLE directory (
    authenticator BYTEA PRIMARY KEY,
    realm TEXT COLLATE "C" NOT NULL
);

CREATE TABLE authenticators (
    realm TEXT COLLATE "C" NOT NULL,
    authenticator BYTEA NOT NULL,
    subscriber TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    profile INTEGER NOT NULL,
    handle BIGINT NOT NULL,
    status INTEGER NOT NULL,
    expires_at BIGINT,
    key_epoch BIGINT NOT NULL,
    key_sealed BYTEA NOT NULL,
    key_since BIGINT NOT NULL,
    key_messages BIGINT NOT NULL,
    next_epoch BIGINT,
    next_sealed BYTEA,
    next_ephemeral BYTEA,
    next_counter BIGINT,
    public_key BYTEA NOT NULL,
    request_highest BIGINT NOT NULL,
    request_seen BIGINT NOT NULL,
    reply_counter BIGINT,
    reply_bytes BYTEA,
    sync_sequence BIGINT NOT NULL,
    next_index BIGINT NOT NULL,
    acknowledged BIGINT NOT NULL,
    restored INTEGER NOT NULL,
    rotation_wanted INTEGER,
    refill_due INTEGER,
    day BIGINT NOT NULL,
    day_sets BIGINT NOT NULL,
    reported_unused BIGINT,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT,
    version BIGINT NOT NULL,
    msisdn TEXT COLLATE "C",
    reply_at BIGINT,
    PRIMARY KEY (realm, authenticator)
);

CREATE INDEX authenticators_by_subscriber ON authenticators (realm, subscriber, authenticator);

CREATE INDEX authenticators_with_work ON authenticators (realm, authenticator)
    WHERE refill_due IS NOT NULL OR rotation_wanted IS NOT NULL;

-- One row a set, written once and deleted whole. tags: 16 bytes a code, in order of index.
CREATE TABLE sets (
    realm TEXT COLLATE "C" NOT NULL,
    authenticator BYTEA NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    alphabet INTEGER NOT NULL,
    digits INTEGER NOT NULL,
    pepper_version INTEGER NOT NULL,
    issued_at BIGINT NOT NULL,
    tags BYTEA NOT NULL,
    PRIMARY KEY (realm, authenticator, first)
);

-- The ledger: who inserts the row has the code. Rows go with their set.
CREATE TABLE spends (
    realm TEXT COLLATE "C" NOT NULL,
    authenticator BYTEA NOT NULL,
    code BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    relying_party TEXT COLLATE "C" NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (realm, authenticator, code)
);

-- The highest index whose row of the ledger is gone. Of a device that is not there it is also what those wait for who
-- insert sets.
CREATE TABLE forgotten (
    realm TEXT COLLATE "C" NOT NULL,
    authenticator BYTEA NOT NULL,
    highest BIGINT NOT NULL,
    PRIMARY KEY (realm, authenticator)
);

CREATE TABLE operations (
    realm TEXT COLLATE "C" NOT NULL,
    relying_party TEXT COLLATE "C" NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    verdict INTEGER NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (realm, relying_party, operation)
);

CREATE INDEX operations_by_time ON operations (at);

-- Consecutive failures of an authenticator; no row for none.
CREATE TABLE failures (
    realm TEXT COLLATE "C" NOT NULL,
    authenticator BYTEA NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (realm, authenticator)
);

CREATE TABLE buckets (
    realm TEXT COLLATE "C" NOT NULL,
    bucket BYTEA NOT NULL,
    failures BIGINT NOT NULL,
    window_started_at BIGINT NOT NULL,
    last_failure_at BIGINT NOT NULL,
    PRIMARY KEY (realm, bucket)
);

-- leased_by: the node that sends the message until leased_until, by the database's clock. Nobody moves these two.
CREATE TABLE outbox (
    realm TEXT COLLATE "C" NOT NULL,
    authenticator BYTEA NOT NULL,
    message BYTEA NOT NULL,
    kind INTEGER NOT NULL,
    first BIGINT,
    last BIGINT,
    epoch BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    sent_at BIGINT,
    leased_by BYTEA,
    leased_until BIGINT,
    PRIMARY KEY (realm, authenticator, message)
);

CREATE INDEX outbox_by_urgency ON outbox (priority, next_attempt_at, realm, authenticator, message);
CREATE INDEX outbox_by_age ON outbox (created_at);
CREATE INDEX outbox_unsent ON outbox (created_at) WHERE attempts = 0;

-- A row for each short message that a centre was handed. Nothing of its contents.
CREATE TABLE dispatches (
    realm TEXT COLLATE "C" NOT NULL,
    authenticator BYTEA NOT NULL,
    message BYTEA NOT NULL,
    attempt BIGINT NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    content INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    centre TEXT COLLATE "C" NOT NULL,
    centre_id TEXT COLLATE "C",
    at BIGINT NOT NULL,
    state INTEGER NOT NULL,
    settled_at BIGINT,
    error TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (realm, authenticator, message, attempt, part)
);

-- Receipts name a message as its centre does.
CREATE INDEX dispatches_by_centre ON dispatches (centre, centre_id) WHERE centre_id IS NOT NULL;

CREATE INDEX dispatches_by_time ON dispatches (at);

-- The id begins with the time, so that the newest stand last.
CREATE TABLE audit (
    realm TEXT COLLATE "C" NOT NULL,
    id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    authenticator BYTEA,
    subscriber TEXT COLLATE "C",
    relying_party TEXT COLLATE "C",
    detail TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (realm, id)
);

CREATE INDEX audit_by_authenticator ON audit (realm, authenticator, id) WHERE authenticator IS NOT NULL;

CREATE TABLE tokens (
    token BYTEA PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    role INTEGER NOT NULL,
    realm TEXT COLLATE "C",
    relying_party TEXT COLLATE "C",
    label TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
