//! Stores are moved from one database to another: whole, once, and whatever happens in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod doubt;
mod interrupted;
mod place;
mod refusals;
mod whole;

use matchbook_store::moving::{CopyError, CopyOptions, Report};

use self::place::Place;

/// Names of a move, and small pages.
fn options(name: u8) -> CopyOptions {
    CopyOptions { page: 2, ..CopyOptions::new([name; 16], [!name; 16]) }
}

/// Moves all, or as far as it gets.
async fn copy(from: &Place, to: &Place) -> Result<Report, CopyError> {
    copy_as(from, to, options(1)).await
}

async fn copy_as(from: &Place, to: &Place, options: CopyOptions) -> Result<Report, CopyError> {
    let (source, target) = (from.mover(false).await, to.mover(true).await);
    matchbook_store::moving::copy(&*source, &*target, options, &mut |_| {}).await
}
