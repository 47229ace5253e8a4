//! A TCP proxy that misbehaves when it is told to.

mod plan;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use crate::listening::Listening;
use crate::trouble::Trouble;
pub use plan::{Fault, When};
use plan::{Plan, Scanner, finds};

/// How many bytes are passed on at once.
const CHUNK: usize = 16 * 1024;

/// Passes connections on to a target, until it is told to cut them, to hold them up, or to lose an answer.
///
/// ```no_run
/// use matchbook_testbed::{Fault, Postgres, Proxy, When};
///
/// # fn main() -> Result<(), matchbook_testbed::Trouble> {
/// let server = Postgres::start()?;
/// let proxy = Proxy::new(([127, 0, 0, 1], server.port()).into())?;
/// // The next COMMIT is carried out, and its client never hears of it.
/// proxy.plan(When::Text(b"COMMIT".to_vec()), Fault::LoseAnswer { until: b"COMMIT\0".to_vec() }, 1);
/// # Ok(())
/// # }
/// ```
pub struct Proxy {
    listening: Listening,
    control: Arc<Control>,
}

impl Proxy {
    /// A proxy before this target, which need not listen yet.
    ///
    /// # Errors
    /// No port is free.
    pub fn new(target: SocketAddr) -> Result<Self, Trouble> {
        let control = Arc::new(Control {
            orders: watch::Sender::new(Orders { target, is_held: false, cuts: 0 }),
            plan: Mutex::new(Plan::default()),
        });
        let shared = Arc::clone(&control);
        let listening = Listening::start(move |client| {
            let control = Arc::clone(&shared);
            async move { control.serve(client).await }
        })?;
        Ok(Self { listening, control })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Cuts all connections that are there. New ones are taken.
    pub fn cut_all(&self) {
        self.control.orders.send_modify(|orders| orders.cuts += 1);
    }

    /// Holds up what comes from either side, also on new connections; or lets it go on.
    pub fn hold(&self, is_held: bool) {
        self.control.orders.send_modify(|orders| orders.is_held = is_held);
    }

    /// Sends new connections elsewhere. Those that are there stay; [`Proxy::cut_all`] ends them.
    pub fn retarget(&self, target: SocketAddr) {
        self.control.orders.send_modify(|orders| orders.target = target);
    }

    /// Lets a fault strike when a client sends a certain thing, the next `times` times. A former plan is forgotten.
    pub fn plan(&self, when: When, fault: Fault, times: u64) {
        self.control.locked_plan().renew(when, fault, times);
    }

    /// Lets no further fault strike.
    pub fn forget_plan(&self) {
        self.control.locked_plan().forget();
    }

    /// How many faults have struck, of all plans.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.control.locked_plan().struck()
    }
}

/// What all connections look at.
struct Control {
    orders: watch::Sender<Orders>,
    plan: Mutex<Plan>,
}

struct Orders {
    target: SocketAddr,
    is_held: bool,
    /// How often all connections were cut.
    cuts: u64,
}

/// What an answer has to hold before the connection is cut; `None` while answers are passed on.
type Lost = Mutex<Option<Vec<u8>>>;

impl Control {
    /// Serves one connection; its end, whatever it is, cuts both sides.
    async fn serve(&self, mut client: TcpStream) {
        let mut orders = self.orders.subscribe();
        let cuts = orders.borrow().cuts;
        let passing = async {
            self.released().await;
            let target = self.orders.borrow().target;
            let Ok(mut server) = TcpStream::connect(target).await else {
                return;
            };
            let _delayed = server.set_nodelay(true);
            let (client_out, client_in) = client.split();
            let (server_out, server_in) = server.split();
            let lost = Lost::default();
            tokio::select! {
                () = self.pass_up(client_out, server_in, &lost) => {}
                () = self.pass_down(server_out, client_in, &lost) => {}
            }
        };
        tokio::select! {
            () = passing => {}
            _ = orders.wait_for(|orders| orders.cuts != cuts) => {}
        }
    }

    /// From the client to the server, until a fault cuts them. A client that says no more may still listen.
    async fn pass_up(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, lost: &Lost) {
        let mut scanner = Scanner::default();
        let mut chunk = vec![0; CHUNK];
        while let Some(bytes) = read(&mut from, &mut chunk).await {
            self.released().await;
            let fault = self.locked_plan().strikes(&mut scanner, bytes);
            match fault {
                None => {}
                Some(Fault::CutBefore) => return,
                Some(Fault::CutAtOnce) => {
                    let _gone = to.write_all(bytes).await;
                    return;
                }
                Some(Fault::LoseAnswer { until }) => {
                    *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                }
            }
            if to.write_all(bytes).await.is_err() {
                return;
            }
        }
        let _gone = to.shutdown().await;
        std::future::pending::<()>().await;
    }

    /// From the server to the client, until the server ends or an answer was to be lost.
    async fn pass_down(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, lost: &Lost) {
        let mut swallowed = Vec::new();
        let mut chunk = vec![0; CHUNK];
        while let Some(bytes) = read(&mut from, &mut chunk).await {
            self.released().await;
            let until = lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(until) = until {
                swallowed.extend_from_slice(bytes);
                if finds(&swallowed, &until) {
                    return;
                }
            } else if to.write_all(bytes).await.is_err() {
                return;
            }
        }
    }

    /// Returns when nothing is held up.
    async fn released(&self) {
        let mut orders = self.orders.subscribe();
        let _closed = orders.wait_for(|orders| !orders.is_held).await;
    }

    fn locked_plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next bytes; `None` at the end, and when the connection broke.
async fn read<'a>(from: &mut ReadHalf<'_>, chunk: &'a mut [u8]) -> Option<&'a [u8]> {
    let count = from.read(chunk).await.ok()?;
    chunk.get(..count).filter(|bytes| !bytes.is_empty())
}
