#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::migrations::MIGRATIONS;

/// What other engines that speak PostgreSQL lack, lie about or do otherwise, and what keeps work in the database that
/// belongs here.
const FORBIDDEN: [&str; 34] = [
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

/// Tables whose keys do not lead with the realm, each with its reason.
const WITHOUT_REALM: [(&str, &str); 6] = [
    ("gates", "of the store"),
    ("meta", "about the store"),
    ("probes", "about nothing"),
    ("leases", "of nodes"),
    ("directory", "finds the realm"),
    ("tokens", "may be of all realms"),
];

/// Every text of this store that is SQL: the strings in its sources, and its migrations.
fn sql() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src/postgres"), root.join("src/rows"), root.join("migrations/postgres")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "tests.rs" {
                files.push(path);
            }
        }
    }
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    let strings = |path: &PathBuf| -> Vec<String> {
        if path.extension().unwrap() == "sql" { vec![text(path)] } else { strings(&text(path)) }
    };
    files.iter().flat_map(|path| strings(path).into_iter().map(|it| (path.clone(), it))).collect()
}

/// The strings of a source, but for those that are sentences.
fn strings(source: &str) -> Vec<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("\\\"", "'");
    let is_sql = |it: &&str| {
        let words = [
            "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "WHERE ", "WITH ", "LOCK ", "SET ", "BEGIN",
            "COMMIT",
        ];
        words.iter().any(|word| it.trim_start().starts_with(word)) || it.contains(" FROM ")
    };
    code.split('"').skip(1).step_by(2).filter(is_sql).map(str::to_owned).collect()
}

fn words(sql: &str) -> BTreeSet<String> {
    let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    // What follows a conflict is no block of code.
    let sql = lines.collect::<String>().replace("DO NOTHING", "").replace("DO UPDATE", "UPDATE");
    let words = sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.map(str::to_ascii_uppercase).collect()
}

#[test]
fn the_sql_keeps_to_what_wider_engines_take() {
    let all = sql();
    assert!(all.len() > 60, "the scan does not find the SQL any more: {}", all.len());
    for (path, sql) in all {
        let words = words(&sql);
        let found: Vec<&&str> = FORBIDDEN.iter().filter(|word| words.contains(**word)).collect();
        assert!(found.is_empty(), "{}: {found:?} in {sql}", path.display());
        assert!(!words.iter().any(|word| word.contains("ADVISORY")), "{}: {sql}", path.display());
        assert!(!sql.contains("$$"), "{}: {sql}", path.display());
    }
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    let source = r#"let sql = "SELECT nextval('a') FROM b"; // a "comment"
        "CREATE TABLE c (d BIGSERIAL)"; let told = "do that";"#;
    let found = strings(source);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|sql| words(sql).iter().any(|word| FORBIDDEN.contains(&word.as_str()))));
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
        }
    }
    for (table, _) in WITHOUT_REALM {
        assert!(MIGRATIONS.iter().any(|step| step.sql.contains(&format!("CREATE TABLE {table} "))), "{table}");
    }
}
