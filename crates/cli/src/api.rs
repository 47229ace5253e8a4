//! The server's HTTP API, as the operator's commands call it.

mod client;
mod problem;
#[cfg(test)]
mod tests;
mod token;
mod url;

pub(crate) use client::{Api, certificates};
pub(crate) use url::path;
