//! The server as a library: load it, give it a store and a keyring, and it answers devices, relying parties and
//! operators over HTTP.
//!
//! A device's message goes `bearer` → `inbound` → `matchbook_rules::request` → store → answer. A code goes `relying` →
//! `matchbook_rules::verify` → store → answer. `outbox` sends again what was not acknowledged, and does what a spend
//! made due. `admin` is the operator's API. Nothing here decides: the decisions are in `matchbook_rules`.

mod admin;
mod auth;
mod bearer;
mod body;
mod chance;
mod config;
mod core;
mod duties;
mod http;
mod inbound;
mod lanes;
mod limits;
mod metrics;
mod news;
mod outbox;
mod pages;
mod problem;
mod rate;
mod relying;
mod secrets;
mod seldom;
mod server;
mod sms;
mod token;
mod waiting;

pub use auth::{TOKEN_PREFIX, token_hash};
pub use bearer::sms::config::{SmsCaps, SmsConfig, SmsConfigError};
pub use config::{ServerConfig, TlsFiles};
pub use http::openapi;
pub use pages::use_small_pages;
pub use problem::Problem;
pub use secrets::{CREDENTIAL, Secrets, SecretsError};
pub use server::{Running, StartError, check_tls};
pub use token::NewToken;
