use super::{defined, find};

#[test]
fn ids_are_found_anywhere_in_a_text() {
    let found = find("see MB-ENV-3, MB-SET-12. Not MB-env-1, MB--2, MB-X-, MB-SET-3a; `MB-ROT-1`");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["MB-ENV-3", "MB-ROT-1", "MB-SET-12"]);
}

#[test]
fn only_an_opening_bold_id_defines() {
    let text =
        "**MB-ENV-1** A receiver MUST …\n- **MB-ENV-2** It MUST …\nas MB-ENV-3 says, **MB-ENV-4** …\n**MB-ENV-1**";
    assert_eq!(defined(text), ["MB-ENV-1", "MB-ENV-2", "MB-ENV-1"]);
}
