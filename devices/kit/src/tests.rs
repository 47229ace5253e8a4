//! The gate: nothing is given out that rests on what is not stored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, DecodeError, Delivery, Epoch, EpochKeys, Event,
    Handle, Party, PeerError, Profile, Provision, Secret, Selector, Suite, Sync, TakeError, UnixMillis,
    expand_downlink, expand_uplink,
};

use crate::{Device, Form, MAX_BODY_LEN, Refusal};

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
const KEY: [u8; 32] = [0xC3; 32];

fn party() -> Party {
    let profile = Profile::new(Suite::Symmetric, Delivery::Shared).unwrap();
    Party { id: AuthenticatorId([7; 8]), profile }
}

fn provisioned() -> Device {
    let text = String::new;
    let key = Secret::new(KEY);
    let device = Device::provision(Provision {
        party: party(),
        handle: Handle(3),
        key,
        realm: text(),
        label: text(),
        server: text(),
    });
    device.unwrap()
}

fn save(device: &mut Device) -> Vec<u8> {
    let state = device.state();
    device.saved().unwrap();
    state.to_vec()
}

fn keys() -> EpochKeys {
    EpochKeys::derive(&Secret::new(KEY), &party(), Epoch(0))
}

/// A set of `count` codes from index `first`, all of them different.
fn set(first: u32, count: u64) -> Vec<u8> {
    let format = CodeFormat::new(Alphabet::Decimal, 6).unwrap();
    let codes = (0..count).map(|value| Code::from_value(format, value + u64::from(first)).unwrap()).collect();
    let set = CodeSet::new(CodeIndex(first), format, false, codes).unwrap();
    keys().seal_set(Handle(3), &set, &mut super::device::chance().unwrap()).unwrap()
}

fn sync(sequence: u32, last_request: u32) -> Vec<u8> {
    let sync = Sync { last_request, rotate: false, suspended: false, threshold: 1 };
    keys().seal_sync(Handle(3), sequence, &sync, &mut super::device::chance().unwrap()).unwrap()
}

/// A device with ten codes.
fn ready() -> Device {
    let mut device = provisioned();
    save(&mut device);
    device.receive(Form::Compressed, &set(1, 10), NOW).unwrap();
    save(&mut device);
    device
}

#[test]
fn a_message_waits_for_the_state_behind_it() {
    let mut device = provisioned();
    assert!(!device.is_saved());
    assert_eq!(device.message(Form::Compressed), Err(Refusal::NotSaved));
    assert_eq!(device.saved(), Err(Refusal::NotGiven));
    let state = device.state();
    assert_eq!(device.message(Form::Compressed), Err(Refusal::NotSaved), "given is not stored");
    device.saved().unwrap();
    let message = device.message(Form::Compressed).unwrap().unwrap();
    assert_eq!(device.message(Form::Cose).unwrap().unwrap(), expand_uplink(&message).unwrap());
    device.message_read();
    assert_eq!(device.message(Form::Compressed), Ok(None));
    assert_eq!(Device::restore(&state).unwrap().state(), state);
}

#[test]
fn a_code_waits_for_the_state_in_which_it_is_used() {
    let mut device = ready();
    device.take_code(Selector::Next, NOW).unwrap();
    assert_eq!(device.code().map(drop), Err(Refusal::NotSaved));
    device.code_read();
    let state = save(&mut device);
    let (index, code) = device.code().unwrap().expect("reading too early loses nothing");
    assert_eq!((index, code.reveal().as_str()), (CodeIndex(1), "000001"));
    device.code_read();
    assert!(device.code().unwrap().is_none());
    let mut restored = Device::restore(&state).unwrap();
    let again = restored.take_code(Selector::Index(CodeIndex(1)), NOW);
    assert_eq!(again, Err(Refusal::Take(TakeError::AlreadyTaken)));
}

