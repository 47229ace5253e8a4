//! The stored account.
