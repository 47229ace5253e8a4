
-- Devices with keys from a factory are put aside here, a part at a time, and copied from here into the tables that they
-- belong to in one transaction, when their import goes live. Nothing else reads them.

CREATE TABLE imports (
    realm TEXT NOT NULL,
    import BLOB NOT NULL,
    is_live INTEGER NOT NULL,
    devices INTEGER NOT NULL,
    subscribers INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (realm, import)
) STRICT, WITHOUT ROWID;

-- The columns of authenticators.
CREATE TABLE staged_authenticators (
    import BLOB NOT NULL,
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
    msisdn TEXT,
    reply_at INTEGER,
    PRIMARY KEY (realm, import, authenticator)
) STRICT, WITHOUT ROWID;

-- The columns of subscribers.
CREATE TABLE staged_subscribers (
    import BLOB NOT NULL,
    realm TEXT NOT NULL,
    subscriber TEXT NOT NULL,
    display_name TEXT NOT NULL,
    suspended INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (realm, import, subscriber)
) STRICT, WITHOUT ROWID;
