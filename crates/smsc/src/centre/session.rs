//! One connection, from its first byte to its last.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{FutureExt, SinkExt, StreamExt};
use rusmpp::pdus::SubmitSmResp;
use rusmpp::types::{AnyOctetString, COctetString};
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::Framed;

use super::bind::{Bind, Role, is_bind};
use super::deliver::Seat;
use super::frame::{Frame, FrameCodec};
use super::submit::{Accepted, accept};
use super::{Orders, Shared};
use crate::clock::after;
use crate::desk::{Item, Route};

/// How many PDUs that have come already are worked off before the answers are written.
const BATCH: usize = 64;

/// How many PDUs that are no good, one after the other, end a connection.
const MAX_FAULTS: u32 = 10;

/// A connection.
pub(super) struct Session {
    shared: Arc<Shared>,
    framed: Framed<TcpStream, FrameCodec>,
    bound: Option<Bound>,
    began: Instant,
    /// When the last whole PDU came.
    heard: Instant,
    has_asked: bool,
    is_unbinding: bool,
    faults: u32,
    sequence_number: u32,
    /// Taken, and on their way as soon as the ESME has been told: so a receipt is never ahead of the response.
    accepted: Vec<Accepted>,
}

/// A bound ESME.
struct Bound {
    shared: Arc<Shared>,
    role: Role,
    route: Route,
    seat: Option<Seat>,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The peer closed it, or it broke.
    Closed,
    /// One side unbound.
    Unbound,
    /// The peer sends what is no SMPP.
    Garbage,
    /// The peer did not bind, does not say or answer anything, or does not read.
    Silence,
    /// The centre hangs up.
    HungUp,
}

