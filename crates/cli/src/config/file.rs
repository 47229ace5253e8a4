//! The TOML file. A key that is not known is an error: a misspelt setting must not be silently left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, Kind};
use crate::error::CliError;

/// The largest config file; a full one has under 2 KiB.
const MAX_FILE: usize = 64 * 1024;

/// A value of the file and its line.
#[derive(Debug)]
pub(super) struct FileValue {
    pub(super) text: String,
    pub(super) line: usize,
}

/// Reads the file; `None` when it is not there.
pub(super) fn read(path: &Path) -> Result<Option<BTreeMap<&'static str, FileValue>>, CliError> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.len() > MAX_FILE => {
            Err(CliError::usage(format!("{} has more than {MAX_FILE} bytes", path.display())))
        }
        Ok(text) => parse(&text, path).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::file("read the config file", path, &error)),
    }
}

/// Parses the text of `path`.
pub(super) fn parse(text: &str, path: &Path) -> Result<BTreeMap<&'static str, FileValue>, CliError> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        CliError::usage(format!("{} line {line} is not TOML: {}", path.display(), error.message()))
            .hint("A table such as [serve] and each key in it stand once: put new keys under the table that is there.")
    })?;
    let mut values = BTreeMap::new();
    for (section, inner) in table.get_ref() {
        let line = line_of(text, section.span().start);
        let Some(inner) = inner.get_ref().as_table().filter(|_| is_section(section.get_ref())) else {
            return Err(unknown(section.get_ref(), path, line));
        };
        for (name, value) in inner {
            let line = line_of(text, name.span().start);
            let name = format!("{}.{}", section.get_ref(), name.get_ref());
            let key = KEYS.iter().find(|key| key.name == name).ok_or_else(|| unknown(&name, path, line))?;
            let text = read_value(key, value.get_ref(), path, line)?;
            values.insert(key.name, FileValue { text, line });
        }
    }
    Ok(values)
}

fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.split_once('.').is_some_and(|(section, _)| section == name))
}

fn read_value(key: &Key, value: &DeValue<'_>, path: &Path, line: usize) -> Result<String, CliError> {
    let text = match (key.kind, value) {
        (Kind::Whole(..), DeValue::Integer(number)) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        (Kind::Path, DeValue::String(text)) => from_folder_of(path, text),
        (Kind::Text | Kind::Url | Kind::Database | Kind::Address | Kind::Choice(_), DeValue::String(text)) => {
            Some(text.to_string())
        }
        _ => None,
    };
    let text = text.ok_or_else(|| wrong(key, path, line, &expected_type(key.kind)))?;
    key.kind.check(&text).map_err(|good| wrong(key, path, line, &good))?;
    Ok(text)
}

fn expected_type(kind: Kind) -> String {
    match kind {
        Kind::Whole(lowest, highest) => format!("a whole number from {lowest} to {highest}, without quotes"),
        Kind::Text | Kind::Path | Kind::Url | Kind::Database | Kind::Address | Kind::Choice(_) => {
            "a text in quotes".to_owned()
        }
    }
}

fn from_folder_of(file: &Path, text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    folder.join(text).to_str().map(str::to_owned)
}

fn wrong(key: &Key, path: &Path, line: usize, good: &str) -> CliError {
    CliError::usage(format!("{} in {} line {line} has to be {good}", key.name, path.display()))
}

fn unknown(name: &str, path: &Path, line: usize) -> CliError {
    let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    CliError::usage(format!("unknown key {name:?} in {} line {line}", path.display()))
        .hint(format!("The known keys are {}.", known.join(", ")))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
