//! The bearers that carry short messages: SMPP centres and HTTP gateways, behind one trait.

pub(crate) mod centre;
