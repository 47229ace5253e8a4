#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

use matchbook_protocol::sms::{Body, Form, Limits, Reassembler, Segment, segments};
use matchbook_protocol::{CodeIndex, Delivery, Event, Selector, Suite, UnixMillis};

use super::*;
use crate::bearer::Bearer as _;
use crate::bearer::modem::{Incoming, MemoryModem, Place};
use crate::test_peer::{TestPeer, enrolment};
use crate::vault::{FileVault, MemoryVault};
use crate::wallet::tests::FullVault;

/// Generous: nothing here takes a second on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(60);
const SERVER: &str = "+491700000099";

/// A modem in memory whose network has a server that answers at once.
struct Answering {
    modem: MemoryModem,
    peers: Vec<(u8, TestPeer)>,
    reassembler: Reassembler,
    /// How many of the next messages the network loses on their way to the server.
    lose: Rc<Cell<u32>>,
}

impl Answering {
    fn new(modem: &MemoryModem) -> Self {
        let reassembler = Reassembler::new(Limits::default());
        Self { modem: modem.clone(), peers: Vec::new(), reassembler, lose: Rc::default() }
    }
}

impl Modem for Answering {
    fn send(&mut self, to: &Address, segment: &Segment) -> Result<(), ModemError> {
        self.modem.send(to, segment)?;
        if self.lose.get() > 0 {
            self.lose.set(self.lose.get() - 1);
            return Ok(());
        }
        let Some(message) = self.reassembler.accept(to, segment, UnixMillis(0)).unwrap() else { return Ok(()) };
        // An uplink's identification code stands behind its first byte; the test's are one number all over.
        let (_, peer) = self.peers.iter_mut().find(|(number, _)| *number == message[1]).unwrap();
        for answer in peer.exchange(&message, None).unwrap() {
            deliver(&self.modem, &answer);
        }
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, ModemError> {
        self.modem.receive(timeout)
    }

    fn delete(&mut self, place: &Place) -> Result<(), ModemError> {
        self.modem.delete(place)
    }
}

fn deliver(modem: &MemoryModem, message: &[u8]) {
    for segment in segments(message, Form::Binary, message[message.len() - 1]).unwrap() {
        modem.deliver(SERVER.parse().unwrap(), segment);
    }
}

/// Accounts that are stored and not enrolled yet, and a line to their server.
fn begin<V: Vault>(vault: V, accounts: u8) -> (Wallet<V>, SmsLine<Answering>, MemoryModem) {
    let mut wallet = Wallet::open(vault).unwrap();
    let modem = MemoryModem::new();
    let mut answering = Answering::new(&modem);
    for number in 1..=accounts {
        let mut enrolment = enrolment(number, Suite::X25519, Delivery::Shared);
        enrolment.server = format!("sms:{SERVER}");
        wallet.enrol(&enrolment).unwrap();
        answering.peers.push((number, TestPeer::new(&enrolment)));
    }
    (wallet, SmsLine::new(answering), modem)
}

/// Listens until something is so.
fn listen_until<V: Vault>(
    wallet: &mut Wallet<V>,
    line: &mut SmsLine<Answering>,
    mut is_over: impl FnMut(&SmsHeard) -> bool,
) -> Result<Vec<SmsHeard>, ListenFailure> {
    let mut heard = Vec::new();
    let options = SmsOptions { until: Some(Instant::now() + PATIENCE), ..SmsOptions::default() };
    wallet.listen(line, &options, &AtomicBool::new(false), |one| {
        let is_over = is_over(&one);
        heard.push(one);
        if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    assert!(Instant::now() < options.until.unwrap(), "it never came: {heard:?}");
    Ok(heard)
}

/// A report that says that nothing is left to be answered.
fn is_answered(heard: &SmsHeard) -> bool {
    matches!(heard, SmsHeard::Report { report, .. } if report.answered)
}

fn codes_in(heard: &[SmsHeard]) -> usize {
    let reports = heard.iter().filter_map(|one| match one {
        SmsHeard::Report { report, .. } => Some(report.codes_received()),
        SmsHeard::Sent { .. } | SmsHeard::Stranger { .. } | SmsHeard::Trouble { .. } => None,
    });
    reports.sum()
}

#[test]
fn a_device_enrols_and_gets_its_first_set_by_short_message() {
    let (mut wallet, mut line, modem) = begin(MemoryVault::new(), 1);
    let mut codes = 0;
    let heard = listen_until(&mut wallet, &mut line, |heard| {
        codes += codes_in(std::slice::from_ref(heard));
        codes > 0 && is_answered(heard)
    });
    let heard = heard.unwrap();
    assert_eq!(codes, 10);
    let sent: Vec<(usize, usize)> = heard
        .iter()
        .filter_map(|one| match one {
            SmsHeard::Sent { bytes, parts, .. } => Some((*bytes, *parts)),
            SmsHeard::Report { .. } | SmsHeard::Stranger { .. } | SmsHeard::Trouble { .. } => None,
        })
        .collect();
    assert_eq!(sent, [(72, 1), (45, 1), (45, 1)], "ENROL, the request for a set, and its acknowledgement");
    let account = wallet.accounts().next().unwrap();
    assert_eq!((account.remaining(), account.awaits_answer()), (10, false));
    // This server answers the acknowledgement, too.
    listen_until(&mut wallet, &mut line, is_answered).unwrap();
    assert_eq!(modem.stored(), 0, "all that was taken in is deleted");
}

#[test]
fn two_accounts_share_a_card() {
    let (mut wallet, mut line, _) = begin(MemoryVault::new(), 2);
    let mut waiting = vec![Handle(0), Handle(1)];
    let mut codes = 0;
    listen_until(&mut wallet, &mut line, |heard| {
        codes += codes_in(std::slice::from_ref(heard));
        if let SmsHeard::Report { handle, report } = heard
            && report.answered
            && codes > 0
        {
            waiting.retain(|waiting| waiting != handle);
        }
        codes == 20 && waiting.is_empty()
    })
    .unwrap();
    assert!(wallet.accounts().all(|account| account.remaining() == 10));
}

#[test]
fn what_comes_for_one_account_reaches_it_while_another_is_listened_for() {
    let (mut wallet, mut line, modem) = begin(MemoryVault::new(), 2);
    let mut done = 0;
    listen_until(&mut wallet, &mut line, |heard| {
        done += codes_in(std::slice::from_ref(heard));
        done == 20
    })
    .unwrap();
    let pushed = push(&mut line, 1);
    let _ = modem.take_sent();
    deliver(&modem, &pushed);
    let options = SmsOptions {
        only: Some(Handle(0)),
        until: Some(Instant::now() + PATIENCE),
        only_answers: true,
        ..SmsOptions::default()
    };
    let mut heard = Vec::new();
    let tell = |one| {
        heard.push(one);
        if codes_in(&heard) > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    wallet.listen(&mut line, &options, &AtomicBool::new(false), tell).unwrap();
    assert_eq!(wallet.account(Handle(1)).unwrap().remaining(), 20);
    let sent = modem.take_sent();
    let Some((_, Segment { body: Body::Data(acknowledgement), .. })) = sent.last() else { panic!("{sent:?}") };
    assert_eq!((acknowledgement.len(), acknowledgement[1]), (45, 2), "the other account's acknowledgement");
}

/// A set that a server sends by itself.
fn push(line: &mut SmsLine<Answering>, number: u8) -> Vec<u8> {
    let peer = &mut line.modem_mut().peers[usize::from(number)].1;
    peer.next_set()
}

#[test]
fn what_is_not_stored_stays_on_the_modem() {
    let vault = FullVault::default();
    let is_full = Rc::clone(&vault.is_full);
    let (mut wallet, mut line, modem) = begin(vault, 1);
    // The message that enrols is answered; then the disk is full.
    line.modem_mut().lose.set(0);
    let ended = listen_until(&mut wallet, &mut line, |heard| {
        is_full.set(matches!(heard, SmsHeard::Sent { .. }));
        false
    });
    assert!(matches!(ended, Err(ListenFailure::Store(StoreError::DiskFull { .. }))));
    assert_eq!(modem.stored(), 1, "the answer was not stored, so the modem still has it");

    // The next run of the program takes it in.
    is_full.set(false);
    modem.restart();
    let mut wallet = Wallet::open(wallet.into_vault()).unwrap();
    let mut line = SmsLine::new(std::mem::replace(line.modem_mut(), Answering::new(&modem)));
    let mut codes = 0;
    listen_until(&mut wallet, &mut line, |heard| {
        codes += codes_in(std::slice::from_ref(heard));
        codes > 0 && is_answered(heard)
    })
    .unwrap();
    listen_until(&mut wallet, &mut line, is_answered).unwrap();
    assert_eq!((codes, modem.stored()), (10, 0));
}

#[test]
fn a_request_that_was_lost_goes_out_again_as_the_same_bytes_at_the_next_start() {
    let (mut wallet, mut line, modem) = begin(MemoryVault::new(), 1);
    line.modem_mut().lose.set(1);
    listen_until(&mut wallet, &mut line, |heard| matches!(heard, SmsHeard::Sent { .. })).unwrap();
    let lost = modem.take_sent();
    let mut wallet = Wallet::open(wallet.into_vault()).unwrap();
    listen_until(&mut wallet, &mut line, is_answered).unwrap();
    assert_eq!(modem.take_sent()[0], lost[0]);
}

#[test]
fn a_message_for_an_account_that_is_not_here_is_dropped() {
    let (mut wallet, mut line, modem) = begin(MemoryVault::new(), 1);
    listen_until(&mut wallet, &mut line, is_answered).unwrap();
    let mut strange = push(&mut line, 0);
    strange[1] = 77;
    deliver(&modem, &strange);
    let heard = listen_until(&mut wallet, &mut line, |heard| matches!(heard, SmsHeard::Stranger { .. })).unwrap();
    assert!(heard.iter().any(|one| matches!(one, SmsHeard::Stranger { handle: Handle(77) })));
    assert_eq!(modem.stored(), 0);
}

#[test]
fn trouble_with_the_modem_is_told_and_what_was_to_be_sent_is_sent_after_it() {
    let (mut wallet, mut line, modem) = begin(MemoryVault::new(), 1);
    modem.set_trouble(Some(ModemError::Gone { modem: "/dev/ttyUSB0".to_owned() }));
    let heard = listen_until(&mut wallet, &mut line, |heard| {
        if matches!(heard, SmsHeard::Trouble { .. }) {
            modem.set_trouble(None);
        }
        is_answered(heard)
    })
    .unwrap();
    assert!(matches!(&heard[0], SmsHeard::Trouble { error: ModemError::Gone { .. }, .. }));
}

#[test]
fn a_message_that_may_have_gone_out_is_not_sent_again_at_once() {
    let (mut wallet, mut line, modem) = begin(MemoryVault::new(), 1);
    modem.set_trouble(Some(ModemError::InDoubt));
    let options = SmsOptions { until: Some(Instant::now() + Duration::from_secs(3)), ..SmsOptions::default() };
    wallet
        .listen(&mut line, &options, &AtomicBool::new(false), |_| {
            modem.set_trouble(None);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(modem.take_sent().len(), 0);
    assert!(wallet.accounts().next().unwrap().awaits_answer(), "the engine sends it at its time");
}

#[test]
fn listening_stops_when_it_is_told_to() {
    let (mut wallet, mut line, _) = begin(MemoryVault::new(), 1);
    let stop = AtomicBool::new(false);
    let ended = wallet.listen(&mut line, &SmsOptions::default(), &stop, |_| {
        stop.store(true, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    assert!(ended.is_ok());
}

#[test]
fn codes_are_taken_by_another_process_while_this_one_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.vault");
    let (mut wallet, mut line, modem) = begin(FileVault::create(&path, b"words").unwrap(), 1);
    let mut codes = 0;
    listen_until(&mut wallet, &mut line, |heard| {
        codes += codes_in(std::slice::from_ref(heard));
        codes > 0 && is_answered(heard)
    })
    .unwrap();
    let pushed = push(&mut line, 0);
    let stop = AtomicBool::new(false);
    let (told, tells) = mpsc::channel();
    let (path, modem, stop) = (&path, &modem, &stop);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // As another command would, with its own look at the file.
            let vault = FileVault::open(path, b"words", PATIENCE).unwrap();
            let taken = Wallet::open(vault).unwrap().take_code(Handle(0), Selector::Index(CodeIndex(3))).unwrap();
            assert_eq!(taken.remaining, 9);
            deliver(modem, &pushed);
            let accepted = tells.recv_timeout(PATIENCE);
            stop.store(true, Ordering::Relaxed);
            assert!(accepted.is_ok(), "the set came while the vault was shared");
        });
        let options = SmsOptions { is_shared: true, ..SmsOptions::default() };
        wallet
            .listen(&mut line, &options, stop, |heard| {
                if let SmsHeard::Report { report, .. } = &heard
                    && report.events.iter().any(|event| matches!(event, Event::SetAccepted { .. }))
                {
                    told.send(()).unwrap();
                }
                ControlFlow::Continue(())
            })
            .unwrap();
    });
    assert!(wallet.retake().unwrap());
    let account = wallet.account(Handle(0)).unwrap();
    assert_eq!(account.remaining(), 19, "ten more, and the one that was taken stays taken");
}
