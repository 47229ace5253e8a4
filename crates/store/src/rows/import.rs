//! Tables `imports`, `staged_authenticators` and `staged_subscribers`.

use std::sync::LazyLock;

use matchbook_rules::{Import, ImportId, Imported};

use super::{Bad, Fields, INSERT_AUTHENTICATOR, INSERT_SUBSCRIBER, Stored};
use crate::rows::{Value, blob, text};

/// Begins an import, or notes that it was added to; changes no row when it is live.
pub(crate) const TOUCH_IMPORT: &str = "INSERT INTO imports (realm, import, is_live, devices, subscribers, at) VALUES (?1, ?2, 0, 0, 0, ?3) \
     ON CONFLICT (realm, import) DO UPDATE SET at = excluded.at WHERE imports.is_live = 0";

/// Notes that an import is live, with so many devices and as many users as are put aside for it.
pub(crate) const END_IMPORT: &str = "UPDATE imports SET is_live = 1, devices = ?3, at = ?4, subscribers = \
     (SELECT count(*) FROM staged_subscribers AS s WHERE s.realm = ?1 AND s.import = ?2) \
     WHERE realm = ?1 AND import = ?2 AND is_live = 0";

/// Puts an authenticator aside: its columns, then the import.
pub(crate) static STAGE_AUTHENTICATOR: LazyLock<String> =
    LazyLock::new(|| staged(INSERT_AUTHENTICATOR, "authenticators", 36));

/// Puts a subscriber aside: its columns, then the import.
pub(crate) static STAGE_SUBSCRIBER: LazyLock<String> = LazyLock::new(|| staged(INSERT_SUBSCRIBER, "subscribers", 7));

/// Copies what was put aside into the tables that it belongs to. Each has the realm and the import to bind. In the order
/// of the keys, so that each page is written to once.
pub(crate) static COPY_STAGED: LazyLock<[String; 3]> = LazyLock::new(|| {
    [
        copied(INSERT_SUBSCRIBER, "subscribers", "subscriber"),
        copied("INSERT INTO directory (authenticator, realm) VALUES", "authenticators", "authenticator"),
        copied(INSERT_AUTHENTICATOR, "authenticators", "authenticator"),
    ]
});

/// The insert of a row as one into the table beside it, with the import as the last value.
fn staged(insert: &str, table: &str, place: u32) -> String {
    let staged = insert.replacen(&format!("INTO {table} ("), &format!("INTO staged_{table} ("), 1);
    let columns = staged.replacen(") VALUES (", ", import) VALUES (", 1);
    format!("{}, ?{place}) ON CONFLICT DO NOTHING", columns.trim_end_matches(')'))
}

/// The insert of a row as one of all rows of an import. An import that is live has none: they are copied once.
fn copied(insert: &str, table: &str, key: &str) -> String {
    let (into, columns) = insert
        .split_once(" VALUES")
        .and_then(|(head, _)| Some((head, head.split_once('(')?.1.trim_end_matches(')'))))
        .unwrap_or_default();
    format!(
        "{into} SELECT {columns} FROM staged_{table} WHERE realm = ?1 AND import = ?2 AND EXISTS \
         (SELECT 1 FROM imports AS i WHERE i.realm = ?1 AND i.import = ?2 AND i.is_live = 0) ORDER BY {key} \
         ON CONFLICT DO NOTHING"
    )
}

/// Whether an import is live already, and how many of the devices that are put aside for it stand in their tables by now:
/// somebody else's may have come before one while they were copied.
pub(crate) const ARRIVED: &str = "SELECT is_live, \
     (SELECT count(*) FROM staged_authenticators AS s \
      JOIN authenticators AS a ON a.realm = s.realm AND a.authenticator = s.authenticator \
      AND a.key_sealed = s.key_sealed \
      JOIN directory AS d ON d.authenticator = s.authenticator AND d.realm = s.realm \
      WHERE s.realm = ?1 AND s.import = ?2) \
     FROM imports WHERE realm = ?1 AND import = ?2";

/// Holds an import, so that one transaction at a time adds to it, makes it live or clears it. PostgreSQL's statements see
/// what was committed before each of them began, so this is one of its own, before what is counted.
pub(crate) const HOLD_IMPORT: &str = "SELECT is_live FROM imports WHERE realm = ?1 AND import = ?2 FOR UPDATE";

/// What has to be so when an import goes live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) is_live: bool,
    /// What it made, when it is live.
    pub(crate) made: u32,
    /// What is put aside.
    pub(crate) staged: u32,
    /// Those of them whose identification code somebody has.
    pub(crate) taken: u32,
}

/// Reads [`Ready`]; the realm and the import are to bind.
pub(crate) const READY: &str = "SELECT is_live, devices, \
     (SELECT count(*) FROM staged_authenticators AS s WHERE s.realm = ?1 AND s.import = ?2), \
     (SELECT count(*) FROM staged_authenticators AS s JOIN directory AS d ON d.authenticator = s.authenticator \
      WHERE s.realm = ?1 AND s.import = ?2) \
     FROM imports WHERE realm = ?1 AND import = ?2";

impl Ready {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self { is_live: fields.flag()?, made: fields.number()?, staged: fields.number()?, taken: fields.number()? })
    }
}

/// Why an import does not go live with so many devices; `None`: it does, or is.
pub(crate) fn unready(ready: Option<Ready>, import: &ImportId, devices: u32) -> Option<String> {
    let name = || import.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match ready {
        None => Some(format!("there is no import {} (any more)", name())),
        Some(Ready { is_live: true, made, .. }) if made == devices => None,
        Some(Ready { is_live: true, made, .. }) => Some(format!("the import {} is live with {made} devices", name())),
        Some(Ready { staged, .. }) if staged != devices => {
            Some(format!("{staged} devices are put aside for the import {}, not {devices}", name()))
        }
        Some(Ready { taken: 0, .. }) => None,
        Some(Ready { taken, .. }) => Some(format!("{taken} of the identification codes were taken meanwhile")),
    }
}

/// The key of an import.
pub(crate) fn import_key<'a>(realm: &'a matchbook_rules::RealmId, id: &'a ImportId) -> [Value<'a>; 2] {
    [text(realm.as_str()), blob(&id.0)]
}

impl Stored for Import {
    const TABLE: &'static str = "imports";
    const SELECT: &'static str = "SELECT realm, import, is_live, devices, subscribers, at";
    const KEY: usize = 2;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        let (realm, id, is_live) = (fields.name()?, ImportId(fields.array()?), fields.flag()?);
        let made = Imported { devices: fields.number()?, subscribers: fields.number()? };
        Ok(Self { realm, id, live: is_live.then_some(made), at: fields.time()? })
    }
}
