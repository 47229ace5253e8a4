//! What tests and benches stand on: real PostgreSQL servers. For Linux, and never part of what is shipped.
//!
//! A test that needs PostgreSQL begins like this; without the programs it fails in CI and is skipped elsewhere:
//!
//! ```
//! use matchbook_testbed::Postgres;
//!
//! # fn main() -> Result<(), matchbook_testbed::Trouble> {
//! if !Postgres::is_installed() {
//!     return Ok(());
//! }
//! let server = Postgres::start()?;
//! let url = server.database("spends")?;
//! assert!(url.ends_with("/spends"));
//! assert_eq!(server.sql("spends", "SELECT 1 + 1")?, "2");
//! # Ok(())
//! # }
//! ```
//!
//! Tests that do no more than use a database are cheaper with `Postgres::shared()?.fresh_database()?`.
//!
//! Whoever is logged in to the machine may connect to these servers: they hold test data, listen on 127.0.0.1 and ask
//! for no password.

mod account;
mod ports;
mod postgres;
mod processes;
mod programs;
mod trouble;

pub use postgres::{Access, Postgres};
pub use programs::{Missing, Programs, find};
pub use trouble::Trouble;
