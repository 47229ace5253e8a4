//! Somebody else's SMPP centre: the server of the crate smpp34.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as Lock};

use async_trait::async_trait;
use smpp34::server::{DeliverSmBuilder, ESME};
use smpp34::{
    SmppConnectionInformation, SmppError, SmppServer, SmppServerListener, bind_transceiver, bind_transceiver_resp,
    submit_sm, submit_sm_resp, unbind, unbind_resp,
};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use super::kannel::free_ports;
use super::testing::{PATIENCE, until};

/// A running centre; dropping it stops it.
pub(super) struct ThirdParty {
    pub(super) port: u16,
    pub(super) desk: Arc<Desk>,
    submits: Mutex<mpsc::UnboundedReceiver<submit_sm>>,
    _server: SmppServer,
}

/// What happens at the centre.
pub(super) struct Desk {
    submits: mpsc::UnboundedSender<submit_sm>,
    esmes: Lock<HashMap<String, Arc<ESME>>>,
    /// Answer ESME_RTHROTTLED.
    pub(super) throttles: AtomicBool,
    pub(super) binds: Lock<Vec<bind_transceiver>>,
    pub(super) unbinds: AtomicUsize,
    taken: AtomicUsize,
}

impl ThirdParty {
    pub(super) async fn start() -> Self {
        let [port] = free_ports();
        let (sender, submits) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk {
            submits: sender,
            esmes: Lock::default(),
            throttles: AtomicBool::new(false),
            binds: Lock::default(),
            unbinds: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        });
        let listener: Arc<dyn SmppServerListener + Send + Sync> = Arc::clone(&desk) as _;
        let mut server = SmppServer::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port, listener);
        server.start().await;
        assert!(server.is_alive(), "port {port} is taken");
        Self { port, desk, submits: Mutex::new(submits), _server: server }
    }

    /// The next submit that it took.
    pub(super) async fn submit(&self) -> submit_sm {
        timeout(PATIENCE, self.submits.lock().await.recv()).await.expect("no submit came").unwrap()
    }

    /// Whoever is bound.
    pub(super) async fn esme(&self) -> Arc<ESME> {
        until("somebody is bound", || !self.desk.esmes.lock().unwrap().is_empty()).await;
        Arc::clone(self.desk.esmes.lock().unwrap().values().next().unwrap())
    }
}

/// A message of the phone +491701234567 to 16020.
pub(super) fn from_phone(esme: &ESME) -> DeliverSmBuilder<'_> {
    let from = esme.deliver_sm().source_addr_ton(1).source_addr_npi(1).source_addr("491701234567");
    from.dest_addr_ton(0).dest_addr_npi(1).destination_addr("16020")
}

#[async_trait]
impl SmppServerListener for Desk {
    async fn on_bind_transceiver(
        &self,
        request: bind_transceiver,
        _: &SmppConnectionInformation,
        _: &String,
    ) -> bind_transceiver_resp {
        self.binds.lock().unwrap().push(request.clone());
        if request.password == "secret" {
            request.accept("third".to_owned(), Some(0x34))
        } else {
            request.reject(SmppError::ESME_RINVPASWD)
        }
    }

    async fn on_esme_bound(&self, esme: ESME, session: &String) {
        self.esmes.lock().unwrap().insert(session.clone(), Arc::new(esme));
    }

    async fn on_esme_unbound(&self, session: &String) {
        self.esmes.lock().unwrap().remove(session);
    }

    async fn on_unbind(&self, request: unbind, _: &SmppConnectionInformation, _: &String) -> unbind_resp {
        self.unbinds.fetch_add(1, Ordering::SeqCst);
        request.accept()
    }

    /// Ids in hexadecimal, as many centres have them.
    async fn on_submit_sm(&self, request: submit_sm, _: &SmppConnectionInformation, _: &String) -> submit_sm_resp {
        if self.throttles.load(Ordering::SeqCst) {
            return request.reject(SmppError::ESME_RTHROTTLED);
        }
        let id = self.taken.fetch_add(1, Ordering::SeqCst) + 0xab0;
        self.submits.send(request.clone()).unwrap();
        request.accept(format!("{id:08X}"))
    }
}
