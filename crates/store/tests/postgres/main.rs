//! PostgreSQL keeps the contract: on real servers, each test with a database of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod agreeing;
mod fixture;

mod contract {
    use super::fixture;

    matchbook_store::store_contract!(match fixture::store().await {
        Some(opened) => opened,
        None => return,
    });
}
