//! A server from its opening to its last answer.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use matchbook_rules::keyring::Keyring;
use matchbook_store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::auth::Tokens;
use crate::bearer::sms::centres;
use crate::bearer::sms::config::{SmsConfig, SmsConfigError};
use crate::config::{ServerConfig, TlsFiles};
use crate::core::{Core, Doubts, Readiness};
use crate::duties::Duties;
use crate::http;
use crate::lanes::Lanes;
use crate::limits::{HEADER_TIMEOUT, SHUTDOWN_GRACE};
use crate::metrics::Metrics;
use crate::outbox;
use crate::rate::Rates;
use crate::sms::Desk;
use crate::sms::inbound::Door;
use crate::waiting::Waiting;

/// The server could not start; the sentence says what to do.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The certificate or its key cannot be used.
    Tls(TlsFiles, io::Error),
    /// The centres for short messages cannot be used.
    Sms(SmsConfigError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "{address} is in use by another program: stop it, or choose another address with --listen")
            }
            Self::Listen(address, error) => {
                write!(f, "{address} cannot be listened on ({error}): choose another address with --listen")
            }
            Self::Sms(error) => error.fmt(f),
            Self::Tls(files, error) => write!(
                f,
                "the certificate {} or its key {} cannot be used ({error}): both must be PEM, and belong together",
                files.certificate.display(),
                files.key.display()
            ),
        }
    }
}

impl std::error::Error for StartError {}

/// A server that answers calls. Dropping it stops the sweeps; [`Running::stop`] ends it in good order.
pub struct Running {
    address: SocketAddr,
    url: String,
    handle: Handle<SocketAddr>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<io::Result<()>>,
    duties: JoinHandle<()>,
    sweeping: JoinHandle<()>,
}

impl Running {
    /// Binds the address and begins to answer. TLS needs a default rustls provider to be installed.
    ///
    /// # Errors
    /// The address is in use, or the certificate cannot be read.
    pub async fn start(config: ServerConfig, store: Arc<dyn Store>, keyring: Keyring) -> Result<Self, StartError> {
        let wanted = config.listen;
        let failed = |error| StartError::Listen(wanted, error);
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if address.ip().is_unspecified() && config.public_url.is_none() {
            tracing::warn!("enrolments will name {address}, which no other machine can reach: set --public-url");
        }
        if !address.ip().is_loopback() && config.tls.is_none() {
            tracing::warn!(
                "tokens and codes to verify go unencrypted to {address}: give a certificate, or put a proxy in front"
            );
        }
        let tls = match config.tls.clone() {
            Some(files) => Some(tls(files).await?),
            None => None,
        };
        let (stop, stopping) = watch::channel(false);
        let sms = config.sms.clone();
        let core = Arc::new(Core {
            duties: Duties::new(store.is_shared()),
            store,
            keyring,
            public_url: config.url(address),
            rates: Rates::new(&config),
            config,
            lanes: Lanes::new(),
            waiting: Waiting::default(),
            sms: sms.as_deref().map(Desk::new),
            metrics: Metrics::new(),
            tokens: Tokens::default(),
            readiness: Readiness::default(),
            doubts: Doubts::default(),
            stopping: stopping.clone(),
        });
        core.set_clock().await;
        if let Some(config) = &sms {
            open_desk(&core, config)?;
        }
        let url = core.public_url.clone();
        let handle = Handle::new();
        let serving = serve(listener, tls, handle.clone(), Arc::clone(&core)).map_err(failed)?;
        let serving = tokio::spawn(serving);
        let dutiful = Arc::clone(&core);
        let duties = tokio::spawn(async move { dutiful.take_duties().await });
        let sweeping = tokio::spawn(outbox::sweep(core, stopping));
        tracing::info!(%address, url, "listening");
        Ok(Self { address, url, handle, stop, serving, duties, sweeping })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that goes into enrolments.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes no new connection, lets the calls under way end for up to 10 s, and stops.
    pub async fn stop(self) {
        tracing::info!("stopping");
        // Held requests of devices are answered at once, so that they do not use up the grace.
        let _unheard = self.stop.send(true);
        self.handle.graceful_shutdown(Some(SHUTDOWN_GRACE));
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the listener ended badly");
        }
        if let Err(error) = self.duties.await {
            tracing::error!(%error, "the duties ended badly");
        }
        if let Err(error) = self.sweeping.await {
            tracing::error!(%error, "the sweeps ended badly");
        }
        tracing::info!("stopped");
    }
}

/// Connects to the centres. What they bring in keeps no core alive, so that a server that is dropped ends.
fn open_desk(core: &Arc<Core>, config: &SmsConfig) -> Result<(), StartError> {
    let inbox = Arc::new(Door(Arc::downgrade(core)));
    let centres = centres::start(config, inbox, core.duties.of_centres(), &core.metrics.centres);
    if let Some(desk) = &core.sms {
        desk.open(centres.map_err(StartError::Sms)?);
    }
    Ok(())
}

/// Whether a server could start with this certificate and key. Needs a default rustls provider to be installed.
///
/// # Errors
/// [`StartError::Tls`].
pub async fn check_tls(files: TlsFiles) -> Result<(), StartError> {
    tls(files).await.map(drop)
}

async fn tls(files: TlsFiles) -> Result<RustlsConfig, StartError> {
    let loaded = RustlsConfig::from_pem_file(&files.certificate, &files.key).await;
    let config = loaded.map_err(|error| StartError::Tls(files, error))?;
    // It offers HTTP/2 too, unless it is told what is spoken here.
    let mut spoken = config.get_inner().as_ref().clone();
    spoken.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.reload_from_config(Arc::new(spoken));
    Ok(config)
}

fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
    core: Arc<Core>,
) -> io::Result<impl Future<Output = io::Result<()>> + Send> {
    let service = http::router(core).into_make_service_with_connect_info::<SocketAddr>();
    // HTTP/1 alone: each of its waits has a bound here, while an idle HTTP/2 connection has none in hyper.
    let plain = axum_server::from_tcp(listener)?.handle(handle).http1_only().first_request_timeout(HEADER_TIMEOUT);
    Ok(async move {
        match tls {
            None => {
                let mut server = plain;
                bound(server.http_builder());
                server.serve(service).await
            }
            Some(config) => {
                let acceptor = RustlsAcceptor::new(config).handshake_timeout(HEADER_TIMEOUT);
                let mut server = plain.acceptor(acceptor);
                bound(server.http_builder());
                server.serve(service).await
            }
        }
    })
}

/// Bounds a connection: a head that does not come in time ends it, the first one and each later one.
fn bound(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
}
