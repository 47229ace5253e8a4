#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::Cell;
use std::rc::Rc;

use matchbook_protocol::{Delivery, Suite};

use super::*;
use crate::test_peer::{TestPeer, enrolment};
use crate::vault::MemoryVault;

/// A vault in memory whose disk is full while the flag is set.
#[derive(Default)]
pub(crate) struct FullVault {
    inner: MemoryVault,
    pub(crate) is_full: Rc<Cell<bool>>,
}

impl Vault for FullVault {
    fn load(&mut self) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.inner.load()
    }

    fn store(&mut self, content: &[u8]) -> Result<(), StoreError> {
        if self.is_full.get() {
            return Err(StoreError::DiskFull { path: "/full".into() });
        }
        self.inner.store(content)
    }
}

fn enrolled() -> (Wallet<FullVault>, TestPeer, Rc<Cell<bool>>) {
    let vault = FullVault::default();
    let is_full = Rc::clone(&vault.is_full);
    let mut wallet = Wallet::open(vault).unwrap();
    let enrolment = enrolment(1, Suite::X25519, Delivery::Shared);
    let mut peer = TestPeer::new(&enrolment);
    let handle = wallet.enrol(&enrolment).unwrap();
    wallet.device(handle, &mut peer).unwrap().sync().unwrap();
    (wallet, peer, is_full)
}

fn reopen(wallet: Wallet<FullVault>) -> Wallet<FullVault> {
    Wallet::open(wallet.into_vault()).unwrap()
}

#[test]
fn an_enrolment_is_stored_before_anything_is_sent() {
    let mut wallet = Wallet::open(FullVault::default()).unwrap();
    let enrolment = enrolment(1, Suite::X25519, Delivery::Shared);
    let handle = wallet.enrol(&enrolment).unwrap();
    let mut wallet = reopen(wallet);
    let mut peer = TestPeer::new(&enrolment);
    wallet.device(handle, &mut peer).unwrap().sync().unwrap();
    assert_eq!(wallet.account(handle).unwrap().remaining(), 10);
}

#[test]
fn one_wallet_holds_several_accounts_each_with_a_handle_of_its_own() {
    let mut wallet = Wallet::open(MemoryVault::new()).unwrap();
    let mut peers = Vec::new();
    for number in 0..3 {
        let enrolment = enrolment(number, Suite::Symmetric, Delivery::Shared);
        peers.push(TestPeer::new(&enrolment));
        assert_eq!(wallet.enrol(&enrolment).unwrap(), Handle(number));
    }
    for (number, peer) in (0..).zip(&mut peers) {
        wallet.device(Handle(number), peer).unwrap().sync().unwrap();
    }
    assert!(wallet.forget(Handle(1)).unwrap());
    assert!(!wallet.forget(Handle(1)).unwrap());
    let mut wallet = Wallet::open(wallet.into_vault()).unwrap();
    let labels: Vec<_> = wallet.accounts().map(|account| account.label().to_owned()).collect();
    assert_eq!(labels, ["device 0", "device 2"]);
    // The free slot is used again, and the order stays.
    assert_eq!(wallet.enrol(&enrolment(9, Suite::P256, Delivery::PublicKey)).unwrap(), Handle(1));
    let handles: Vec<_> = wallet.accounts().map(|account| account.handle().0).collect();
    assert_eq!(handles, [0, 1, 2]);
    let taken = wallet.take_code(Handle(2), Selector::Next).unwrap();
    assert_eq!(*taken.code.reveal(), peers[2].issued[0]);
}

#[test]
fn an_authenticator_is_not_enrolled_twice() {
    let (mut wallet, _, _) = enrolled();
    let again = wallet.enrol(&enrolment(1, Suite::X25519, Delivery::Shared));
    assert!(matches!(again, Err(EnrolFailure::AlreadyEnrolled { .. })));
}

