//! RADIUS beside a bare UDP echo: its place. There is no RADIUS yet; when there is, its rows come here, measured as
//! `verify` is, with the echo as the floor and 256 requests outstanding.

/// What the report says until then.
pub const NOT_YET: &str = "RADIUS verifies beside a UDP echo: Matchbook has no RADIUS yet";
