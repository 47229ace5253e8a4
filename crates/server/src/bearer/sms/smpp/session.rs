//! One bound session's conversation.
//!
//! One task does it all: what it holds is bounded by the window, by [`MAX_DELIVERIES`] and by the queue to the writer.
//! While that many deliveries are under work nothing more is read, so that a centre that sends faster than we commit is
//! held back by TCP.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Sink, SinkExt, StreamExt};
use rusmpp::pdus::{DataSmResp, DeliverSmResp};
use rusmpp::tokio_codec::EncodeError;
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::codec::{FrameError, Header, Incoming};
use super::line::{Bound, Line, decline, relieved};
use super::pdus::{self, Delivery};
use super::{Request, Shared, Timing};
use crate::bearer::sms::centre::{Accepted, NotNow, SubmitError};

/// Deliveries under work at once: enough to fill the store's lanes, few enough to hold.
const MAX_DELIVERIES: usize = 16;

/// PDUs that wait to be written beside the window's: answers. More wait in their senders.
const SPARE_OUT: usize = 32;

/// PDUs of one session that could not be read. A centre that sends more of them is not speaking SMPP.
const MAX_MALFORMED: u32 = 16;

/// Set in the id of a response.
pub(super) const IS_RESPONSE: u32 = 0x8000_0000;

/// How a session ended.
pub(super) enum End {
    /// The server stops.
    Stopped,
    /// Why it has to be begun again.
    Lost(String),
}

