//! The statuses say what the engine says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use matchbook_kit::Refusal;
use matchbook_kit::protocol::{
    AccountError, EnrolError, EnrolmentError, PeerError, ProvisionError, RequestError, TakeError,
};

use super::Status;

#[test]
fn no_two_have_the_same_number() {
    let numbers: BTreeSet<u32> = Status::ALL.iter().map(|status| *status as u32).collect();
    assert_eq!(numbers.len(), Status::ALL.len());
    assert!(Status::ALL.iter().all(|status| Status::from_number(*status as u32) == Some(*status)));
    assert_eq!(Status::from_number(u32::MAX), None);
}

#[test]
fn each_refusal_has_a_status_with_its_name_and_sentence() {
    let refusals: [Refusal; 24] = [
        Refusal::NotSaved,
        Refusal::NotGiven,
        Refusal::CodeUnread,
        Refusal::NoRandomness,
        EnrolmentError::TooLong.into(),
        EnrolmentError::Scheme.into(),
        EnrolmentError::Server.into(),
        EnrolmentError::Label.into(),
        EnrolError::TextTooLong.into(),
        EnrolError::KeyPair.into(),
        ProvisionError::TextTooLong.into(),
        ProvisionError::Suite.into(),
        AccountError::TooLong.into(),
        AccountError::Version.into(),
        AccountError::Damaged.into(),
        PeerError::Malformed.into(),
        PeerError::Forged.into(),
        PeerError::SetConflict.into(),
        PeerError::DeviceRestored.into(),
        RequestError::NotEnrolled.into(),
        RequestError::SealFailed.into(),
        TakeError::Empty.into(),
        TakeError::NotHeld.into(),
        TakeError::AlreadyTaken.into(),
    ];
    for refusal in refusals {
        let status = Status::from(refusal);
        assert_eq!(status.name().to_str().unwrap(), refusal.name(), "{refusal:?}");
        assert_eq!(status.text().to_str().unwrap(), refusal.to_string(), "{refusal:?}");
    }
}

#[test]
fn a_mistyped_group_keeps_its_name() {
    let refusal = Refusal::from(EnrolmentError::Group { number: 3 });
    assert_eq!(Status::from(refusal).name().to_str().unwrap(), refusal.name());
}