#[test]
fn nothing_is_done_on_top_of_what_is_not_stored() {
    let mut device = ready();
    device.take_code(Selector::Next, NOW).unwrap();
    let before = device.peek_state();
    let refused = Err(Refusal::NotSaved);
    assert_eq!(device.take_code(Selector::Next, NOW), refused);
    assert_eq!(device.tick(NOW), refused);
    assert_eq!(device.request_set(NOW), refused);
    assert_eq!(device.request_rotation(NOW), refused);
    assert_eq!(device.request_status(NOW), refused);
    assert_eq!(device.receive(Form::Compressed, &set(11, 10), NOW), refused);
    assert_eq!(device.event().map(drop), refused);
    assert_eq!(device.peek_state(), before);
}

#[test]
fn only_the_latest_state_counts_as_stored() {
    let mut device = ready();
    device.take_code(Selector::Next, NOW).unwrap();
    let _ = device.peek_state();
    assert_eq!(device.saved(), Err(Refusal::NotGiven), "a look is no fetch");
    save(&mut device);
    device.code_read();
    device.take_code(Selector::Next, NOW).unwrap();
    assert_eq!(device.saved(), Err(Refusal::NotGiven), "what was fetched is older");
    assert_eq!(device.code().map(drop), Err(Refusal::NotSaved));
}

#[test]
fn a_code_that_was_not_read_is_not_lost() {
    let mut device = ready();
    device.take_code(Selector::Next, NOW).unwrap();
    save(&mut device);
    assert_eq!(device.take_code(Selector::Next, NOW), Err(Refusal::CodeUnread));
    assert_eq!(device.code().unwrap().unwrap().0, CodeIndex(1));
    device.code_read();
    device.take_code(Selector::Next, NOW).unwrap();
    save(&mut device);
    assert_eq!(device.code().unwrap().unwrap().0, CodeIndex(2));
}

#[test]
fn an_http_body_is_taken_in_whole_or_not_at_all() {
    let mut device = provisioned();
    save(&mut device);
    let cose = |message: &[u8]| expand_downlink(message, &party()).unwrap();
    let mut cut = [cose(&set(1, 5)), cose(&sync(1, 1))].concat();
    let whole = cut.clone();
    cut.pop();
    assert!(matches!(device.receive(Form::Cose, &cut, NOW), Err(Refusal::Body(_))));
    assert_eq!(device.account().remaining(), 0);
    device.receive(Form::Cose, &whole, NOW).unwrap();
    assert_eq!(device.account().remaining(), 5);
    assert_eq!(device.receive(Form::Cose, &[], NOW), Err(Refusal::NotSaved));
    save(&mut device);
    assert_eq!(device.receive(Form::Cose, &[], NOW), Ok(()), "an answer may be empty");
}

#[test]
fn what_is_longer_than_any_answer_is_not_looked_at() {
    let mut device = ready();
    let refused = Err(Refusal::Body(DecodeError::TooLong));
    let longest = vec![0; MAX_BODY_LEN];
    let longer = vec![0; MAX_BODY_LEN + 1];
    assert_eq!(device.receive(Form::Compressed, &longest, NOW), Err(Refusal::Peer(PeerError::Malformed)));
    assert_eq!(device.receive(Form::Compressed, &longer, NOW), refused);
    assert_eq!(device.receive(Form::Cose, &longer, NOW), refused);
    assert_ne!(device.receive(Form::Cose, &longest, NOW), refused);
    assert!(device.is_saved());
}

#[test]
fn a_refused_message_does_not_keep_the_others_out() {
    let mut device = provisioned();
    save(&mut device);
    let mut forged = set(1, 5);
    *forged.last_mut().unwrap() ^= 1;
    let body = [forged, set(1, 5)].map(|message| expand_downlink(&message, &party()).unwrap()).concat();
    assert_eq!(device.receive(Form::Cose, &body, NOW), Err(Refusal::Peer(PeerError::Forged)));
    assert!(!device.is_saved(), "a set came");
    save(&mut device);
    assert_eq!(device.account().remaining(), 5);
}

