//! The power is cut at every write, in every way.

use std::collections::BTreeMap;

use crate::host::{
    Got, PIN, PIN_TRIES, PUK, Reader, activate, command, factory_key, insert, pins, put, ready, relay, select, take,
    verify,
};
use crate::memory::{Memory, TEARS, Tear};
use crate::server::Server;

const NEW_PIN: &[u8; 8] = b"98765432";

/// What a host does with a card over its life, and what it sees. It goes on after a power cut, as a host would.
struct Life {
    memory: Memory,
    card: Reader,
    server: Server,
    cuts: usize,
    pin: &'static [u8; 8],
    shown: BTreeMap<u32, String>,
}

impl Life {
    fn new(server: Server) -> Self {
        let memory = Memory::new();
        let card = insert(&memory);
        Self { memory, card, server, cuts: 0, pin: PIN, shown: BTreeMap::new() }
    }

    /// Does something until the power lasts for it; again from the selection on, where it was cut.
    fn until_it_lasts(&mut self, what: &str, mut act: impl FnMut(&mut Self) -> Result<(), Got>) {
        for _ in 0..3 {
            let done = act(self);
            if !self.memory.revive() {
                assert_eq!(done, Ok(()), "{what}");
                return;
            }
            self.cuts += 1;
            self.card.reset();
            assert!(select(&mut self.card).is_ok(), "{what}: a card after a power cut");
        }
        panic!("{what}: it was cut once alone");
    }

    /// The PIN, by which the card is in use again after a cut.
    fn verified(&mut self) -> Result<(), Got> {
        ok(verify(&mut self.card, self.pin))
    }

    fn take(&mut self) -> Result<(), Got> {
        self.verified()?;
        let (index, code) = take(&mut self.card)?;
        assert_eq!(code, self.server.issued[index as usize - 1], "code {index}");
        assert_eq!(self.shown.insert(index, code), None, "code {index} is shown twice");
        Ok(())
    }

    fn relay(&mut self, what: u8) -> Result<(), Got> {
        relay(&mut self.card, &mut self.server, what)
    }

    /// From the factory to the second key.
    fn run(&mut self) {
        self.until_it_lasts("select", |life| ok(select(&mut life.card)));
        self.until_it_lasts("personalise", |life| {
            // Where the power was cut after it was activated, it is done.
            if command(&mut life.card, [0x00, 0xCA, 0x01, 0x04], &[]).data.first() == Some(&5) {
                return Ok(());
            }
            ok(put(&mut life.card, 0x11, &factory_key()))?;
            ok(put(&mut life.card, 0x12, &pins()))?;
            ok(activate(&mut life.card))
        });
        self.until_it_lasts("first set", |life| life.relay(0));
        self.until_it_lasts("code", Self::take);
        self.until_it_lasts("a wrong PIN", |life| match verify(&mut life.card, b"0000\xFF\xFF\xFF\xFF") {
            Got { word: 0x63C0..=0x63CF, .. } => Ok(()),
            got => Err(got),
        });
        self.until_it_lasts("code", Self::take);
        self.until_it_lasts("another set", |life| life.relay(1));
        self.until_it_lasts("rotation", |life| {
            let is_done = command(&mut life.card, [0x00, 0xCA, 0x01, 0x03], &[]).data == [0, 0, 0, 1];
            life.relay(if is_done { 0 } else { 2 })
        });
        self.until_it_lasts("new PIN", |life| {
            let changed = command(&mut life.card, [0x00, 0x24, 0x00, 0x80], &[PIN.as_slice(), NEW_PIN].concat());
            // The new one is in force where the cut came behind it.
            if changed.is_ok() || verify(&mut life.card, NEW_PIN).is_ok() {
                life.pin = NEW_PIN;
                return Ok(());
            }
            Err(changed)
        });
        for _ in 0..3 {
            self.until_it_lasts("code", Self::take);
        }
        self.until_it_lasts("code and refill", |life| life.relay(0));
    }

