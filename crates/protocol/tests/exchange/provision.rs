//! A key from the factory: no enrolment, and the first message asks for a set.

use matchbook_protocol::{
    Account, AuthenticatorId, CodeIndex, Delivery, Engine, Epoch, EpochKeys, Handle, Output, Party, Phase, Profile,
    Provision, ProvisionError, Reason, Secret, Suite, UnverifiedUplink, Uplink,
};

use crate::chance::Chance;

fn provision(suite: Suite) -> Provision {
    Provision {
        party: Party { id: AuthenticatorId([7; 8]), profile: Profile::new(suite, Delivery::Shared).unwrap() },
        handle: Handle(2),
        key: Secret::new([0xC3; 32]),
        realm: "ship-17".to_owned(),
        label: "card".to_owned(),
        server: "sms:+4912345678".to_owned(),
    }
}

// MB-ENR-8
#[test]
fn the_first_message_is_a_request_under_the_key_that_both_were_given() {
    let given = provision(Suite::Symmetric);
    let keys = EpochKeys::derive(&given.key, &given.party, Epoch(0));
    let mut engine = Engine::provision(given, &mut Chance(7)).unwrap();
    assert!(matches!(engine.poll_output(), Some(Output::Persist)), "stored before it is sent");
    let Some(Output::Transmit(message)) = engine.poll_output() else { panic!("nothing is sent") };
    assert_eq!(engine.pending_message(), Some(message.as_slice()));
    let Uplink::Request { counter, request } = keys.open_uplink(&UnverifiedUplink::decode(&message).unwrap()).unwrap()
    else {
        panic!("no request")
    };
    assert_eq!((counter, request.highest, request.reason), (1, CodeIndex::NONE, Reason::First));
    assert!(request.wanted > 0 && request.ephemeral.is_none());
    let stored = Account::decode(&engine.account().encode()).unwrap();
    assert_eq!((stored.phase(), stored.epoch()), (Phase::Steady, Epoch(0)));
    assert_eq!(Engine::restore(stored).pending_message(), Some(message.as_slice()), "the same after a restart");
}

// MB-ENR-8
#[test]
fn a_key_for_a_suite_with_key_pairs_is_refused() {
    for suite in [Suite::X25519, Suite::P256] {
        let refused = Engine::provision(provision(suite), &mut Chance(7));
        assert_eq!(refused.err(), Some(ProvisionError::Suite));
    }
    let long = Provision { label: "l".repeat(256), ..provision(Suite::Symmetric) };
    assert_eq!(Engine::provision(long, &mut Chance(7)).err(), Some(ProvisionError::TextTooLong));
}
