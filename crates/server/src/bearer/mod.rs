//! What carries messages between devices and the server. So far: HTTP.

pub(crate) mod http;
pub(crate) mod sms;
