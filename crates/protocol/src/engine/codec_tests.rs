//! The stored account: its layout is frozen, and nothing else is read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::vec;

use data_encoding::HEXLOWER;

use super::*;

fn code(value: u64) -> Place {
    Place::Unused(Code::from_value(CodeFormat::DEFAULT, value).unwrap())
}

fn account() -> Account {
    let set = HeldSet {
        first: CodeIndex(41),
        format: CodeFormat::DEFAULT,
        digest: [0xdd; 16],
        places: vec![code(7), Place::Used, code(999_999)],
    };
    Account {
        party: Party { id: AuthenticatorId([1; 8]), profile: Profile::from_byte(2).unwrap() },
        handle: Handle(3),
        realm: "r".into(),
        label: "é".into(),
        server: "https://s".into(),
        key: KeyState::Steady { key: Secret::new([0xaa; 32]), epoch: Epoch(300) },
        static_pair: Some(KeyPair::from_secret_bytes(Suite::X25519, &[0x11; 32]).unwrap()),
        ephemeral: None,
        counter: 9,
        pending: None,
        last_sync: 70_000,
        threshold: 10,
        suspended: false,
        refill_asked: UnixMillis(1_700_000_000_000),
        holdings: Holdings::restore(vec![set], CodeIndex(43)).unwrap(),
        history: History { sets_accepted: 2, codes_taken: 41, codes_dropped: 0, rotations: 1, conflicts: 0 },
    }
}

#[test]
fn the_layout_is_frozen() {
    let stored = concat!(
        "93",                   // an array of 19
        "01",                   // version
        "480101010101010101",   // id
        "02",                   // profile: X25519, shared
        "03",                   // handle
        "6172",                 // realm
        "62c3a9",               // label
        "6968747470733a2f2f73", // server
        "83",                   // key: steady
        "01",
        "5820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "19012c",                                                               // epoch 300
        "58201011111111111111111111111111111111111111111111111111111111111151", // static pair, clamped as X25519 does
        "f6",                                                                   // no ephemeral pair
        "09",                                                                   // request counter
        "f6",                                                                   // nothing pending
        "1a00011170",                                                           // last sync
        "0a",                                                                   // threshold
        "f4",                                                                   // not suspended
        "1b0000018bcfe56800",                                                   // refill asked
        "182b",                                                                 // highest index 43
        "81",                                                                   // one set
        "86",
        "1829",                               // first index 41
        "03",                                 // three codes
        "00",                                 // decimal
        "06",                                 // digits
        "50dddddddddddddddddddddddddddddddd", // digest
        "a2",                                 // two unused
        "0007",
        "021a000f423f",
        "8502182900", // history
        "0100",
    );
    assert_eq!(HEXLOWER.encode(&account().encode()), stored);
    let read = Account::decode(&HEXLOWER.decode(stored.as_bytes()).unwrap()).unwrap();
    assert_eq!(read.encode(), account().encode());
    assert_eq!((read.realm(), read.label(), read.server(), read.remaining()), ("r", "é", "https://s", 2));
}

#[test]
fn every_state_is_read_back() {
    let pending = |awaits| Some(Pending { message: vec![1, 2, 3], counter: 9, awaits });
    let mut enrolling = account();
    enrolling.key = KeyState::Enrolling { activation: Secret::new([1; 32]) };
    enrolling.pending = pending(Awaits::Enrolment);
    let mut switching = account();
    switching.key = KeyState::Switching {
        old: Secret::new([1; 32]),
        new: Secret::new([2; 32]),
        next: Epoch(u32::MAX),
        offer: [3; 16],
    };
    switching.ephemeral = Some(KeyPair::from_secret_bytes(Suite::X25519, &[0x22; 32]).unwrap());
    switching.suspended = true;
    for set in [None, Some(Want::First), Some(Want::Low), Some(Want::Manual)] {
        for rotation in [false, true] {
            let asks = Asks { set, rotation };
            switching.pending = pending(Awaits::Reply { highest: CodeIndex(43), asks });
            let read = Account::decode(&switching.encode()).unwrap();
            assert_eq!((&read.key, &read.pending), (&switching.key, &switching.pending));
            assert_eq!(read.encode(), switching.encode());
        }
    }
    let read = Account::decode(&enrolling.encode()).unwrap();
    assert_eq!((&read.key, &read.pending), (&enrolling.key, &enrolling.pending));
}

