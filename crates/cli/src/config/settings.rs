//! The settings of one run, each with its origin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::keys::{KEYS, Key, Kind};
use super::{Places, file};
use crate::args::Global;
use crate::database::shown;
use crate::error::CliError;

/// Where a value came from, the strongest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The command line.
    Flag(&'static str),
    /// The environment.
    Variable(&'static str),
    /// The config file.
    File(PathBuf, usize),
    /// Nobody said.
    Default,
}

/// What the command line says over the settings: (the key's name, its value).
pub(crate) type Overrides<'a> = Vec<(&'static str, Option<&'a str>)>;

/// All settings.
#[derive(Debug)]
pub(crate) struct Settings {
    places: Places,
    file_is_there: bool,
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl Settings {
    /// Reads the file and the environment and puts the command line over both.
    ///
    /// # Errors
    /// Exit code 2: an unknown key, a value out of its range, a file that was named and is not there.
    pub(crate) fn load(global: &Global, flags: &Overrides<'_>) -> Result<Self, CliError> {
        let settings = Self::load_or_new(global, flags)?;
        if !settings.file_is_there
            && let Some(named) = named_file(global)
        {
            return Err(CliError::usage(format!("there is no config file {}", named.display()))
                .hint(format!("Run `matchbook init --config {}` to make it, or name another.", named.display())));
        }
        Ok(settings)
    }

    /// The same for `init`, which makes the file that was named.
    ///
    /// # Errors
    /// As [`Self::load`], without the last.
    pub(crate) fn load_or_new(global: &Global, flags: &Overrides<'_>) -> Result<Self, CliError> {
        let places = Places::find(named_file(global).as_deref());
        let path = places.config().ok().map(Path::to_owned);
        let from_file = path.as_deref().map(file::read).transpose()?.flatten();
        let file_is_there = from_file.is_some();
        let mut from_file = from_file.unwrap_or_default();
        let mut values = BTreeMap::new();
        for key in KEYS {
            let in_file = from_file.remove(key.name).zip(path.clone());
            if let Some(value) = resolve(key, flags, in_file, &places)? {
                values.insert(key.name, value);
            }
        }
        Ok(Self { places, file_is_there, values })
    }

    /// The config file's path.
    ///
    /// # Errors
    /// There is no home folder to have one in.
    pub(crate) fn config_file(&self) -> Result<&Path, CliError> {
        self.places.config()
    }

    /// Whether that file was there.
    pub(crate) fn config_file_is_there(&self) -> bool {
        self.file_is_there
    }

    /// A value, when there is one.
    pub(crate) fn text(&self, name: &'static str) -> Option<&str> {
        self.values.get(name).map(|(text, _)| text.as_str())
    }

    /// A path, when there is one.
    pub(crate) fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// A value's origin.
    pub(crate) fn origin(&self, name: &'static str) -> Option<&Origin> {
        self.values.get(name).map(|(_, origin)| origin)
    }

    /// A value that the command cannot do without.
    ///
    /// # Errors
    /// Exit code 2, naming the flag, the variable and the key.
    pub(crate) fn needed(&self, name: &'static str) -> Result<&str, CliError> {
        self.text(name).ok_or_else(|| {
            let key = KEYS.iter().find(|key| key.name == name);
            let (flag, variable) = key.map_or(("", ""), |key| (key.flag, key.variable));
            CliError::usage(format!("{flag} is needed"))
                .hint(format!("Give the flag, or set {variable}, or {name} in the config file."))
        })
    }

    /// A value, parsed; `check` has seen that it can be.
    ///
    /// # Errors
    /// It is missing or cannot be parsed.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, CliError> {
        self.needed(name)?.parse().map_err(|_| CliError::usage(format!("{name} cannot be read")))
    }
}

/// The config file that the command line or the environment names.
fn named_file(global: &Global) -> Option<PathBuf> {
    let variable = || std::env::var_os("MATCHBOOK_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    global.config.clone().or_else(variable)
}

fn resolve(
    key: &Key,
    flags: &Overrides<'_>,
    in_file: Option<(file::FileValue, PathBuf)>,
    places: &Places,
) -> Result<Option<(String, Origin)>, CliError> {
    let flag = flags.iter().find(|(name, _)| *name == key.name).and_then(|(_, value)| *value);
    if let Some(value) = flag {
        return checked(key, value, key.flag, Origin::Flag(key.flag)).map(Some);
    }
    match std::env::var(key.variable) {
        Ok(value) if !value.is_empty() => {
            return checked(key, &value, key.variable, Origin::Variable(key.variable)).map(Some);
        }
        Ok(_) | Err(std::env::VarError::NotPresent) => {}
        Err(std::env::VarError::NotUnicode(_)) => {
            return Err(CliError::usage(format!("{} is not UTF-8 text", key.variable)));
        }
    }
    if let Some((value, path)) = in_file {
        return Ok(Some((value.text, Origin::File(path, value.line))));
    }
    Ok((key.default)(places).map(|value| (value, Origin::Default)))
}

fn checked(key: &Key, value: &str, place: &str, origin: Origin) -> Result<(String, Origin), CliError> {
    key.kind.check(value).map_err(|good| {
        let value = if key.kind == Kind::Database { shown(value) } else { value.to_owned() };
        CliError::usage(format!("{place} is {value:?}, but has to be {good}"))
    })?;
    Ok((value.to_owned(), origin))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Variable(variable) => write!(f, "variable {variable}"),
            Self::File(path, line) => write!(f, "{} line {line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}
