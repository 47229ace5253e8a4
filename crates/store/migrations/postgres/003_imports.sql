
-- Devices with keys from a factory are put aside here, a part at a time, and copied from here into the tables that they
-- belong to in one transaction, when their import goes live. Nothing else reads them.

CREATE TABLE imports (
    realm TEXT COLLATE "C" NOT NULL,
    import BYTEA NOT NULL,
    is_live INTEGER NOT NULL,
    devices BIGINT NOT NULL,
    subscribers BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (realm, import)
);

-- The columns of authenticators.
CREATE TABLE staged_authenticators (
    import BYTEA NOT NULL,
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
    PRIMARY KEY (realm, authenticator, import)
);

CREATE INDEX staged_authenticators_by_import ON staged_authenticators (realm, import, authenticator);

-- The columns of subscribers.
CREATE TABLE staged_subscribers (
    import BYTEA NOT NULL,
    realm TEXT COLLATE "C" NOT NULL,
    subscriber TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    suspended INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (realm, import, subscriber)
);