#[test]
fn what_follows_or_is_missing_is_noticed() {
    let stored = account().encode();
    let mut longer = stored.to_vec();
    longer.push(0);
    assert_eq!(Account::decode(&longer).unwrap_err(), AccountError::Damaged);
    for length in 0..stored.len() {
        assert_eq!(Account::decode(&stored[..length]).unwrap_err(), AccountError::Damaged, "{length} bytes");
    }
}

#[test]
fn another_version_and_too_much_are_told_apart_from_damage() {
    let mut newer = account().encode().to_vec();
    newer[1] = 2;
    assert_eq!(Account::decode(&newer).unwrap_err(), AccountError::Version);
    assert_eq!(Account::decode(&vec![0x93; MAX_ACCOUNT_LEN + 1]).unwrap_err(), AccountError::TooLong);
    // A later version may have more fields: it is still told apart.
    assert_eq!(Account::decode(&[0x94, 0x02]).unwrap_err(), AccountError::Version);
}

#[test]
fn another_encoding_of_the_same_content_is_damage() {
    let stored = account().encode();
    let mut padded = stored.to_vec();
    // The version in two bytes instead of one.
    padded.splice(1..2, [0x18, 0x01]);
    assert_eq!(Account::decode(&padded).unwrap_err(), AccountError::Damaged);
}

#[test]
fn fields_that_cannot_stand_together_are_damage() {
    let refused = |change: fn(&mut Account)| {
        let mut account = account();
        change(&mut account);
        assert_eq!(Account::decode(&account.encode()).unwrap_err(), AccountError::Damaged);
    };
    let reply = |counter, message| {
        let awaits = Awaits::Reply { highest: CodeIndex(0), asks: Asks::NOTHING };
        Some(Pending { message, counter, awaits })
    };
    refused(|account| account.key = KeyState::Enrolling { activation: Secret::new([1; 32]) });
    refused(|account| account.static_pair = None);
    refused(|account| account.threshold = 64);
    refused(|account| account.pending = Some(Pending { message: vec![1], counter: 9, awaits: Awaits::Enrolment }));
    refused(|account| account.party.profile = Profile::from_byte(1).unwrap());
    refused(|account| account.realm = "x".repeat(MAX_TEXT_LEN + 1));
    for pending in [reply(10, vec![1]), reply(0, vec![1]), reply(9, vec![]), reply(9, vec![0; MAX_MESSAGE_LEN + 1])] {
        let mut account = account();
        account.pending = pending;
        assert_eq!(Account::decode(&account.encode()).unwrap_err(), AccountError::Damaged);
    }
}

#[test]
fn the_fullest_account_fits() {
    let format = CodeFormat::new(Alphabet::Base32, 12).unwrap();
    let set = |number: u32| {
        let mut places = Vec::new();
        places.resize_with(MAX_SET_CODES, || Place::Used);
        if number < 250 {
            places[249] = Place::Unused(Code::from_value(format, format.size() - 1).unwrap());
        }
        HeldSet { first: CodeIndex(4_000_000_000 + number * 250), format, digest: [0xff; 16], places }
    };
    let mut fullest = account();
    fullest.key = KeyState::Switching {
        old: Secret::new([1; 32]),
        new: Secret::new([2; 32]),
        next: Epoch(u32::MAX),
        offer: [3; 16],
    };
    fullest.ephemeral = Some(KeyPair::from_secret_bytes(Suite::X25519, &[0x22; 32]).unwrap());
    let highest = CodeIndex(u32::MAX);
    let asks = Asks { set: Some(Want::Manual), rotation: true };
    // A request of the X-Wing suite: header 22, content 7, public key 1,216, tag 16.
    fullest.pending =
        Some(Pending { message: vec![0; 1_261], counter: u32::MAX, awaits: Awaits::Reply { highest, asks } });
    (fullest.counter, fullest.last_sync, fullest.refill_asked) = (u32::MAX, u32::MAX, UnixMillis(u64::MAX));
    let text = "x".repeat(MAX_TEXT_LEN);
    (fullest.realm, fullest.label, fullest.server) = (text.clone(), text.clone(), text);
    fullest.holdings = Holdings::restore((0..251).map(set).collect(), highest).unwrap();
    let most = u32::MAX;
    fullest.history =
        History { sets_accepted: most, codes_taken: most, codes_dropped: most, rotations: most, conflicts: most };
    let stored = fullest.encode();
    assert!(stored.len() <= MAX_ACCOUNT_LEN, "{} bytes", stored.len());
    assert_eq!(Account::decode(&stored).unwrap().encode(), stored);
}
