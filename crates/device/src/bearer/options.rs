//! How the HTTP bearer behaves.

use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use super::AddressError;

/// The longest long poll that is asked for; servers hold no longer than 55 seconds, and proxies on the way cut at 60.
pub const MAX_WAIT: Duration = Duration::from_secs(50);

/// How the HTTP bearer behaves. [`HttpOptions::default`] suits the public network.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Whether `http://` is taken for a host that is not this machine. Messages are sealed either way; whoever listens
    /// sees which authenticator sends. Default: false.
    pub allow_plain_http: bool,
    /// The certificates that are trusted in place of the public authorities'. Default: none, and Mozilla's list counts.
    pub root_certificate: Option<RootCertificate>,
    /// How long connecting may take, TLS included. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// How long an exchange may take in all, beside the wait of a long poll. Default: 20 seconds.
    pub exchange_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            allow_plain_http: false,
            root_certificate: None,
            connect_timeout: Duration::from_secs(10),
            exchange_timeout: Duration::from_secs(20),
        }
    }
}

/// Certificates that are trusted in place of the public authorities', such as a private authority's or the server's own.
#[derive(Clone, Debug)]
pub struct RootCertificate(RootCerts);

impl RootCertificate {
    /// Reads one or several certificates in PEM (RFC 7468); other PEM blocks are passed over.
    ///
    /// # Errors
    /// [`AddressError::RootCertificate`] when there is none, or the text is no PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AddressError> {
        let mut certificates: Vec<Certificate<'static>> = Vec::new();
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(_) => return Err(AddressError::RootCertificate),
            }
        }
        if certificates.is_empty() {
            return Err(AddressError::RootCertificate);
        }
        Ok(Self(RootCerts::from(certificates)))
    }

    pub(super) fn roots(&self) -> RootCerts {
        self.0.clone()
    }
}
