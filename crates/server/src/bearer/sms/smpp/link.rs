//! The connection to a centre: TCP, or TLS on it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::bearer::sms::config::{RouteConfig, SmppConfig, SmsConfigError, Tls};

/// How a centre is reached.
pub(crate) struct Link {
    address: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A connection.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Link {
    /// # Errors
    /// The certificates to believe in, or the host's name, cannot be used for TLS.
    pub(crate) fn new(route: &RouteConfig, smpp: &SmppConfig) -> Result<Self, SmsConfigError> {
        let address = smpp.address.clone();
        let wrong =
            |key: &str, rule: String| SmsConfigError::Value { key: format!("centre \"{}\": {key}", route.name), rule };
        let mut roots = RootCertStore::empty();
        match &smpp.tls {
            Tls::Off => return Ok(Self { address, tls: None }),
            Tls::PublicRoots => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Tls::Roots(certificates) => {
                for certificate in certificates {
                    let added = roots.add(certificate.clone());
                    added.map_err(|error| {
                        wrong("ca_file", format!("has a certificate that is no authority: {error}"))
                    })?;
                }
            }
        }
        let name = ServerName::try_from(smpp.host.clone())
            .map_err(|_| wrong("address", "has to begin with the name in the centre's certificate".to_owned()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("tls", error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: Some((TlsConnector::from(Arc::new(config)), name)) })
    }

    /// Whether passwords and messages go over it in the clear.
    pub(super) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Connects to the first address that answers, each within `limit`.
    pub(super) async fn connect(&self, limit: Duration) -> io::Result<Box<dyn Wire>> {
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
        let addresses = timeout(limit, lookup_host(&self.address)).await.map_err(late)??;
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match timeout(limit, TcpStream::connect(address)).await.map_err(late).flatten() {
                Ok(stream) => {
                    // Small PDUs that wait for an answer: Nagle would hold them back.
                    stream.set_nodelay(true)?;
                    return match &self.tls {
                        None => Ok(Box::new(stream)),
                        Some((connector, name)) => {
                            let shaken = timeout(limit, connector.connect(name.clone(), stream)).await;
                            Ok(Box::new(shaken.map_err(late)??))
                        }
                    };
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}