#[test]
fn a_refusal_may_leave_something_to_store() {
    let mut device = ready();
    let mut other = CodeSet::new(
        CodeIndex(1),
        CodeFormat::new(Alphabet::Decimal, 6).unwrap(),
        false,
        vec![Code::from_value(CodeFormat::new(Alphabet::Decimal, 6).unwrap(), 77).unwrap()],
    );
    let other = keys().seal_set(Handle(3), other.as_mut().unwrap(), &mut super::device::chance().unwrap()).unwrap();
    assert_eq!(device.receive(Form::Compressed, &other, NOW), Err(Refusal::Peer(PeerError::SetConflict)));
    assert!(!device.is_saved());
    save(&mut device);
    let events: Vec<_> = std::iter::from_fn(|| device.event().unwrap()).collect();
    assert!(matches!(events.last(), Some(Event::SetConflict { .. })), "{events:?}");
}

#[test]
fn time_sends_again_and_then_waits() {
    let mut device = provisioned();
    save(&mut device);
    let first = device.message(Form::Compressed).unwrap().unwrap();
    device.message_read();
    device.tick(NOW).unwrap();
    let wake = device.wake_at().expect("something is not answered");
    assert!(wake > NOW);
    device.message_read();
    device.tick(UnixMillis(wake.0 - 1)).unwrap();
    assert_eq!(device.message(Form::Compressed), Ok(None));
    device.tick(wake).unwrap();
    assert_eq!(device.message(Form::Compressed).unwrap().unwrap(), first, "the same bytes");
    assert!(device.wake_at().unwrap() > wake);
}

#[test]
fn an_answered_device_is_not_woken_for_ever() {
    let mut device = ready();
    device.receive(Form::Compressed, &sync(1, u32::MAX >> 1), NOW).unwrap_err();
    let mut device = ready();
    let last = device.account().last_request();
    device.receive(Form::Compressed, &sync(1, last), NOW).unwrap();
    save(&mut device);
    if let Some(wake) = device.wake_at() {
        device.tick(wake).unwrap();
        assert!(device.wake_at().is_none_or(|next| next > wake));
    }
}

#[test]
fn events_nobody_reads_do_not_pile_up() {
    let mut device = ready();
    for round in 0..40_u32 {
        while device.account().remaining() > 0 {
            device.take_code(Selector::Next, NOW).unwrap();
            save(&mut device);
            device.code_read();
        }
        device.receive(Form::Compressed, &set(11 + 2 * round, 2), NOW).unwrap();
        save(&mut device);
    }
    assert_eq!(std::iter::from_fn(|| device.event().unwrap()).count(), crate::MAX_EVENTS);
}

#[test]
fn garbage_is_no_state() {
    assert!(matches!(Device::restore(&[]), Err(Refusal::State(_))));
    let mut state = ready().state().to_vec();
    state.push(0);
    assert!(matches!(Device::restore(&state), Err(Refusal::State(_))));
}

/// Whatever a host does, and wherever the power goes, no code is shown twice.
#[test]
fn no_code_is_shown_twice_however_often_the_power_goes() {
    let mut chance = 7_u64;
    let mut draw = |below: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    let mut device = ready();
    let mut stored = save(&mut device);
    let mut given = None;
    let (mut shown, mut issued) = (Vec::new(), 10);
    for _ in 0..20_000 {
        match draw(8) {
            0 => drop(device.take_code(Selector::Next, NOW)),
            1 => given = Some(device.state().to_vec()),
            // It stores what it was given, however long ago, and says so. When it was given nothing, it says so too.
            2 | 3 => {
                stored = given.take().unwrap_or(stored);
                device.saved().ok();
            }
            4 | 5 => {
                if let Ok(Some((index, _))) = device.code() {
                    shown.push(index);
                    device.code_read();
                }
            }
            6 if draw(4) == 0 => {
                device = Device::restore(&stored).unwrap();
                given = None;
            }
            6 => drop(device.tick(NOW)),
            _ => {
                if device.account().remaining() < 5
                    && device.receive(Form::Compressed, &set(issued + 1, 10), NOW).is_ok()
                {
                    issued += 10;
                }
            }
        }
    }
    let count = shown.len();
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown.len(), count);
    assert!(count > 100, "{count} codes");
}