#[test]
fn a_full_wallet_takes_no_more_accounts() {
    let mut wallet = Wallet::open(MemoryVault::new()).unwrap();
    for number in 0..=u8::MAX {
        wallet.enrol(&enrolment(number, Suite::Symmetric, Delivery::Shared)).unwrap();
    }
    let mut one_more = enrolment(0, Suite::Symmetric, Delivery::Shared);
    one_more.party.id.0 = [0, 1, 0, 0, 0, 0, 0, 0];
    assert!(matches!(wallet.enrol(&one_more), Err(EnrolFailure::Full)));
    assert_eq!(Wallet::open(wallet.into_vault()).unwrap().accounts().count(), MAX_ACCOUNTS);
}

#[test]
fn a_code_is_burnt_in_the_vault_before_it_is_given() {
    let (mut wallet, peer, _) = enrolled();
    let taken = wallet.take_code(Handle(0), Selector::Index(CodeIndex(7))).unwrap();
    assert_eq!((taken.index, taken.remaining), (CodeIndex(7), 9));
    assert_eq!(*taken.code.reveal(), peer.issued[6]);
    let mut wallet = reopen(wallet);
    let marks: Vec<_> = wallet.account(Handle(0)).unwrap().codes().filter(|mark| mark.used).collect();
    assert_eq!(marks.len(), 1);
    assert_eq!(marks[0].index, CodeIndex(7));
    let again = wallet.take_code(Handle(0), Selector::Index(CodeIndex(7)));
    assert!(matches!(again, Err(TakeFailure::Protocol(TakeError::AlreadyTaken))));
    let unknown = wallet.take_code(Handle(0), Selector::Index(CodeIndex(77)));
    assert!(matches!(unknown, Err(TakeFailure::Protocol(TakeError::NotHeld))));
    assert!(matches!(wallet.take_code(Handle(5), Selector::Next), Err(TakeFailure::NoAccount(_))));
}

#[test]
fn on_a_full_disk_no_code_is_given_and_none_is_used() {
    let (mut wallet, peer, is_full) = enrolled();
    is_full.set(true);
    for _ in 0..3 {
        assert!(matches!(wallet.take_code(Handle(0), Selector::Next), Err(TakeFailure::Store(_))));
    }
    assert_eq!(wallet.account(Handle(0)).unwrap().remaining(), 10);
    is_full.set(false);
    let taken = wallet.take_code(Handle(0), Selector::Next).unwrap();
    assert_eq!((taken.index, &*taken.code.reveal()), (CodeIndex(1), &peer.issued[0]));
}

#[test]
fn on_a_full_disk_nothing_is_enrolled_and_nothing_forgotten() {
    let (mut wallet, _, is_full) = enrolled();
    is_full.set(true);
    let second = enrolment(2, Suite::X25519, Delivery::Shared);
    assert!(matches!(wallet.enrol(&second), Err(EnrolFailure::Store(_))));
    assert!(wallet.forget(Handle(0)).is_err());
    assert_eq!(wallet.accounts().count(), 1);
    is_full.set(false);
    assert_eq!(wallet.enrol(&second).unwrap(), Handle(1));
}

#[test]
fn when_few_codes_are_left_a_refill_waits_to_be_sent() {
    let (mut wallet, mut peer, _) = enrolled();
    for left in (3..10).rev() {
        let taken = wallet.take_code(Handle(0), Selector::Next).unwrap();
        assert_eq!((taken.remaining, taken.refill_waits), (left, left == 3));
    }
    // The request survives a restart.
    let mut wallet = reopen(wallet);
    let report = wallet.device(Handle(0), &mut peer).unwrap().send_pending().unwrap();
    assert_eq!((report.codes_received(), report.answered), (10, true));
    assert_eq!(wallet.account(Handle(0)).unwrap().remaining(), 13);
}

#[test]
fn a_vault_with_another_content_is_told() {
    let vault = MemoryVault::with_content(Zeroizing::new(b"something else".to_vec()));
    assert!(matches!(Wallet::open(vault), Err(OpenError::Content)));
}

#[test]
fn a_wallet_and_a_taken_code_print_no_secret() {
    let (mut wallet, peer, _) = enrolled();
    let taken = wallet.take_code(Handle(0), Selector::Next).unwrap();
    let printed = format!("{wallet:?} {taken:?}");
    assert!(!peer.issued.iter().any(|code| printed.contains(code)), "{printed}");
}
