//! Which codes count in which mode, and how codes are read.

use matchbook_protocol::codes::{Alphabet, Code, CodeFormat};
use matchbook_protocol::{AuthenticatorId, CodeIndex};

use crate::little_store::{START, World, code, keyring, realm_id, user};
use crate::model::*;

const ACCEPTED: Result<Verdict, crate::verify::VerifyRefusal> = Ok(Verdict::Accepted);
const REJECTED: Result<Verdict, crate::verify::VerifyRefusal> = Ok(Verdict::Rejected);

fn world(mode: Mode) -> (World, AuthenticatorId) {
    let mut world = World::new(Policy { mode, max_failures: 20, ..Policy::default() });
    let id = world.device("alice", 1, 40);
    (world, id)
}

fn last_detail(world: &World) -> &str {
    &world.store.events.last().unwrap().detail
}

// MB-VER-5
#[test]
fn indexed_takes_the_lowest_unspent_code_alone() {
    let (mut world, id) = world(Mode::Indexed);
    assert_eq!(world.try_code("alice", &code(id, 2)), REJECTED);
    assert_eq!(last_detail(&world), "from 192.0.2.1: code 2 was typed, but code 1 is due");
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED);
    assert_eq!(world.try_code("alice", &code(id, 2)), ACCEPTED);
    assert_eq!(world.try_code("alice", &code(id, 1)), REJECTED);
    assert_eq!(last_detail(&world), "from 192.0.2.1: code 1 was used up before");
}

#[test]
fn indexed_goes_on_to_the_next_set() {
    let (mut world, id) = world(Mode::Indexed);
    world.issue(id, 60, (60..=70).map(|index| code(id, index)));
    for index in (1..=40).chain(60..=70) {
        assert_eq!(world.try_code("alice", &code(id, index)), ACCEPTED, "{index}");
    }
    assert_eq!(world.try_code("alice", &code(id, 70)), REJECTED);
}

// MB-VER-5
#[test]
fn in_order_takes_the_next_few_and_kills_what_it_passes_over() {
    let (mut world, id) = world(Mode::NextInOrder { look_ahead: 3 });
    assert_eq!(world.try_code("alice", &code(id, 4)), REJECTED, "past the look-ahead");
    assert_eq!(world.try_code("alice", &code(id, 3)), ACCEPTED);
    assert_eq!(last_detail(&world), "from 192.0.2.1: code 3 accepted, 2 passed over and dead");
    assert_eq!(world.try_code("alice", &code(id, 2)), REJECTED);
    assert_eq!(world.try_code("alice", &code(id, 1)), REJECTED);
    assert_eq!(world.store.spends[&(id, CodeIndex(1))].kind, SpendKind::Skipped);
    assert_eq!(world.store.spends[&(id, CodeIndex(3))].kind, SpendKind::Accepted);
    assert_eq!(world.try_code("alice", &code(id, 6)), ACCEPTED);
}

#[test]
fn passed_over_codes_stay_dead_when_the_mode_changes() {
    let (mut world, id) = world(Mode::NextInOrder { look_ahead: 3 });
    assert_eq!(world.try_code("alice", &code(id, 3)), ACCEPTED);
    world.policy().mode = Mode::AnyUnused;
    assert_eq!(world.try_code("alice", &code(id, 2)), REJECTED);
    assert_eq!(world.try_code("alice", &code(id, 9)), ACCEPTED);
    world.policy().mode = Mode::NextInOrder { look_ahead: 3 };
    assert_eq!(world.try_code("alice", &code(id, 8)), REJECTED, "before the highest spent");
    assert_eq!(last_detail(&world), "from 192.0.2.1: code 8 was passed over");
    assert_eq!(world.try_code("alice", &code(id, 10)), ACCEPTED);
}

#[test]
fn in_order_refills_by_what_is_left_alive() {
    let (mut world, id) = world(Mode::NextInOrder { look_ahead: 10 });
    world.policy().threshold = 30;
    assert_eq!(world.try_code("alice", &code(id, 10)), ACCEPTED);
    assert_eq!(world.authenticator(id).refill_due, Some(RefillReason::ServerCount));
}

// MB-VER-5
#[test]
fn any_unused_takes_every_one_once() {
    let (mut world, id) = world(Mode::AnyUnused);
    for index in [40, 1, 17, 39] {
        assert_eq!(world.try_code("alice", &code(id, index)), ACCEPTED);
        assert_eq!(world.try_code("alice", &code(id, index)), REJECTED);
    }
}

