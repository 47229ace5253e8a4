//! A plain TCP balancer, as operators put before their nodes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;

use crate::listening::Listening;
use crate::trouble::Trouble;

#[cfg(test)]
mod tests;

/// Hands each connection to the next address in turn that accepts it. When none does, it is closed.
pub struct Balancer {
    listening: Listening,
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    /// A balancer before these.
    ///
    /// # Errors
    /// No port is free.
    pub fn new(addresses: &[SocketAddr]) -> Result<Self, Trouble> {
        let addresses = Arc::new(Mutex::new(addresses.to_vec()));
        let (shared, turn) = (Arc::clone(&addresses), Arc::new(AtomicUsize::new(0)));
        let listening = Listening::start(move |client| {
            let (shared, turn) = (Arc::clone(&shared), Arc::clone(&turn));
            async move {
                let addresses = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
                serve(client, &addresses, turn.fetch_add(1, Ordering::Relaxed)).await;
            }
        })?;
        Ok(Self { listening, addresses })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Takes others for the connections to come.
    pub fn set(&self, addresses: &[SocketAddr]) {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses.to_vec();
    }
}

async fn serve(mut client: TcpStream, addresses: &[SocketAddr], turn: usize) {
    let first = turn.checked_rem(addresses.len()).unwrap_or(0);
    let in_turn = addresses.iter().cycle().skip(first).take(addresses.len());
    for address in in_turn {
        if let Ok(mut node) = TcpStream::connect(address).await {
            let _delayed = node.set_nodelay(true);
            let _broken = tokio::io::copy_bidirectional(&mut client, &mut node).await;
            return;
        }
    }
}
