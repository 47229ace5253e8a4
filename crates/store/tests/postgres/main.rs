//! PostgreSQL keeps the contract, on real servers. Most tests have a database of their own on a server that all share;
//! those that stop or break something have a server of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accepts;
mod agreeing;
mod doubt;
mod fixture;
mod loads;
mod moving;
mod races;
mod starting;
mod steps;
mod tls;

mod contract {
    use super::fixture;

    matchbook_store::store_contract!(match fixture::store().await {
        Some(opened) => opened,
        None => return,
    });
}