    fn check(&mut self) {
        assert_eq!(self.server.epoch(), 1);
        let counts = command(&mut self.card, [0x00, 0xCA, 0x01, 0x02], &[]).data;
        let unused = usize::from(u16::from_be_bytes([counts[0], counts[1]]));
        let lost = self.server.issued.len() - unused - self.shown.len();
        assert!(lost <= self.cuts, "{lost} codes are gone that nobody saw, by {} cuts", self.cuts);
        for _ in 0..unused {
            self.take().unwrap();
        }
        assert_eq!(self.shown.len() + lost, self.server.issued.len());
    }
}

fn ok(got: Got) -> Result<(), Got> {
    if got.is_ok() { Ok(()) } else { Err(got) }
}

/// MB-CRD-7, MB-CRD-4.
#[test]
fn a_card_lives_through_a_cut_at_any_write() {
    let mut whole = Life::new(Server::with_key());
    whole.run();
    let writes = whole.memory.writes();
    assert_eq!(whole.cuts, 0);
    whole.check();
    assert!(writes > 60, "{writes} writes");
    for tear in TEARS {
        for cut in 0..writes {
            let mut life = Life::new(Server::with_key());
            life.memory.cut_after(cut, tear);
            life.run();
            assert!(life.cuts <= 1, "{tear:?} at {cut}");
            life.check();
        }
    }
}

/// MB-CRD-5.
#[test]
fn a_cut_gains_no_try_of_the_pin() {
    for tear in TEARS {
        for cut in 0..40 {
            let memory = Memory::new();
            let mut card = ready(&memory);
            let mut heard = 0;
            // Whoever tries cuts the power in the same write each time.
            for _ in 0..50 {
                memory.cut_after(cut, tear);
                let got = verify(&mut card, b"0000\xFF\xFF\xFF\xFF");
                heard += usize::from(matches!(got.word, 0x63C0..=0x63CF));
                if memory.revive() {
                    card.reset();
                    assert!(select(&mut card).is_ok());
                }
            }
            assert!(heard <= usize::from(PIN_TRIES), "{heard} tries, {tear:?} at {cut}");
            // And what it costs is tries, not the card.
            let unblocked = command(&mut card, [0x00, 0x2C, 0x00, 0x80], &[PUK.as_slice(), NEW_PIN].concat());
            assert!(unblocked.is_ok(), "{unblocked:x?}, {tear:?} at {cut}");
        }
    }
}

/// Whoever cuts the power before the try is counted has learnt nothing by it.
#[test]
fn until_a_try_is_counted_nothing_tells_a_right_pin_from_a_wrong_one() {
    let ready_made = Memory::new();
    drop(ready(&ready_made));
    let present = |pin: &[u8], cut: usize, tear| {
        let memory = ready_made.copy();
        let mut card = insert(&memory);
        select(&mut card);
        memory.cut_after(cut, tear);
        let word = verify(&mut card, pin).word;
        (word, memory.writes(), memory.bytes())
    };
    let (word, writes, _) = present(b"0000\xFF\xFF\xFF\xFF", usize::MAX, Tear::Nothing);
    assert!((word, writes) > (0x63C2, 2), "{word:x}, {writes} writes");
    for tear in TEARS {
        for cut in 0..writes {
            let (right, wrong) = (present(PIN, cut, tear), present(b"0000\xFF\xFF\xFF\xFF", cut, tear));
            assert_eq!(right.0, 0x6581, "{tear:?} at {cut}");
            assert!(right == wrong, "{tear:?} at {cut}");
        }
    }
}

#[test]
fn a_card_whose_memory_fails_is_mute_until_it_is_reset() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let mut server = Server::with_key();
    relay(&mut card, &mut server, 0).unwrap();
    verify(&mut card, PIN);
    memory.cut_after(1, Tear::Half);
    assert_eq!(take(&mut card).unwrap_err().word, 0x6581);
    assert_eq!(take(&mut card).unwrap_err().word, 0x6581, "also when the memory works again");
    memory.revive();
    assert_eq!(select(&mut card).word, 0x6581);
    card.reset();
    assert!(select(&mut card).is_ok());
    verify(&mut card, PIN);
    assert_eq!(take(&mut card).unwrap().0, 1, "the code that was not burnt");
}
