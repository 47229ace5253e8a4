//! The statement that makes plain acceptances.

use crate::postgres::now;

/// The statement, with what is asked beside of those that fit.
macro_rules! accept {
    ($looks:literal) => {
        concat!(
            "WITH gate AS MATERIALIZED ( \
                SELECT slot FROM gates WHERE slot = $24::int AND is_open = 1 FOR SHARE SKIP LOCKED \
            ), realm AS MATERIALIZED ( \
                SELECT r.realm, r.version FROM unnest($1::text[], $2::bigint[]) AS i (realm, version) CROSS JOIN LATERAL ( \
                    SELECT * FROM realms WHERE realms.realm = i.realm AND NOT EXISTS ( \
                        SELECT 1 FROM leases AS l WHERE l.name = 'realm ' || i.realm AND l.held_until > ",
            now!(),
            ") FOR SHARE SKIP LOCKED) AS r \
                WHERE r.version = i.version \
            ), hot AS MATERIALIZED ( \
                SELECT i.n FROM unnest($3::text[], $4::bytea[], $5::bigint[], $6::bigint[]) WITH ORDINALITY \
                    AS i (realm, bucket, below, since, n) CROSS JOIN LATERAL ( \
                    SELECT * FROM buckets AS b WHERE b.realm = i.realm AND b.bucket = i.bucket LIMIT 1) AS b \
                WHERE b.failures >= i.below AND b.window_started_at > i.since \
            ), held AS MATERIALIZED ( \
                SELECT i.* FROM unnest($7::text[], $8::bigint[], $9::bytea[], $10::bigint[], $11::text[], $12::bigint[], \
                    $13::bigint[], $14::bigint[], $15::int[], $16::text[], $17::text[], $18::bytea[], $19::bigint[], \
                    $20::bytea[], $21::text[], $22::text[], $23::bigint[]) WITH ORDINALITY \
                    AS i (realm, realm_version, authenticator, version, subscriber, subscriber_version, failures, code, kind, \
                    relying_party, operation, fingerprint, at, event, event_kind, detail, calm, n) \
                JOIN realm AS r ON r.realm = i.realm AND r.version = i.realm_version \
                CROSS JOIN LATERAL (SELECT u.version FROM subscribers AS u \
                    WHERE u.realm = i.realm AND u.subscriber = i.subscriber FOR SHARE SKIP LOCKED) AS u \
                CROSS JOIN LATERAL (SELECT a.version FROM authenticators AS a \
                    WHERE a.realm = i.realm AND a.authenticator = i.authenticator FOR SHARE SKIP LOCKED) AS a \
                CROSS JOIN LATERAL (SELECT s.last FROM sets AS s \
                    WHERE s.realm = i.realm AND s.authenticator = i.authenticator AND s.first <= i.code \
                    ORDER BY s.first DESC LIMIT 1 FOR KEY SHARE SKIP LOCKED) AS s \
                WHERE u.version = i.subscriber_version AND a.version = i.version AND s.last >= i.code \
            ), fit AS MATERIALIZED ( \
                SELECT h.* FROM held AS h \
                WHERE NOT EXISTS (SELECT 1 FROM hot WHERE hot.n IN ( \
                    h.calm & 65535, (h.calm >> 16) & 65535, (h.calm >> 32) & 65535, (h.calm >> 48) & 65535)) \
                AND coalesce((SELECT f.count FROM failures AS f \
                    WHERE f.realm = h.realm AND f.authenticator = h.authenticator), 0) = h.failures \
                AND EXISTS (SELECT 1 FROM gate) AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'read_only') ",
            $looks,
            "\
            ), spent AS ( \
                INSERT INTO spends (realm, authenticator, code, kind, relying_party, operation, at) \
                SELECT realm, authenticator, code, kind, relying_party, operation, at FROM fit ORDER BY n \
            ), answered AS ( \
                INSERT INTO operations (realm, relying_party, operation, fingerprint, verdict, at) \
                SELECT realm, relying_party, operation, fingerprint, 1, at FROM fit \
                ORDER BY realm, relying_party, operation \
            ), told AS ( \
                INSERT INTO audit (realm, id, at, kind, authenticator, subscriber, relying_party, detail) \
                SELECT realm, event, at, event_kind, authenticator, subscriber, relying_party, detail FROM fit \
            ) SELECT n FROM fit"
        )
    };
}

/// Makes the acceptances whose guards hold, and gives their places, from 1.
///
/// - `gate`: open unless the store is copied elsewhere, locked.
/// - `realm`: the distinct realms, locked, and only at the version that was seen; one that somebody is about to change is
///   left out, so that it comes to that.
/// - `hot`: counts that have reached their limits; they are not locked, because who fails at this moment may as well have
///   failed a moment later. The four that one is guarded by are given in one number, 16 bits each.
/// - `held`: those whose user and device are as they were seen, and whose code stands in a set, all of these rows locked
///   until the commit. What somebody else has locked is skipped.
/// - `fit`: those of them whose failures are as they were seen.
/// - All of these are written to the ledger, to the operations and to the events. A key that is there makes it fail as a
///   whole: so there is never a spend without its operation, nor one without the other.
///
/// Each row is looked up by its whole key, in a query of its own that the planner cannot turn into a join: its idea of
/// how many rows a young table has is no reason to read all of them.
///
/// Nobody looks whether a code is spent or an operation is answered: the keys say so, and it is rare. When it was so,
/// [`LOOKING`] leaves these out and makes the others.
pub(super) const TRUSTING: &str = accept!("");

/// The same for those whose code is not spent, and whose operation is not answered, when the statement begins.
pub(super) const LOOKING: &str = accept!(
    "AND (SELECT p.code FROM spends AS p WHERE p.realm = h.realm AND p.authenticator = h.authenticator \
        AND p.code = h.code) IS NULL \
    AND (SELECT o.at FROM operations AS o WHERE o.realm = h.realm \
        AND o.relying_party = h.relying_party AND o.operation = h.operation) IS NULL "
);
