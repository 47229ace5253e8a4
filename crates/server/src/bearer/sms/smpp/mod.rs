//! An SMPP centre (SMPP 3.4, 5.0) as its ESME sees it: us.
//!
//! A task connects, binds, and stays (`line`); one session's conversation is in `session`. The codec is rusmpp's, the
//! session is ours (docs/adr/0012).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use matchbook_protocol::sms::{Address, Form, Segment};
use rusmpp::pdus::SubmitSm;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::duties::Duty;

use super::centre::{Accepted, Centre, Inbox, SubmitError, SubmitOptions};
use super::config::{MessageIds, RouteConfig, SmppConfig};
use super::measures::RouteMeasures;
use super::pace::{self, Pace};

mod codec;
mod line;
mod link;
mod pdus;
mod receipts;
mod session;

use line::Line;
pub(crate) use link::Link;
pub(super) use receipts::error_in;

/// One SMPP centre.
pub(crate) struct SmppCentre {
    form: Form,
    number: Address,
    receipts: bool,
    shared: Arc<Shared>,
    window: Arc<Semaphore>,
    requests: mpsc::Sender<Request>,
}

/// What the centre and its task both see.
struct Shared {
    name: String,
    message_ids: MessageIds,
    inbox: Arc<dyn Inbox>,
    pace: Pace,
    up: watch::Sender<bool>,
    counts: RouteMeasures,
}

/// A submit that the session is to send. The place in the window is given back when it is answered or given up.
struct Request {
    pdu: SubmitSm,
    reply: oneshot::Sender<Result<Accepted, SubmitError>>,
    place: OwnedSemaphorePermit,
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
struct Timing {
    /// For a connection, and for the handshake of TLS.
    connect: Duration,
    /// For the answer to the bind.
    bind: Duration,
    /// For the answer to a submit or an enquire_link. Kannel waits 60 s; a window that is not answered for half of that
    /// is a window wasted.
    response: Duration,
    /// For the commit of what came in; then the centre is asked to send it again.
    inbox: Duration,
    /// Until the centre reads what is written to it.
    write: Duration,
    /// For what is under way, and for the answer to the unbind, when the server stops.
    unbind: Duration,
    /// Before the first new attempt; each further one waits twice as long, less up to a half by chance.
    reconnect_first: Duration,
    /// The longest of these, and how long a session lasts that lets the next one begin with the first again.
    reconnect_longest: Duration,
    /// How long nothing is sent after the centre asked to slow down.
    held: Duration,
    /// How often it is looked whether something is late.
    look: Duration,
}

impl Timing {
    const USUAL: Self = Self {
        connect: Duration::from_secs(10),
        bind: Duration::from_secs(10),
        response: Duration::from_secs(30),
        inbox: Duration::from_secs(10),
        write: Duration::from_secs(10),
        unbind: Duration::from_secs(3),
        reconnect_first: Duration::from_secs(1),
        reconnect_longest: Duration::from_secs(60),
        held: pace::HELD,
        look: Duration::from_millis(250),
    };
}

impl SmppCentre {
    /// Begins to connect, and stays connected while `duty` is on, until it is over.
    pub(crate) fn start(
        route: &RouteConfig,
        smpp: &SmppConfig,
        link: Link,
        number: Address,
        inbox: Arc<dyn Inbox>,
        duty: watch::Receiver<Duty>,
        counts: RouteMeasures,
    ) -> (Self, JoinHandle<()>) {
        Self::start_timed(route, smpp, link, number, inbox, duty, counts, Timing::USUAL)
    }

    #[expect(clippy::too_many_arguments, reason = "as above, and the timing that tests shorten")]
    fn start_timed(
        route: &RouteConfig,
        smpp: &SmppConfig,
        link: Link,
        number: Address,
        inbox: Arc<dyn Inbox>,
        duty: watch::Receiver<Duty>,
        counts: RouteMeasures,
        timing: Timing,
    ) -> (Self, JoinHandle<()>) {
        if link.is_plain() && !smpp.host_is_loopback() {
            tracing::warn!(centre = route.name, "the password and the messages go unencrypted: set tls = true");
        }
        let places = usize::from(route.window);
        let (requests, queue) = mpsc::channel(places);
        let shared = Arc::new(Shared {
            name: route.name.clone(),
            message_ids: smpp.message_ids,
            inbox,
            pace: Pace::new(route.per_second, timing.held),
            up: watch::Sender::new(false),
            counts,
        });
        let line = Line {
            shared: Arc::clone(&shared),
            link,
            bind: pdus::bind(smpp),
            enquire_link: smpp.enquire_link,
            places,
            timing,
            requests: queue,
            duty,
        };
        let centre = Self {
            form: route.form,
            number,
            receipts: route.receipts,
            shared,
            window: Arc::new(Semaphore::new(places)),
            requests,
        };
        (centre, tokio::spawn(line.keep()))
    }

    async fn hand_over(&self, pdu: SubmitSm) -> Result<Accepted, SubmitError> {
        let down = || SubmitError::Unreachable("the centre is not connected".to_owned());
        let mut up = self.shared.up.subscribe();
        if !*up.borrow_and_update() {
            return Err(down());
        }
        let ready = async {
            let place = Arc::clone(&self.window).acquire_owned().await.ok()?;
            self.shared.pace.take().await;
            Some(place)
        };
        let place = tokio::select! {
            place = ready => place.ok_or_else(down)?,
            _ = up.wait_for(|up| !up) => return Err(down()),
        };
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { pdu, reply, place }).await.map_err(|_| down())?;
        answer.await.unwrap_or_else(|_| Err(SubmitError::InDoubt("the session ended".to_owned())))
    }
}

#[async_trait]
impl Centre for SmppCentre {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn form(&self) -> Form {
        self.form
    }

    fn is_up(&self) -> bool {
        *self.shared.up.borrow()
    }

    fn room(&self) -> usize {
        if !self.is_up() {
            return 0;
        }
        self.window.available_permits().min(self.shared.pace.available())
    }

    async fn submit(&self, to: &Address, segment: &Segment, options: &SubmitOptions) -> Result<Accepted, SubmitError> {
        let wants_receipt = options.wants_receipt && self.receipts;
        let pdu = pdus::submit(&self.number, to, segment, &SubmitOptions { wants_receipt, ..*options })?;
        self.shared.counts.submits.inc();
        let result = self.hand_over(pdu).await;
        self.shared.counts.submitted(&result);
        result
    }
}

#[cfg(test)]
mod tests;
