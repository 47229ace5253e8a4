//! The store's files: copied while a server runs, and put back with every code void.

use std::fs;

use crate::home::Home;

#[test]
fn a_backup_that_was_put_back_revives_no_code() {
    let (mut home, server) = Home::with_server();
    home.enrol_wallet();
    let backup = home.at("backup.db");
    assert_eq!(home.ok(&["store", "backup", &backup]), format!("{backup}\n"));
    home.run(&["store", "backup", &backup]).fails(1, "give the backup a new name");
    let spent = home.ok(&["wallet", "take"]);
    assert_eq!(home.verify(spent.trim_end(), &[]).exit, 0);
    home.run(&["store", "restore", &backup]).fails(1, "in the way");
    assert_eq!(server.end("-TERM"), Some(0));

    let data = home.at("new");
    fs::create_dir(&data).unwrap();
    let restored = home.json(&["store", "restore", &backup, "--data", &data]);
    assert_eq!(restored["count"], 1);
    home.set("MATCHBOOK_DATA", &data);
    let _server = home.serve(&[]);
    let unspent = home.ok(&["wallet", "take", "--offline"]);
    assert_eq!(home.verify(spent.trim_end(), &[]).exit, 5);
    assert_eq!(home.verify(unspent.trim_end(), &[]).exit, 5, "nothing counts before the device has called");
}

#[test]
fn a_copy_is_not_served_as_if_nothing_had_happened() {
    let home = Home::with_store();
    let backup = home.at("backup.db");
    home.ok(&["store", "backup", &backup]);
    fs::copy(&backup, home.database()).unwrap();
    let said = home.run(&["serve"]).fails(1, "is a backup");
    assert!(said.err.contains("matchbook store restore"), "{said:?}");
    home.run(&["store", "restore", "nowhere.db", "--data", "new"]).fails(1, "nowhere.db");
}

#[test]
fn serve_restored_voids_all_codes() {
    let (mut home, server) = Home::with_server();
    let device = home.enrol_wallet();
    assert_eq!(server.end("-TERM"), Some(0));
    let _server = home.serve(&["--restored"]);
    assert_eq!(home.json(&["device", "show", &device])["status"], "restored");
    let code = home.ok(&["wallet", "take", "--offline"]);
    assert_eq!(home.verify(code.trim_end(), &[]).exit, 5);
}

#[test]
fn a_damaged_backup_is_named_and_leaves_nothing_behind() {
    let home = Home::with_store();
    let (good, bad, data) = (home.at("good.db"), home.at("bad.db"), home.at("new"));
    home.ok(&["store", "backup", &good]);
    let bytes = fs::read(&good).unwrap();
    fs::write(&bad, &bytes[..bytes.len() / 2]).unwrap();
    fs::create_dir(&data).unwrap();
    let said = home.run(&["store", "restore", &bad, "--data", &data]).fails(1, "use an older one");
    assert!(said.err.contains("bad.db"), "{said:?}");
    home.ok(&["store", "restore", &good, "--data", &data]);
}
