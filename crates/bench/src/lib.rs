//! Measures the server beside its floors, in one run on one machine: a figure alone says more of the machine than of us.
//!
//! A subject and its floor get the same load from the same generator ([`load`]), in turns, each in a process of its own
//! ([`process`], [`serve`]). [`site`] says on which store and how many servers; [`population`] fills the store with devices
//! whose codes are known without being kept. [`rows`] are the measurements, [`report`] what is made of them.
//!
//! `cargo xtask bench` runs it; `docs/performance.md` says what each figure means.

pub mod arguments;
pub mod cpu;
pub mod load;
pub mod population;
pub mod process;

pub mod report;
pub mod rows;
pub mod serve;
pub mod site;
pub mod stats;
pub mod trouble;
