//! Cards in readers of a real pcscd: by clients that are not ours (opensc-tool, pyscard), and by `matchbook card` and
//! `matchbook wallet --bearer card`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod fake;
mod hostile;
#[path = "../wallet/sms/server.rs"]
#[allow(dead_code)]
mod network;
mod others;
mod reader;
#[path = "../wallet/stage.rs"]
#[allow(dead_code)]
mod stage;
mod wallet;
