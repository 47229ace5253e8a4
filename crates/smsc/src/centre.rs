//! The SMPP centre: listens, and runs a session for each connection.

mod bind;
mod bucket;
mod deliver;
mod frame;
mod options;
mod session;
mod submit;
mod validity;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use crate::network::Network;
use bucket::Bucket;
use session::Session;

pub use options::{Account, CentreOptions};

/// How long [`Centre::stop`] waits for ESMEs to answer its unbind.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the centre waits when the system has no more room for connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running SMPP centre (3.4 and 5.0) of a network. There may be several of one network.
///
/// Dropping it hangs up on everybody; what was not delivered waits at the network for the next centre.
#[derive(Debug)]
pub struct Centre {
    address: SocketAddr,
    shared: Arc<Shared>,
    orders: watch::Sender<Orders>,
    doorkeeper: JoinHandle<()>,
}

/// What all sessions of a centre share.
#[derive(Debug)]
struct Shared {
    network: Arc<Network>,
    options: CentreOptions,
    address: SocketAddr,
    next_message: AtomicU64,
    bucket: Mutex<Bucket>,
    bound: AtomicUsize,
    is_mute: AtomicBool,
}

/// What the centre tells its sessions.
#[derive(Clone, Copy, Debug, Default)]
struct Orders {
    is_stopping: bool,
    hang_ups: u64,
}

impl Centre {
    /// Listens; port 0 takes a free one.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(network: Arc<Network>, listen: SocketAddr, options: CentreOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        // Message ids begin at the clock, so that those of a centre that starts again are others.
        let first_message = network.clock().date(Instant::now()).0 << 20;
        let shared = Arc::new(Shared {
            address,
            network,
            options,
            next_message: AtomicU64::new(first_message),
            bucket: Mutex::new(Bucket::default()),
            bound: AtomicUsize::new(0),
            is_mute: AtomicBool::new(false),
        });
        let (orders, heard) = watch::channel(Orders::default());
        let doorkeeper = tokio::spawn(keep_door(listener, Arc::clone(&shared), heard));
        Ok(Self { address, shared, orders, doorkeeper })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many ESMEs are bound.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.shared.bound.load(Ordering::Relaxed)
    }

    /// Ends all connections without a word, as a broken line does. Deliveries that were not answered come again.
    pub fn hang_up(&self) {
        self.orders.send_modify(|orders| orders.hang_ups += 1);
    }

    /// A mute centre takes everything and acts on it, but answers nothing: an ESME cannot know what became of its submits.
    pub fn set_mute(&self, is_mute: bool) {
        self.shared.is_mute.store(is_mute, Ordering::Relaxed);
    }

    /// Unbinds the ESMEs, gives them a moment to answer, and stops listening.
    pub async fn stop(mut self) {
        self.orders.send_modify(|orders| orders.is_stopping = true);
        // Whoever does not answer is hung up on when `self` is dropped.
        let _ = timeout(STOP_TIMEOUT, &mut self.doorkeeper).await;
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        // The sessions end with the door keeper's set of them.
        self.doorkeeper.abort();
    }
}

impl Shared {
    /// A message id that no other message of this centre has.
    fn message_id(&self) -> String {
        format!("{:016X}", self.next_message.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether one more submit may come now.
    fn take_submit(&self) -> bool {
        let Some(per_second) = self.network.per_second() else { return true };
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(per_second, Instant::now())
    }
}

async fn keep_door(listener: TcpListener, shared: Arc<Shared>, mut orders: watch::Receiver<Orders>) {
    let mut sessions = JoinSet::new();
    while !orders.borrow().is_stopping {
        tokio::select! {
            connection = listener.accept() => match connection {
                Ok((stream, _)) if sessions.len() < shared.options.max_connections => {
                    welcome(stream, &shared, &orders, &mut sessions);
                }
                Ok((_, peer)) => tracing::debug!(%peer, "too many connections: closed"),
                Err(error) => {
                    tracing::warn!(%error, "no connection can be taken");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = sessions.join_next() => {}
            changed = orders.changed() => if changed.is_err() { return },
        }
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}

fn welcome(stream: TcpStream, shared: &Arc<Shared>, orders: &watch::Receiver<Orders>, sessions: &mut JoinSet<()>) {
    shared.network.count(|counts| counts.connections += 1);
    // Small PDUs, each of which somebody waits for.
    let _ = stream.set_nodelay(true);
    let session = Session::new(stream, Arc::clone(shared));
    sessions.spawn(session.run(orders.clone()));
}
