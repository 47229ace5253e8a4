//! What the SQL does without, because other engines that speak PostgreSQL lack it, lie about it or do otherwise, or because
//! it is work that belongs here and not into the database. In tests each statement is looked at on its way to the server.

use std::collections::BTreeSet;

/// Words that no statement has.
pub(super) const FORBIDDEN: [&str; 34] = [
    "LOCK",
    "SERIAL",
    "BIGSERIAL",
    "SMALLSERIAL",
    "SEQUENCE",
    "NEXTVAL",
    "CURRVAL",
    "SETVAL",
    "IDENTITY",
    "OID",
    "CTID",
    "XMIN",
    "XMAX",
    "TABLEOID",
    "LISTEN",
    "UNLISTEN",
    "NOTIFY",
    "TRIGGER",
    "RULE",
    "EXTENSION",
    "FUNCTION",
    "PROCEDURE",
    "PERFORM",
    "PLPGSQL",
    "DO",
    "CALL",
    "TABLESAMPLE",
    "INHERITS",
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "REFERENCES",
    "CURSOR",
    "VACUUM",
];

/// What is wrong with a statement, or a part of one; `None`: nothing.
pub(super) fn objection(sql: &str) -> Option<String> {
    let words = words(sql);
    let is_forbidden = |word: &&String| FORBIDDEN.contains(&word.as_str()) || word.contains("ADVISORY");
    let found = words.iter().find(is_forbidden).cloned();
    found.or_else(|| sql.contains("$$").then(|| "$$".to_owned()))
}

/// Lets no statement pass that is not portable.
#[allow(clippy::panic, reason = "in tests alone")]
pub(super) fn insist(sql: &str) {
    if let Some(found) = objection(sql) {
        panic!("{found} is not portable: {sql}");
    }
}

fn words(sql: &str) -> BTreeSet<String> {
    let lines: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    // What follows a conflict is no block of code.
    let sql = lines.join(" ").replace("DO NOTHING", "").replace("DO UPDATE", "UPDATE");
    let words = sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.map(str::to_ascii_uppercase).collect()
}
