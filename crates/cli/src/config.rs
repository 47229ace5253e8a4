//! Settings: a TOML file, `MATCHBOOK_*` variables over it, flags over both, and where each value came from.

mod file;
pub(crate) mod keys;
mod places;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use keys::{KEYS, unknown_variables};
pub(crate) use places::Places;
pub(crate) use settings::{Origin, Overrides, Settings};
