//! What is run by root is found by its place.

use super::tool;

#[test]
fn tools_are_found_by_their_place_and_not_by_the_path() {
    assert!(tool("sh").is_some_and(|at| at.is_absolute() && at.ends_with("sh")));
    assert_eq!(tool("no-such-tool-of-matchbook"), None);
    assert_eq!(tool("../../etc/passwd-of-nobody"), None);
}
