//! The border as such; what C sees of it is in tests/c.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

#[test]
fn no_panic_leaves_and_the_device_says_so_from_then_on() {
    let key = matchbook_kit::protocol::Secret::new([1; 32]);
    let profile = matchbook_kit::protocol::Profile::from_byte(1).unwrap();
    let party = matchbook_kit::protocol::Party { id: matchbook_kit::protocol::AuthenticatorId([1; 8]), profile };
    let provision = matchbook_kit::protocol::Provision {
        party,
        handle: matchbook_kit::protocol::Handle(0),
        key,
        realm: String::new(),
        label: String::new(),
        server: String::new(),
    };
    let device = MbDevice(Mutex::new(Device::provision(provision).unwrap()));
    assert_eq!(with(Some(&device), |_| Ok(())), Status::Ok);
    assert_eq!(with(Some(&device), |_| panic!("a bug")), Status::Internal);
    assert_eq!(with(Some(&device), |_| Ok(())), Status::Internal);
}

#[test]
fn unsafe_code_is_in_this_room_alone() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut holders: Vec<String> = files
        .filter(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern"]
                .iter()
                .any(|form| text.contains(form))
        })
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !name.ends_with("_tests.rs"))
        .collect();
    holders.sort();
    assert_eq!(holders, ["border.rs"]);
}