/// Converses until the connection is lost or the server stops. What is unanswered then is in doubt.
pub(super) async fn converse(line: &mut Line, bound: Bound) -> End {
    let Bound { mut frames, out } = bound;
    let (queue, written) = mpsc::channel(line.places.saturating_add(SPARE_OUT));
    let mut session = Session::new(line, queue);
    let writer = write(out, written, line.timing.write);
    tokio::pin!(writer);
    let mut look = interval(line.timing.look);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let talk = async {
        loop {
            let is_open = matches!(session.phase, Phase::Open);
            let step = tokio::select! {
                () = relieved(&mut line.duty), if is_open => session.drain(),
                Some(answer) = session.deliveries.join_next() => session.answer(answer.ok()).await,
                request = line.requests.recv(), if is_open => match request {
                    Some(request) => session.submit(request).await,
                    None => session.drain(),
                },
                frame = frames.next(), if session.deliveries.len() < MAX_DELIVERIES => match frame {
                    Some(frame) => session.take(frame).await,
                    None => Err(End::Lost("it closed the connection".to_owned())),
                },
                _ = look.tick() => session.look().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    };
    let end = tokio::select! {
        end = talk => Some(end),
        () = &mut writer => None,
    };
    let is_written = end.is_none();
    session.finish();
    if !is_written {
        let _late = timeout(line.timing.unbind, writer).await;
    }
    end.unwrap_or_else(|| End::Lost("it does not read what is sent to it".to_owned()))
}

struct Session {
    shared: Arc<Shared>,
    timing: Timing,
    enquire_link: Duration,
    out: mpsc::Sender<Command>,
    pending: HashMap<u32, Pending>,
    deliveries: JoinSet<Command>,
    sequence: u32,
    heard: Instant,
    enquiry: Option<(u32, Instant)>,
    malformed: u32,
    phase: Phase,
}

/// A submit that is not answered yet.
struct Pending {
    reply: oneshot::Sender<Result<Accepted, SubmitError>>,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

/// Where a session is on its way to its end.
enum Phase {
    Open,
    /// The server stops; what is under way may end.
    Draining(Instant),
    /// The unbind is sent.
    Unbinding(Instant),
}

type Step = Result<(), End>;

impl Session {
    fn new(line: &Line, out: mpsc::Sender<Command>) -> Self {
        Self {
            shared: Arc::clone(&line.shared),
            timing: line.timing,
            enquire_link: line.enquire_link,
            out,
            pending: HashMap::new(),
            deliveries: JoinSet::new(),
            // The bind had the first.
            sequence: 1,
            heard: Instant::now(),
            enquiry: None,
            malformed: 0,
            phase: Phase::Open,
        }
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = if self.sequence >= 0x7fff_ffff { 1 } else { self.sequence.saturating_add(1) };
        self.sequence
    }

    async fn send(&self, status: CommandStatus, sequence: u32, pdu: impl Into<Pdu>) -> Step {
        let lost = |_| End::Lost("it does not read what is sent to it".to_owned());
        self.out.send(Command::new(status, sequence, pdu)).await.map_err(lost)
    }

    async fn submit(&mut self, request: Request) -> Step {
        let sequence = self.next_sequence();
        if self.pending.contains_key(&sequence) {
            decline(request);
            return Ok(());
        }
        let until = Instant::now() + self.timing.response;
        self.pending.insert(sequence, Pending { reply: request.reply, until, _place: request.place });
        self.send(CommandStatus::EsmeRok, sequence, request.pdu).await
    }

    async fn take(&mut self, frame: Result<Incoming, FrameError>) -> Step {
        self.heard = Instant::now();
        match frame {
            Ok(Incoming::Readable(command)) => {
                // Strange PDUs far apart are strange senders, not a strange centre.
                self.malformed = 0;
                self.heed(*command).await
            }
            Ok(Incoming::Malformed(header)) => self.refuse(header).await,
            Err(FrameError::Io(error)) => Err(End::Lost(format!("the connection broke: {error}"))),
            Err(FrameError::Length(length)) => {
                self.shared.counts.malformed.inc();
                self.send(CommandStatus::EsmeRinvcmdlen, 0, Pdu::GenericNack).await?;
                Err(End::Lost(format!("it sent a PDU of {length} octets")))
            }
        }
    }

    async fn heed(&mut self, command: Command) -> Step {
        let (sequence, status) = (command.sequence_number(), command.status());
        match (command.id(), command.pdu()) {
            (CommandId::EnquireLink, _) => self.send(CommandStatus::EsmeRok, sequence, Pdu::EnquireLinkResp).await,
            (CommandId::EnquireLinkResp, _) => self.answered(sequence),
            (CommandId::SubmitSmResp, pdu) => {
                let id = match pdu {
                    Some(Pdu::SubmitSmResp(answer)) => Some(answer.message_id().as_str()),
                    _ => None,
                };
                self.settle(sequence, status, id);
                Ok(())
            }
            // A centre that knows no enquire_link is alive too.
            (CommandId::GenericNack, _) if self.pending.contains_key(&sequence) => {
                self.settle(sequence, status, None);
                Ok(())
            }
            (CommandId::GenericNack, _) => self.answered(sequence),
            (CommandId::DeliverSm, Some(Pdu::DeliverSm(pdu))) => {
                let delivery = pdus::delivered(pdu, self.shared.message_ids);
                self.deliver(delivery, move |status| Command::new(status, sequence, DeliverSmResp::default())).await
            }
            (CommandId::DataSm, Some(Pdu::DataSm(pdu))) => {
                let delivery = pdus::sent_as_data(pdu, self.shared.message_ids);
                self.deliver(delivery, move |status| Command::new(status, sequence, DataSmResp::default())).await
            }
            (CommandId::Unbind, _) => {
                self.send(CommandStatus::EsmeRok, sequence, Pdu::UnbindResp).await?;
                Err(End::Lost("it unbound".to_owned()))
            }
            (CommandId::UnbindResp, _) if matches!(self.phase, Phase::Unbinding(_)) => Err(End::Stopped),
            (CommandId::AlertNotification | CommandId::Outbind, _) => Ok(()),
            (id, _) if u32::from(id) & IS_RESPONSE != 0 => Ok(()),
            _ => self.send(CommandStatus::EsmeRinvcmdid, sequence, Pdu::GenericNack).await,
        }
    }

    /// A whole PDU whose body is not what its id says.
    async fn refuse(&mut self, header: Header) -> Step {
        self.shared.counts.malformed.inc();
        self.malformed = self.malformed.saturating_add(1);
        if self.malformed > MAX_MALFORMED {
            return Err(End::Lost("it goes on sending what cannot be read".to_owned()));
        }
        tracing::warn!(centre = self.shared.name, ?header, "a PDU cannot be read");
        // What cannot be read now cannot be read later: the centre is not to send it again.
        let refusal = CommandStatus::EsmeRxPAppn;
        match CommandId::from(header.id) {
            CommandId::DeliverSm => self.send(refusal, header.sequence, DeliverSmResp::default()).await,
            CommandId::DataSm => self.send(refusal, header.sequence, DataSmResp::default()).await,
            // The status stands in the header, and says what came of it.
            CommandId::SubmitSmResp => {
                self.settle(header.sequence, header.status.into(), None);
                Ok(())
            }
            id if u32::from(id) & IS_RESPONSE != 0 => Ok(()),
            _ => self.send(CommandStatus::EsmeRinvcmdlen, header.sequence, Pdu::GenericNack).await,
        }
    }

    fn answered(&mut self, sequence: u32) -> Step {
        self.enquiry = self.enquiry.filter(|(asked, _)| *asked != sequence);
        Ok(())
    }

    /// Answers whoever waits for a submit; an answer that is late or was never asked for is forgotten.
    fn settle(&mut self, sequence: u32, status: CommandStatus, id: Option<&str>) {
        let Some(pending) = self.pending.remove(&sequence) else { return };
        let outcome = pdus::outcome(status, id, self.shared.message_ids);
        if outcome == Err(SubmitError::Throttled) {
            self.shared.pace.slow_down();
        }
        let _nobody_waits = pending.reply.send(outcome);
    }

    /// Begins the work on what came in; its answer goes out when it is durable.
    async fn deliver(
        &mut self,
        delivery: Delivery,
        answer: impl FnOnce(CommandStatus) -> Command + Send + 'static,
    ) -> Step {
        let shared = Arc::clone(&self.shared);
        let limit = self.timing.inbox;
        match delivery {
            _ if !matches!(self.phase, Phase::Open) => self.answer(Some(answer(CommandStatus::EsmeRxTAppn))).await,
            Delivery::Nothing => self.answer(Some(answer(CommandStatus::EsmeRok))).await,
            Delivery::Unreadable(why) => {
                shared.counts.malformed.inc();
                // Anybody can send such a message to the number.
                tracing::info!(centre = shared.name, why, "a short message is none of ours and is refused");
                self.answer(Some(answer(CommandStatus::EsmeRxPAppn))).await
            }
            Delivery::Message(from, segment) => {
                shared.counts.messages.inc();
                self.deliveries.spawn(async move {
                    let work = shared.inbox.message(&shared.name, &from, segment);
                    answer(shared.status_of(timeout(limit, work).await))
                });
                Ok(())
            }
            Delivery::Receipt(receipt) => {
                shared.counts.receipts.inc();
                self.deliveries.spawn(async move {
                    let work = shared.inbox.receipt(&shared.name, receipt);
                    answer(shared.status_of(timeout(limit, work).await))
                });
                Ok(())
            }
        }
    }

    /// `None`: the work panicked; without an answer the centre sends it again.
    async fn answer(&self, answer: Option<Command>) -> Step {
        let Some(answer) = answer else {
            tracing::error!(centre = self.shared.name, "the work on a short message broke off");
            return Ok(());
        };
        self.out.send(answer).await.map_err(|_| End::Lost("it does not read what is sent to it".to_owned()))
    }

    /// Looks for what is late.
    async fn look(&mut self) -> Step {
        let now = Instant::now();
        let late: Vec<u32> = self.pending.iter().filter(|(_, it)| it.until <= now).map(|(key, _)| *key).collect();
        for sequence in late {
            if let Some(pending) = self.pending.remove(&sequence) {
                let doubt = SubmitError::InDoubt("the centre did not answer in time".to_owned());
                let _nobody_waits = pending.reply.send(Err(doubt));
            }
        }
        match self.phase {
            Phase::Open => self.enquire(now).await,
            Phase::Draining(until) if until > now && !(self.pending.is_empty() && self.deliveries.is_empty()) => Ok(()),
            Phase::Draining(_) => {
                self.phase = Phase::Unbinding(now + self.timing.unbind);
                let sequence = self.next_sequence();
                self.send(CommandStatus::EsmeRok, sequence, Pdu::Unbind).await
            }
            Phase::Unbinding(until) if until > now => Ok(()),
            Phase::Unbinding(_) => Err(End::Stopped),
        }
    }

    async fn enquire(&mut self, now: Instant) -> Step {
        match self.enquiry {
            Some((_, until)) if until <= now => Err(End::Lost("it does not answer an enquire_link".to_owned())),
            Some(_) => Ok(()),
            None if now.duration_since(self.heard) < self.enquire_link => Ok(()),
            None => {
                let sequence = self.next_sequence();
                self.enquiry = Some((sequence, now + self.timing.response));
                self.send(CommandStatus::EsmeRok, sequence, Pdu::EnquireLink).await
            }
        }
    }

    fn drain(&mut self) -> Step {
        self.phase = Phase::Draining(Instant::now() + self.timing.unbind);
        Ok(())
    }

    /// Nobody knows what became of the submits that are not answered. Work on deliveries goes on to its end; the centre
    /// sends them again, and they are known then.
    fn finish(mut self) {
        for (_, pending) in self.pending.drain() {
            let doubt = SubmitError::InDoubt("the session ended before the centre answered".to_owned());
            let _nobody_waits = pending.reply.send(Err(doubt));
        }
        self.deliveries.detach_all();
    }
}

impl Shared {
    fn status_of<E>(&self, done: Result<Result<(), NotNow>, E>) -> CommandStatus {
        match done {
            Ok(Ok(())) => CommandStatus::EsmeRok,
            Ok(Err(_)) | Err(_) => {
                self.counts.put_off.inc();
                CommandStatus::EsmeRxTAppn
            }
        }
    }
}

/// Writes what the queue holds, each time within `limit`, until the queue ends or the connection breaks.
async fn write(
    mut out: impl Sink<Command, Error = EncodeError> + Unpin,
    mut queue: mpsc::Receiver<Command>,
    limit: Duration,
) {
    while let Some(command) = queue.recv().await {
        let all = async {
            out.feed(command).await?;
            while let Ok(command) = queue.try_recv() {
                out.feed(command).await?;
            }
            out.flush().await
        };
        match timeout(limit, all).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
    let _closed = timeout(limit, out.close()).await;
}
