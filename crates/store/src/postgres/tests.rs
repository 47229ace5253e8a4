#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use super::migrations::MIGRATIONS;
use super::portable::{FORBIDDEN, insist, objection};

/// Tables whose keys do not lead with the realm, each with its reason.
const WITHOUT_REALM: [(&str, &str); 6] = [
    ("gates", "of the store"),
    ("meta", "about the store"),
    ("probes", "about nothing"),
    ("leases", "of nodes"),
    ("directory", "finds the realm"),
    ("tokens", "may be of all realms"),
];

/// The strings of this store's sources that are SQL or a part of it, and its migrations.
fn sql() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src/postgres"), root.join("src/rows"), root.join("migrations/postgres")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !["tests.rs", "portable.rs"].contains(&path.file_name().unwrap().to_str().unwrap()) {
                files.push(path);
            }
        }
    }
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    let parts = |path: &PathBuf| -> Vec<String> {
        if path.extension().unwrap() == "sql" { vec![text(path)] } else { strings(&text(path)) }
    };
    files.iter().flat_map(|path| parts(path).into_iter().map(|it| (path.clone(), it))).collect()
}

/// The strings of a source that are SQL, also those that begin in the middle of a statement.
fn strings(source: &str) -> Vec<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("\\\"", "'").replace("'\"'", "' '");
    code.split('"').skip(1).step_by(2).filter(|it| is_sql(it)).map(str::to_owned).collect()
}

/// In sentences, words of capitals are names; those that we forbid are looked for in any string.
fn is_sql(text: &str) -> bool {
    const BEGINS: [&str; 11] =
        ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "WHERE ", "WITH ", "LOCK ", "SET ", "BEGIN", "COMMIT"];
    let is_word = |word: &str| FORBIDDEN.contains(&word) || word.contains("advisory") || word.ends_with("val");
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    BEGINS.iter().any(|word| text.trim_start().starts_with(word)) || text.contains(" FROM ") || words.any(is_word)
}

#[test]
fn the_sql_keeps_to_what_wider_engines_take() {
    let all = sql();
    assert!(all.len() > 60, "the scan does not find the SQL any more: {}", all.len());
    for (path, sql) in all {
        assert_eq!(objection(&sql), None, "{}: {sql}", path.display());
    }
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    let source = r#"let sql = "SELECT nextval('a') FROM b"; // a "comment"
        "CREATE TABLE c (d BIGSERIAL)"; let told = "do that"; concat!(") LOCK", " + pg_advisory_lock(1)", ", nextval('a')")"#;
    let found = strings(source);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().all(|sql| objection(sql).is_some()), "{found:?}");
    assert_eq!(objection("INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING"), None);
    assert!(objection("DO $$ BEGIN END $$").is_some());
}

/// Whatever is put together at run time: the sessions of all tests look at what they send.
#[test]
#[should_panic(expected = "LOCK is not portable")]
fn a_statement_that_is_not_portable_does_not_pass() {
    insist("LOCK TABLE audit IN SHARE MODE");
}

/// So that a table can be split by realm and authenticator: nothing that is unique spans more than one realm.
#[test]
fn what_is_unique_leads_with_the_realm() {
    for step in MIGRATIONS {
        let sql: String = step.sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        for statement in sql.split(';').map(str::trim).filter(|it| !it.is_empty()) {
            let name = statement.split_whitespace().nth(2).unwrap();
            if let Some((_, columns)) = statement.split_once("UNIQUE INDEX") {
                assert!(columns.contains("(realm,"), "{statement}");
                continue;
            }
            if !statement.starts_with("CREATE TABLE") || WITHOUT_REALM.iter().any(|(table, _)| *table == name) {
                continue;
            }
            let leads = statement.contains("PRIMARY KEY (realm, ")
                || statement.contains("realm TEXT COLLATE \"C\" PRIMARY KEY");
            assert!(leads && !statement.contains(" UNIQUE"), "{name}");
            // What belongs to a device leads with the device too; an event may be about none.
            if statement.contains(" authenticator BYTEA NOT NULL") {
                assert!(statement.contains("PRIMARY KEY (realm, authenticator"), "{name}");
            }
        }
    }
    for (table, _) in WITHOUT_REALM {
        assert!(MIGRATIONS.iter().any(|step| step.sql.contains(&format!("CREATE TABLE {table} "))), "{table}");
    }
}
