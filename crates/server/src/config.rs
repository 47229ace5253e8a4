//! What an operator sets.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::bearer::sms::config::SmsConfig;

/// The server's settings. [`ServerConfig::default`] listens on loopback without TLS.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen. Default 127.0.0.1:8470; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The URL that devices and people reach the server at; it goes into enrolments. Default: `http://` or `https://`
    /// and the listening address.
    pub public_url: Option<String>,
    /// Certificate chain and key, PEM. Default: none, for use behind a proxy or on loopback.
    pub tls: Option<TlsFiles>,
    /// Proxies in front whose X-Forwarded-For is believed, counted from the right. Default 0: the peer's address counts.
    pub trusted_proxy_hops: u8,
    /// Messages a second from one address at the device bearer, 1–100,000; ten times as many in a burst. Default 50.
    pub device_messages_per_second: u32,
    /// Calls a second of one token at the API, 1–1,000,000; twice as many in a burst. Default 20,000.
    pub api_calls_per_second: u32,
    /// Operators may have keys from a factory given out again, while nobody has used them. Default: no key leaves.
    pub allow_key_export: bool,
    /// Centres and gateways for short messages. Default: none.
    pub sms: Option<Arc<SmsConfig>>,
}

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate chain, PEM, the server's own first.
    pub certificate: PathBuf,
    /// The private key, PEM (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8470)),
            public_url: None,
            tls: None,
            trusted_proxy_hops: 0,
            device_messages_per_second: 50,
            api_calls_per_second: 20_000,
            allow_key_export: false,
            sms: None,
        }
    }
}

impl ServerConfig {
    /// The URL for enrolments when the server listens on `bound`.
    pub(crate) fn url(&self, bound: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{bound}"))
    }
}
