#![allow(clippy::unwrap_used)]

use std::process::Command;

use super::*;

#[test]
fn a_child_is_found_stops_and_ends() {
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let id = Pid::from_child(&child);
    assert!(children(rustix::process::getpid()).contains(&id));
    pause(id).unwrap();
    assert_eq!(state(id), Some('T'));
    assert!(!has_ended(id));
    signal(id, Signal::KILL);
    wait_until("it ends", || Ok(has_ended(id))).unwrap();
    child.wait().unwrap();
    assert!(has_ended(id));
}

#[test]
fn a_name_may_hold_brackets() {
    let stat = parse_stat("7 (a) S 9 (b) Z 3 1 1").unwrap();
    assert_eq!((stat.state, stat.parent), ('Z', 3));
}
