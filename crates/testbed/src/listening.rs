//! What proxies have in common: a port on 127.0.0.1, served by a thread of its own, so that blocking tests can use it.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::trouble::Trouble;

/// A listener and the connections that it has taken. Dropping it cuts all of them.
pub(crate) struct Listening {
    address: SocketAddr,
    /// Dropping this ends the thread.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    /// Serves each connection by a task.
    pub(crate) fn start<S, F>(serve: S) -> Result<Self, Trouble>
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Trouble::at("listen"))?;
        listener.set_nonblocking(true).map_err(Trouble::at("listen"))?;
        let address = listener.local_addr().map_err(Trouble::at("listen"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Trouble::at("start a runtime"))?;
        let (end, ended) = oneshot::channel();
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener).map_err(Trouble::at("listen"))?
        };
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(&listener, serve) => {}
                    _ = ended => {}
                }
            });
            // The connections go with the runtime.
        });
        Ok(Self { address, end: Some(end), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

async fn accept<F>(listener: &TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        // An error is of one connection alone, which has gone away, or of the machine, which is out of files for a while.
        match listener.accept().await {
            Ok((stream, _)) => {
                let _delayed = stream.set_nodelay(true);
                tokio::spawn(serve(stream));
            }
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
