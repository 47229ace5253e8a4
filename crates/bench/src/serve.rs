//! What is measured: Matchbook, and the empty handlers that are its floor, each a process of its own.
//!
//! The process prints where it listens in one line, and ends when its standard input does: so it outlives nobody.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use matchbook_server::{Running, ServerConfig};
use tokio::runtime::{Builder, Runtime};

use crate::population::keyring;
use crate::rows::hpke;
use crate::site;
use crate::trouble::{Result, Trouble};

/// Which server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// Matchbook on this database.
    Matchbook {
        /// As the store's opener reads it: `sqlite:` and a path.
        database: String,
        /// MiB for what is remembered of devices.
        memory_mb: u32,
    },
    /// A handler that takes a body and answers [`ACCEPTED`]; and on every other path, as many bytes as a set's message
    /// has.
    Empty,
    /// A handler that takes a body, seals once by HPKE, and answers with as much as a set's message has.
    Sealing,
}

/// The answer to a code that is good.
pub const ACCEPTED: &str = r#"{"accepted":true}"#;

/// As in `matchbook_server`: a connection that has not sent its request's head by then is closed.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of the message of a set of 40 codes, in COSE's form.
const SET_MESSAGE: usize = 160;

/// No limit that callers from one address could reach.
const NO_LIMIT: u32 = 1_000_000;

impl Served {
    /// The words that make the program serve this.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        match self {
            Self::Matchbook { database, memory_mb } => {
                vec!["matchbook".to_owned(), database.clone(), memory_mb.to_string()]
            }
            Self::Empty => vec!["empty".to_owned()],
            Self::Sealing => vec!["sealing".to_owned()],
        }
    }

    /// Reads them.
    ///
    /// # Errors
    /// They are others.
    pub fn parse(words: &[&str]) -> Result<Self> {
        match words {
            ["matchbook", database, memory_mb] => {
                let memory_mb = memory_mb.parse().map_err(Trouble::because("the memory is no number of MiB"))?;
                Ok(Self::Matchbook { database: (*database).to_owned(), memory_mb })
            }
            ["empty"] => Ok(Self::Empty),
            ["sealing"] => Ok(Self::Sealing),
            other => Err(Trouble::new(format!("serve does not take {:?}", other.join(" ")))),
        }
    }
}

/// Serves until standard input ends.
///
/// # Errors
/// The store cannot be opened, or no address is free.
pub fn serve(served: &Served) -> Result<()> {
    matchbook_server::use_small_pages();
    let runtime = runtime()?;
    match served {
        Served::Matchbook { database, memory_mb } => runtime.block_on(matchbook(database, *memory_mb)),
        Served::Empty => runtime.block_on(floor(Router::new().route("/v1/verify", post(accepted)).fallback(set))),
        Served::Sealing => runtime.block_on(floor(Router::new().route("/v1/device/messages", post(sealed)))),
    }
}

/// The runtime of `matchbook serve`.
fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().map_err(Trouble::because("the system gives no threads"))
}

async fn matchbook(database: &str, memory_mb: u32) -> Result<()> {
    let store = site::open(database, false, memory_mb).await?;
    let config = ServerConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        device_messages_per_second: NO_LIMIT,
        api_calls_per_second: NO_LIMIT,
        ..ServerConfig::default()
    };
    let running = Running::start(config, store, keyring()).await;
    let running = running.map_err(Trouble::because("the server did not start"))?;
    announce(running.address())?;
    input_ends().await;
    running.stop().await;
    Ok(())
}

/// The same listener and HTTP settings as `matchbook_server` has, and nothing behind them.
async fn floor(router: Router) -> Result<()> {
    let failed = |error| Trouble::because("no address is free")(error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut server =
        axum_server::from_tcp(listener).map_err(failed)?.http1_only().first_request_timeout(HEADER_TIMEOUT);
    let builder = server.http_builder();
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    announce(address)?;
    tokio::select! {
        ended = server.serve(service) => ended.map_err(Trouble::because("the listener ended badly")),
        () = input_ends() => Ok(()),
    }
}

async fn accepted(_body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], ACCEPTED).into_response()
}

async fn set(_body: Bytes) -> Response {
    let media = [(header::CONTENT_TYPE, HeaderValue::from_static("application/cbor-seq"))];
    (media, [0; SET_MESSAGE].as_slice()).into_response()
}

async fn sealed(_body: Bytes) -> Response {
    let media = [(header::CONTENT_TYPE, HeaderValue::from_static("application/cbor-seq"))];
    (media, hpke::seal_once().unwrap_or_default()).into_response()
}

fn announce(address: SocketAddr) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let written = writeln!(output, "{address}").and_then(|()| output.flush());
    written.map_err(Trouble::because("the address was not told"))
}

async fn input_ends() {
    // Dropped at the end with the runtime's blocking threads; whoever measures has gone then.
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _ended = std::io::stdin().lock().read_to_end(&mut rest);
        drop(tell);
    });
    let _gone = told.await;
}
