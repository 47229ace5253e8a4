//! Relying parties: who have codes verified. So far: the JSON API.

pub(crate) mod rest;
mod verify;