#[test]
fn a_text_that_is_several_codes_spends_exactly_one() {
    let (mut world, id) = world(Mode::AnyUnused);
    world.issue(id, 41, ["111111", "111111", "111111"].map(str::to_owned));
    for index in 41..=43 {
        assert_eq!(world.try_code("alice", "111111"), ACCEPTED);
        assert!(world.store.spends.contains_key(&(id, CodeIndex(index))));
        assert_eq!(world.store.spends.len(), usize::try_from(index).unwrap() - 40);
    }
    assert_eq!(world.try_code("alice", "111111"), REJECTED);
}

#[test]
fn every_device_of_a_user_counts_and_one_code_of_one_is_spent() {
    let (mut world, phone) = world(Mode::Indexed);
    let tablet = world.device("alice", 2, 40);
    assert_eq!(world.try_code("alice", &code(tablet, 1)), ACCEPTED);
    assert_eq!(world.try_code("alice", &code(phone, 1)), ACCEPTED);
    assert_eq!(world.store.spends.len(), 2);
    assert_eq!(world.try_code("alice", "000000"), REJECTED);
    assert_eq!((world.store.failures_of(phone), world.store.failures_of(tablet)), (1, 1));
    assert!(last_detail(&world).contains("0101010101010101: wrong code; 0202020202020202: wrong code"));
    assert_eq!(world.try_code("alice", &code(tablet, 2)), ACCEPTED);
    assert_eq!((world.store.failures_of(phone), world.store.failures_of(tablet)), (0, 0));
}

#[test]
fn the_same_code_on_two_devices_spends_one_of_them() {
    let (mut world, _) = world(Mode::AnyUnused);
    let (one, two) = (AuthenticatorId([1; 8]), world.device("alice", 2, 0));
    world.issue(one, 41, ["222222".to_owned()]);
    world.issue(two, 1, ["222222".to_owned()]);
    assert_eq!(world.try_code("alice", "222222"), ACCEPTED);
    assert_eq!(world.store.spends.len(), 1);
}

#[test]
fn one_device_may_be_named_instead_of_the_user() {
    let (mut world, phone) = world(Mode::Indexed);
    let tablet = world.device("alice", 2, 40);
    let wrong_device = world.attempt(VerifyTarget::Authenticator(phone), &code(tablet, 1));
    assert_eq!(world.verify(&wrong_device), REJECTED);
    assert_eq!((world.store.failures_of(phone), world.store.failures_of(tablet)), (1, 0));
    let right = world.attempt(VerifyTarget::Authenticator(tablet), &code(tablet, 1));
    assert_eq!(world.verify(&right), ACCEPTED);
}

#[test]
fn blanks_dashes_and_case_do_not_count() {
    let (mut world, id) = world(Mode::Indexed);
    let plain = code(id, 1);
    let typed = format!(" {}\u{2013}{} {}\n", &plain[..2], &plain[2..3], &plain[3..]);
    assert_eq!(world.try_code("alice", &typed), ACCEPTED);
}

#[test]
fn base_32_forgives_look_alikes() {
    let mut world = World::new(Policy { base32: true, digits: 8, ..Policy::default() });
    let id = world.device("alice", 1, 0);
    let format = CodeFormat::new(Alphabet::Base32, 8).unwrap();
    let code = Code::parse(format, "01VWXYZ9").unwrap();
    let tag = keyring().code_tag(&realm_id(), id, CodeIndex(1), &code);
    let set = IssuedSet {
        realm: realm_id(),
        authenticator: id,
        first: CodeIndex(1),
        format,
        tags: vec![tag],
        pepper_version: 1,
        issued_at: START,
    };
    world.store.sets.insert(id, vec![set]);
    assert_eq!(world.try_code("alice", "oLvw-xyz9"), ACCEPTED);
}

#[test]
fn a_text_that_is_no_code_is_a_wrong_code() {
    let (mut world, id) = world(Mode::Indexed);
    for typed in ["", "12345", "1234567", "12345x", "ｆｕｌｌ", &"0".repeat(5_000), &"1 2 3 4 5 6".repeat(20)] {
        assert_eq!(world.try_code("alice", typed), REJECTED);
        assert_eq!(last_detail(&world), "from 192.0.2.1: what was typed is no code");
    }
    assert_eq!(world.store.failures_of(id), 7);
}

