//! What tests and benches stand on: real PostgreSQL servers and their standbys, proxies that misbehave, a checker of what
//! clients saw, and a driver of failovers. For Linux, and never part of what is shipped.
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
mod balancer;
pub mod failover;
pub mod history;
mod listening;
mod ports;
mod postgres;
mod processes;
mod programs;
mod proxy;
mod trouble;

pub use balancer::Balancer;
pub use postgres::{Access, Postgres, Waiting};
pub use processes::wait_until;
pub use programs::{Missing, Programs, find};
pub use proxy::{Fault, Proxy, When};
pub use trouble::Trouble;
