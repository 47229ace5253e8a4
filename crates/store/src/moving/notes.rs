//! What source and target note of a move, beside their rows.

use serde_json::{Value as Json, json};

use super::{Key, Kind};

/// A note. It stands in the table `meta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Why the store is read-only, in words.
    ReadOnly,
    /// What follows from the secrets.
    CheckValue,
    /// In a source: which move, and where to.
    Moving,
    /// In a target that is not whole: which move, and how far it is.
    Copy,
    /// In a target that is whole: which move it was.
    Arrived,
}

impl Note {
    /// What it is called in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::CheckValue => "check_value",
            Self::Moving => "moving",
            Self::Copy => "copy",
            Self::Arrived => "arrived",
        }
    }
}

/// A change of a note: a conflict unless it is what it was. The same twice is a guard, and is written all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub note: Note,
    /// What it has to be; `None`: not there.
    pub was: Option<Vec<u8>>,
    /// What it is then; `None`: not there.
    pub becomes: Option<Vec<u8>>,
}

/// 16 random bytes, as each side of a move calls it.
pub(super) type Id = [u8; 16];

/// A source's note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaving {
    /// The source's name of the move, new with each one.
    pub(super) id: Id,
    /// The target's; `None` until there is one.
    pub(super) to: Option<Id>,
    /// What the target is called.
    pub(crate) name: String,
    /// Whether the target is whole: from then on the source is a thing of the past.
    pub(crate) is_gone: bool,
}

impl Leaving {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { id, to, name, is_gone } = self;
        json!({ "id": hex(id), "to": to.map(|to| hex(&to)), "name": name, "gone": is_gone }).to_string().into_bytes()
    }

    /// What who wants to let such a source be written again is told, when the copy is said never to have served; `None`:
    /// nothing speaks against it. `at`: where it is.
    pub(crate) fn objection(note: Option<&[u8]>, at: &str) -> Option<String> {
        let name = match Self::of_bytes(note?) {
            Some(Self { is_gone: false, .. }) => return None,
            Some(Self { is_gone: true, name, .. }) => name,
            None => "another store".to_owned(),
        };
        Some(format!(
            "{at} was moved to {name}, which was whole, so that servers may have accepted codes on it: leave \
             --copy-never-served out, and all codes become void; or, when no server ever ran on it, drop {name} and add \
             --copy-was-dropped"
        ))
    }

    /// `None`: it makes no sense.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let json: Json = serde_json::from_slice(bytes).ok()?;
        let to = json.get("to")?;
        Some(Self {
            id: id(json.get("id")?)?,
            to: if to.is_null() { None } else { Some(id(to)?) },
            name: json.get("name")?.as_str()?.to_owned(),
            is_gone: json.get("gone")?.as_bool()?,
        })
    }
}

/// What stands in place of a mark in a target that was made for a copy which has not begun: it is served as little.
pub(crate) const MADE: &[u8] = b"made";

/// The note of a target that is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The source's name of the move.
    pub(super) source: Id,
    /// The target's.
    pub(super) target: Id,
    /// What the source is called.
    pub(crate) from: String,
    /// The kind that rows are moved of,
    pub(super) kind: Kind,
    /// and the last one that is there.
    pub(super) after: Option<Key>,
    /// Rows that are there, of all kinds.
    pub(super) rows: u64,
}

impl Mark {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { source, target, from, kind, after, rows } = self;
        let after = after.as_ref().map(Key::to_json);
        json!({
            "source": hex(source), "target": hex(target), "from": from, "table": kind.shape().table, "after": after,
            "rows": rows,
        })
        .to_string()
        .into_bytes()
    }

    /// `None`: it makes no sense.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let json: Json = serde_json::from_slice(bytes).ok()?;
        let (table, after) = (json.get("table")?.as_str()?, json.get("after")?);
        Some(Self {
            source: id(json.get("source")?)?,
            target: id(json.get("target")?)?,
            from: json.get("from")?.as_str()?.to_owned(),
            kind: Kind::ALL.into_iter().find(|kind| kind.shape().table == table)?,
            after: if after.is_null() { None } else { Some(Key::of_json(after)?) },
            rows: json.get("rows")?.as_u64()?,
        })
    }

    /// What who wants to serve such a store is told. `at`: where it is.
    pub(crate) fn refusal(mark: &[u8], at: &str) -> String {
        if mark == MADE {
            return format!(
                "{at} was made for a copy that has not begun: give the same `matchbook store copy` again, or make it empty"
            );
        }
        let from = Self::of_bytes(mark).map_or_else(|| "another store".to_owned(), |mark| mark.from);
        format!(
            "{at} is an unfinished copy of {from}: give the same `matchbook store copy` again, which goes on where it \
             was; or, when {from} was thawed since, make {at} empty, as this copy cannot be finished then"
        )
    }
}

/// Which move it was, as the target notes it.
pub(super) fn arrived(source: Id, target: Id) -> Vec<u8> {
    [source, target].concat()
}

fn id(json: &Json) -> Option<Id> {
    unhex(json.as_str()?)?.try_into().ok()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
