//! What can go wrong under a test.

use std::fmt;
use std::io;

/// A server, a proxy or a program did not do what the test stands on. The sentence is for whoever reads the failed test.
#[derive(Debug)]
pub struct Trouble(String);

impl Trouble {
    /// Trouble that this sentence describes.
    #[must_use]
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// What was tried, and why it failed.
    pub(crate) fn at(tried: &str) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |error| Self(format!("{tried}: {error}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}
