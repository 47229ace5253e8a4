//! The bearers that carry short messages: SMPP centres and HTTP gateways, behind one trait.

mod alphabet;
pub(crate) mod centre;
pub(crate) mod centres;
pub(crate) mod config;
pub(crate) mod gateway;
pub(crate) mod measures;
mod pace;
mod password;
pub(crate) mod smpp;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod third_party;
// The helpers are the integration tests' too.
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "../../../tests/common/kannel.rs"]
mod kannel;