#[test]
fn a_text_that_is_no_code_is_not_taken_for_code_zero() {
    let (mut world, id) = world(Mode::AnyUnused);
    world.issue(id, 41, ["000000".to_owned()]);
    for typed in ["", "-", "x", "00000", "0000000", "00000O"] {
        assert_eq!(world.try_code("alice", typed), REJECTED, "{typed:?}");
    }
    assert_eq!(world.try_code("alice", "000000"), ACCEPTED);
}

#[test]
fn sets_of_two_formats_are_each_read_in_their_own() {
    let (mut world, id) = world(Mode::AnyUnused);
    world.policy().digits = 8;
    assert_eq!(world.try_code("alice", &code(id, 5)), ACCEPTED, "issued with 6 digits");
}

// MB-VER-6
#[test]
fn short_codes_of_an_earlier_policy_do_not_all_count_under_any_unused() {
    let (mut world, id) = world(Mode::Indexed);
    world.policy().mode = Mode::AnyUnused;
    world.policy().digits = 8;
    world.policy().accept_guessable_codes = false;
    long_codes(&mut world, id, 41, &["41000000", "42000000", "43000000"]);
    assert_eq!(world.try_code("alice", &code(id, 2)), REJECTED);
    assert_eq!(world.try_code("alice", "43000000"), ACCEPTED, "long enough");
    assert_eq!(world.try_code("alice", "41000000"), ACCEPTED, "long enough");
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED, "the lowest");
    assert_eq!(world.try_code("alice", &code(id, 2)), ACCEPTED, "the lowest now");
    assert_eq!(world.try_code("alice", &code(id, 9)), REJECTED);
    world.policy().accept_guessable_codes = true;
    assert_eq!(world.try_code("alice", &code(id, 9)), ACCEPTED);
}

fn long_codes(world: &mut World, id: AuthenticatorId, first: u32, codes: &[&str]) {
    let format = CodeFormat::new(Alphabet::Decimal, 8).unwrap();
    let tags = codes
        .iter()
        .map(|code| keyring().code_tag(&realm_id(), id, CodeIndex(first), &Code::parse(format, code).unwrap()));
    let set = IssuedSet {
        realm: realm_id(),
        authenticator: id,
        first: CodeIndex(first),
        format,
        tags: tags.collect(),
        pepper_version: 1,
        issued_at: START,
    };
    world.store.sets.get_mut(&id).unwrap().push(set);
}

// MB-VER-5
#[test]
fn what_in_order_leaves_behind_is_spent_also_below_what_another_mode_spent() {
    let (mut world, id) = world(Mode::AnyUnused);
    assert_eq!(world.try_code("alice", &code(id, 5)), ACCEPTED);
    world.policy().mode = Mode::NextInOrder { look_ahead: 3 };
    world.policy().threshold = 0;
    assert_eq!(world.try_code("alice", &code(id, 3)), REJECTED, "below the floor");
    assert_eq!(world.try_code("alice", &code(id, 7)), ACCEPTED);
    world.policy().mode = Mode::AnyUnused;
    for dead in [1, 2, 3, 4, 6] {
        assert_eq!(world.store.spends[&(id, CodeIndex(dead))].kind, SpendKind::Skipped);
        assert_eq!(world.try_code("alice", &code(id, dead)), REJECTED, "{dead}");
    }
    assert_eq!(world.try_code("alice", &code(id, 8)), ACCEPTED);
}

#[test]
fn codes_under_another_pepper_are_dead_and_asked_for_by_nobody() {
    let (mut world, id) = world(Mode::Indexed);
    world.issue(id, 41, (41..=50).map(|index| code(id, index)));
    world.store.sets.get_mut(&id).unwrap()[0].pepper_version = 2;
    assert_eq!(world.try_code("alice", &code(id, 1)), REJECTED);
    assert_eq!(last_detail(&world), "from 192.0.2.1: wrong code");
    let question = world.question(user("alice"));
    assert_eq!(world.challenge(&question), Ok(41));
    assert_eq!(world.try_code("alice", &code(id, 41)), ACCEPTED);
}

#[test]
fn a_device_without_codes_is_refused_and_the_event_says_so() {
    let mut world = World::new(Policy::default());
    world.device("alice", 1, 0);
    assert_eq!(world.try_code("alice", "123456"), REJECTED);
    assert_eq!(last_detail(&world), "from 192.0.2.1: the device has no unused code");
}
