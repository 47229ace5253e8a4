//! Stays connected: connects, binds, converses, and begins again after a pause that grows.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rusmpp::pdus::DeliverSmResp;
use rusmpp::tokio_codec::CommandCodec;
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::codec::{FramedRead, FramedWrite};

use super::codec::{Frames, Incoming};
use super::link::{Link, Wire};
use super::session::{self, End};
use super::{Request, Shared, Timing, pdus};
use crate::bearer::sms::centre::SubmitError;
use crate::chance;
use crate::duties::Duty;

/// What a centre may say before it answers the bind.
const MAX_BEFORE_BIND: u32 = 64;

/// The bind's sequence number, the first of a session.
const FIRST: u32 = 1;

/// What keeps one centre connected.
pub(super) struct Line {
    pub(super) shared: Arc<Shared>,
    pub(super) link: Link,
    /// `None` cannot be: the configuration was checked.
    pub(super) bind: Option<Pdu>,
    pub(super) enquire_link: Duration,
    pub(super) places: usize,
    pub(super) timing: Timing,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) duty: watch::Receiver<Duty>,
}

/// A bound connection.
pub(super) struct Bound {
    pub(super) frames: FramedRead<ReadHalf<Box<dyn Wire>>, Frames>,
    pub(super) out: FramedWrite<WriteHalf<Box<dyn Wire>>, CommandCodec>,
}

impl Line {
    /// Until the server stops; connected while this node has the duty.
    pub(super) async fn keep(mut self) {
        let mut failures = 0_u32;
        while self.on_duty().await {
            let mut duty = self.duty.clone();
            let opened = tokio::select! {
                biased;
                () = relieved(&mut duty) => continue,
                opened = self.open() => opened,
            };
            let why = match opened {
                Ok(bound) => match self.converse(bound, &mut failures).await {
                    End::Stopped => continue,
                    End::Lost(why) => why,
                },
                Err(why) => why,
            };
            let pause = pause(&self.timing, failures);
            failures = failures.saturating_add(1);
            self.shared.counts.reconnects.inc();
            let (name, pause_ms) = (&self.shared.name, pause.as_millis());
            tracing::warn!(centre = name, why, pause_ms, "no session with the centre; it is tried again");
            self.wait(pause).await;
        }
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            decline(request);
        }
    }

    async fn converse(&mut self, bound: Bound, failures: &mut u32) -> End {
        tracing::info!(centre = self.shared.name, "bound");
        let began = Instant::now();
        self.shared.counts.up.set(1);
        self.shared.up.send_replace(true);
        let end = session::converse(self, bound).await;
        self.shared.up.send_replace(false);
        self.shared.counts.up.set(0);
        if began.elapsed() >= self.timing.reconnect_longest {
            *failures = 0;
        }
        end
    }

    /// Connects and binds.
    async fn open(&self) -> Result<Bound, String> {
        let wire =
            self.link.connect(self.timing.connect).await.map_err(|error| format!("it cannot be reached: {error}"))?;
        let (reader, writer) = tokio::io::split(wire);
        let frames = FramedRead::new(reader, Frames);
        let mut bound = Bound { frames, out: FramedWrite::new(writer, CommandCodec::new()) };
        let answered = timeout(self.timing.bind, self.bind(&mut bound)).await;
        answered.map_err(|_| "it does not answer the bind".to_owned())??;
        Ok(bound)
    }

    async fn bind(&self, bound: &mut Bound) -> Result<(), String> {
        let broken = || "it closed the connection before it answered the bind".to_owned();
        let bind = self.bind.clone().ok_or("the configuration makes no bind")?;
        bound.out.send(Command::new(CommandStatus::EsmeRok, FIRST, bind)).await.map_err(|_| broken())?;
        for _ in 0..MAX_BEFORE_BIND {
            let incoming = bound.frames.next().await.ok_or_else(broken)?;
            let (id, status, sequence) =
                match incoming.map_err(|error| format!("what it sends is not SMPP: {error:?}"))? {
                    Incoming::Readable(command) => (command.id(), command.status(), command.sequence_number()),
                    Incoming::Malformed(header) => (header.id.into(), header.status.into(), header.sequence),
                };
            let answer = match id {
                CommandId::BindTransceiverResp | CommandId::GenericNack if sequence == FIRST => {
                    return match status {
                        CommandStatus::EsmeRok if id == CommandId::BindTransceiverResp => Ok(()),
                        status => Err(format!(
                            "it refused the bind ({}): look at system_id, password, system_type and version",
                            pdus::word(status)
                        )),
                    };
                }
                CommandId::EnquireLink => Command::new(CommandStatus::EsmeRok, sequence, Pdu::EnquireLinkResp),
                CommandId::DeliverSm => Command::new(CommandStatus::EsmeRinvbndsts, sequence, DeliverSmResp::default()),
                id if u32::from(id) & session::IS_RESPONSE != 0 => continue,
                _ => Command::new(CommandStatus::EsmeRinvbndsts, sequence, Pdu::GenericNack),
            };
            bound.out.send(answer).await.map_err(|_| broken())?;
        }
        Err("it sends other things than an answer to the bind".to_owned())
    }

    /// Waits until this node has the duty; what is handed over meanwhile is declined. False: the server stops.
    async fn on_duty(&mut self) -> bool {
        loop {
            tokio::select! {
                biased;
                duty = self.duty.wait_for(|duty| *duty != Duty::Off) => {
                    return duty.is_ok_and(|duty| *duty == Duty::On);
                }
                request = self.requests.recv() => match request {
                    Some(request) => decline(request),
                    None => return false,
                },
            }
        }
    }

    /// Waits before the next attempt, unless the duty ends first; what is handed over meanwhile is declined.
    async fn wait(&mut self, pause: Duration) {
        let over = sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = relieved(&mut self.duty) => return,
                () = &mut over => return,
                request = self.requests.recv() => match request {
                    Some(request) => decline(request),
                    None => return,
                },
            }
        }
    }
}

/// Returns when this node does not have the duty, or the server stops. A sender that is gone means the same.
pub(super) async fn relieved(duty: &mut watch::Receiver<Duty>) {
    let _gone = duty.wait_for(|duty| *duty != Duty::On).await;
}

/// It was never sent.
pub(super) fn decline(request: Request) {
    let _nobody_waits = request.reply.send(Err(SubmitError::Unreachable("the centre is not connected".to_owned())));
}

/// The pause before the next attempt, half of it by chance, so that many clients of a centre that was restarted do not
/// come back at once.
fn pause(timing: &Timing, failures: u32) -> Duration {
    let doubled = timing.reconnect_first.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
    doubled.min(timing.reconnect_longest).mul_f64(0.5 + chance::fraction() / 2.0)
}
