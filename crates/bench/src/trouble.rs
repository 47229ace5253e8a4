//! Why a measurement could not be made: one sentence for whoever runs it.

use std::fmt;

/// The sentence.
#[derive(Debug)]
pub struct Trouble(pub String);

/// What measurements return.
pub type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    /// A sentence.
    #[must_use]
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// For `map_err`: what could not be done, and the reason.
    pub fn because<E: fmt::Display>(what: &str) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}
