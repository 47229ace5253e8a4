//! The commands, a file each.

pub(crate) mod completion;
pub(crate) mod man;