impl Session {
    pub(super) fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            framed: Framed::new(stream, FrameCodec::default()),
            bound: None,
            began: now,
            heard: now,
            has_asked: false,
            is_unbinding: false,
            faults: 0,
            sequence_number: 0,
            accepted: Vec::new(),
        }
    }

    /// Speaks with the peer until one of the two ends it.
    pub(super) async fn run(mut self, mut orders: watch::Receiver<Orders>) {
        let hang_ups = orders.borrow().hang_ups;
        loop {
            let wake_at = self.wake_at();
            let step = tokio::select! {
                frame = self.framed.next() => match frame {
                    Some(Ok(frame)) => self.hear(frame).await,
                    Some(Err(_)) | None => Err(End::Closed),
                },
                item = next_item(&mut self.bound) => self.deliver(item).await,
                () = sleep_until(wake_at) => self.wake().await,
                changed = orders.changed() => {
                    let now = *orders.borrow_and_update();
                    if changed.is_err() || now.hang_ups != hang_ups { Err(End::HungUp) }
                    else if now.is_stopping { self.unbind().await }
                    else { Ok(()) }
                }
            };
            if let Err(end) = step {
                tracing::debug!(?end, "a connection ended");
                return;
            }
        }
    }

    /// Works off what has come, then writes the answers.
    async fn hear(&mut self, frame: Frame) -> Result<(), End> {
        let mut result = self.handle(frame).await;
        for _ in 1..BATCH {
            if result.is_err() {
                break;
            }
            result = match self.framed.next().now_or_never() {
                Some(Some(Ok(frame))) => self.handle(frame).await,
                Some(Some(Err(_)) | None) => Err(End::Closed),
                None => break,
            };
        }
        let flushed = self.flush().await;
        for Accepted { ticket, segments } in self.accepted.drain(..) {
            self.shared.network.submit(&ticket, segments);
        }
        result.and(flushed)
    }

    async fn handle(&mut self, frame: Frame) -> Result<(), End> {
        match frame {
            Frame::Good(command) => {
                self.heard = Instant::now();
                self.has_asked = false;
                self.obey(&command).await
            }
            Frame::Bad { id, sequence_number } => {
                // A response is never answered, or two peers would answer each other for ever.
                if !id.is_response() {
                    self.nack(sequence_number, CommandStatus::EsmeRinvcmdlen).await?;
                }
                self.fault()
            }
            Frame::Lost { sequence_number } => {
                self.nack(sequence_number, CommandStatus::EsmeRinvcmdlen).await?;
                self.shared.network.count(|counts| counts.bad_pdus += 1);
                Err(End::Garbage)
            }
        }
    }

    async fn obey(&mut self, command: &Command) -> Result<(), End> {
        let (id, sequence_number) = (command.id(), command.sequence_number());
        match (id, command.pdu()) {
            (CommandId::EnquireLink, _) => self.answer(sequence_number, Pdu::EnquireLinkResp).await,
            (CommandId::Unbind, _) => {
                self.answer(sequence_number, Pdu::UnbindResp).await?;
                Err(End::Unbound)
            }
            (CommandId::UnbindResp, _) if self.is_unbinding => Err(End::Unbound),
            (CommandId::SubmitSm, Some(Pdu::SubmitSm(submit))) => {
                let result = match &self.bound {
                    Some(bound) if bound.role.submits() => accept(&self.shared, &bound.route, submit),
                    Some(_) | None => Err(CommandStatus::EsmeRinvbndsts),
                };
                self.answer_submit(sequence_number, result).await
            }
            (id, Some(pdu)) if is_bind(id) => self.bind(id, sequence_number, pdu).await,
            (CommandId::DeliverSmResp | CommandId::GenericNack, _) => {
                if let Some(seat) = self.bound.as_mut().and_then(|bound| bound.seat.as_mut()) {
                    seat.answered(sequence_number, command.status());
                }
                Ok(())
            }
            (id, _) if id.is_response() => Ok(()),
            // Without the body that it needs.
            (CommandId::SubmitSm, _) => {
                self.nack(sequence_number, CommandStatus::EsmeRinvcmdlen).await?;
                self.fault()
            }
            (id, _) if is_bind(id) => {
                self.nack(sequence_number, CommandStatus::EsmeRinvcmdlen).await?;
                self.fault()
            }
            // Unknown, or not of this centre: data_sm, query_sm, submit_multi…
            (_, _) => {
                self.nack(sequence_number, CommandStatus::EsmeRinvcmdid).await?;
                self.fault()
            }
        }
    }

    async fn answer_submit(
        &mut self,
        sequence_number: u32,
        result: Result<Accepted, CommandStatus>,
    ) -> Result<(), End> {
        let status = match result {
            Ok(accepted) => {
                self.faults = 0;
                let id = COctetString::from_string(accepted.ticket.id.clone()).unwrap_or_default();
                self.accepted.push(accepted);
                return self.answer(sequence_number, SubmitSmResp::new(id, Vec::new())).await;
            }
            Err(status) => status,
        };
        self.shared.network.count(|counts| match status {
            CommandStatus::EsmeRthrottled => counts.throttled += 1,
            _ => counts.refused += 1,
        });
        self.refuse(CommandId::SubmitSmResp, sequence_number, status).await?;
        if status == CommandStatus::EsmeRinvbndsts { self.fault() } else { Ok(()) }
    }

    async fn bind(&mut self, id: CommandId, sequence_number: u32, pdu: &Pdu) -> Result<(), End> {
        let Some(bind) = Bind::of(pdu) else { return Ok(()) };
        let allowed = match &self.bound {
            Some(_) => Err(CommandStatus::EsmeRalybnd),
            None => bind.check(&self.shared.options),
        };
        if let Err(status) = allowed {
            self.refuse(id.matching_response(), sequence_number, status).await?;
            return self.fault();
        }
        self.answer(sequence_number, bind.answer(&self.shared.options)).await?;
        let route = Route { centre: self.shared.address, system_id: bind.system_id.clone() };
        let seat = bind.role.receives().then(|| Seat::take(&self.shared, route.clone(), &bind));
        self.shared.bound.fetch_add(1, Ordering::Relaxed);
        self.bound = Some(Bound { shared: Arc::clone(&self.shared), role: bind.role, route, seat });
        Ok(())
    }

    async fn deliver(&mut self, item: Item) -> Result<(), End> {
        let sequence_number = self.next_number();
        let Some(seat) = self.bound.as_mut().and_then(|bound| bound.seat.as_mut()) else { return Ok(()) };
        let pdu = seat.send(sequence_number, item);
        self.write(Command::new(CommandStatus::EsmeRok, sequence_number, pdu)).await?;
        self.flush().await
    }

    /// When there is something to do though nobody says anything.
    fn wake_at(&self) -> Instant {
        let options = &self.shared.options;
        let Some(bound) = &self.bound else { return after(self.began, options.session_init) };
        let silent = if self.has_asked { options.inactivity } else { options.enquire_link.min(options.inactivity) };
        let silent_at = after(self.heard, silent);
        let unanswered = bound.seat.as_ref().and_then(Seat::deadline);
        unanswered.map_or(silent_at, |unanswered| unanswered.min(silent_at))
    }

    async fn wake(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let seat = self.bound.as_ref().and_then(|bound| bound.seat.as_ref());
        let is_answer_due = seat.and_then(Seat::deadline).is_some_and(|deadline| deadline <= now);
        if self.bound.is_none() || is_answer_due || now >= after(self.heard, self.shared.options.inactivity) {
            return Err(End::Silence);
        }
        self.has_asked = true;
        let sequence_number = self.next_number();
        self.write(Command::new(CommandStatus::EsmeRok, sequence_number, Pdu::EnquireLink)).await?;
        self.flush().await
    }

    async fn unbind(&mut self) -> Result<(), End> {
        if self.bound.is_none() {
            return Err(End::HungUp);
        }
        self.is_unbinding = true;
        let sequence_number = self.next_number();
        self.write(Command::new(CommandStatus::EsmeRok, sequence_number, Pdu::Unbind)).await?;
        self.flush().await
    }

    fn fault(&mut self) -> Result<(), End> {
        self.shared.network.count(|counts| counts.bad_pdus += 1);
        self.faults += 1;
        if self.faults < MAX_FAULTS { Ok(()) } else { Err(End::Garbage) }
    }

    async fn nack(&mut self, sequence_number: u32, status: CommandStatus) -> Result<(), End> {
        self.write_answer(Command::new(status, sequence_number, Pdu::GenericNack)).await
    }

    /// A response with an error has no body (SMPP 3.4 §4.1.2, §4.4.2).
    async fn refuse(&mut self, id: CommandId, sequence_number: u32, status: CommandStatus) -> Result<(), End> {
        let pdu = Pdu::Other { command_id: id, body: AnyOctetString::empty() };
        self.write_answer(Command::new(status, sequence_number, pdu)).await
    }

    async fn answer(&mut self, sequence_number: u32, pdu: impl Into<Pdu>) -> Result<(), End> {
        self.write_answer(Command::new(CommandStatus::EsmeRok, sequence_number, pdu)).await
    }

    async fn write_answer(&mut self, command: Command) -> Result<(), End> {
        if self.shared.is_mute.load(Ordering::Relaxed) { Ok(()) } else { self.write(command).await }
    }

    /// Puts a PDU where [`Session::flush`] writes it from; a full buffer is written first.
    async fn write(&mut self, command: Command) -> Result<(), End> {
        match timeout(self.shared.options.response, self.framed.feed(command)).await {
            Ok(fed) => fed.map_err(|_| End::Closed),
            Err(_) => Err(End::Silence),
        }
    }

    async fn flush(&mut self) -> Result<(), End> {
        match timeout(self.shared.options.response, SinkExt::<Command>::flush(&mut self.framed)).await {
            Ok(flushed) => flushed.map_err(|_| End::Closed),
            Err(_) => Err(End::Silence),
        }
    }

    /// Sequence numbers are 1 to 0x7fffffff (SMPP 3.4 §5.1.4).
    fn next_number(&mut self) -> u32 {
        self.sequence_number = if self.sequence_number >= 0x7fff_ffff { 1 } else { self.sequence_number + 1 };
        self.sequence_number
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.shared.bound.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn next_item(bound: &mut Option<Bound>) -> Item {
    match bound.as_mut().and_then(|bound| bound.seat.as_mut()) {
        Some(seat) => seat.next().await,
        None => std::future::pending().await,
    }
}
