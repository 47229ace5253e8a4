//! Keys from a factory: files taken in and written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::home::Home;

fn line(byte: u8, user: &str) -> String {
    format!("{},{},{user},card {byte}\n", format!("{byte:02x}").repeat(8), format!("{:02x}", byte + 100).repeat(32))
}

fn csv(home: &Home, name: &str, lines: &[String]) -> String {
    let path = home.at(name);
    fs::write(&path, format!("id,key,user,label\n{}", lines.concat())).unwrap();
    path
}

fn devices(home: &Home) -> usize {
    home.json(&["device", "list"])["items"].as_array().unwrap().len()
}

#[test]
fn a_file_is_tried_taken_in_and_found_there() {
    let (home, _server) = Home::with_server();
    let file = csv(&home, "cards.csv", &[line(1, "alice"), line(2, "bob"), line(3, "bob")]);
    let refused = home.run(&["device", "import", &file]);
    assert_eq!(refused.exit, 1, "{refused:?}");
    assert!(refused.out.contains("no such user") && refused.err.contains("2 of 3 rows cannot be taken"), "{refused:?}");
    let tried = home.json(&["device", "import", &file, "--dry-run", "--create-users"]);
    assert_eq!((&tried["rows_by_outcome"]["new"], &tried["live"]), (&3.into(), &false.into()));
    assert_eq!((&tried["rows"][1]["row"], &tried["rows"][1]["makes_user"]), (&3.into(), &true.into()));
    assert_eq!(devices(&home), 0);
    let done = home.json(&["device", "import", &file, "--create-users"]);
    assert_eq!((&done["made"]["devices"], &done["made"]["users"]), (&3.into(), &1.into()), "{done}");
    assert_eq!(devices(&home), 3);
    let text = fs::read_to_string(&file).unwrap();
    let again = home.run_with(&["device", "import", "-", "--create-users", "-o", "json"], &text, &[]).json();
    assert_eq!((&again["rows_by_outcome"]["already_there"], &again["live"]), (&3.into(), &true.into()));
    // One bad row, and the good ones stay out too; the key is not told.
    let mixed = csv(&home, "mixed.csv", &[line(4, "alice"), line(5, "alice"), "12,0011,alice,\n".to_owned()]);
    let refused = home.run(&["device", "import", &mixed]);
    assert!(refused.exit == 1 && refused.out.contains("id: \"12\" is not 16 hexadecimal digits"), "{refused:?}");
    assert_eq!(devices(&home), 3);
}

#[test]
fn what_was_never_used_comes_out_and_goes_in_again() {
    let (mut home, server) = Home::with_server();
    let file = csv(&home, "cards.csv", &[line(1, "alice"), line(2, "bob")]);
    home.ok(&["device", "import", &file, "--create-users"]);
    fs::write(home.at("passphrase"), "four words of it\n").unwrap();
    fs::write(home.at("agreed.key"), "5a".repeat(32)).unwrap();
    for name in ["passphrase", "agreed.key"] {
        fs::set_permissions(home.at(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let passphrase = ["--passphrase-file", &home.at("passphrase")];
    let out = home.at("cards.pskc");
    home.run(&[&["device", "export", &out][..], &passphrase].concat()).fails(1, "--allow-key-export yes");
    drop(server);
    let _server = home.serve(&["--allow-key-export", "yes"]);
    let key = ["--key-file", &home.at("agreed.key")];
    for (name, how) in [("cards.pskc", &passphrase[..]), ("key.pskc", &key), ("plain.pskc", &["--plain"])] {
        let out = home.at(name);
        let made = home.json(&[&["device", "export", &out][..], how].concat());
        assert_eq!(made["devices"], 2, "{made}");
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        home.run(&[&["device", "export", &out][..], how].concat()).fails(1, "there already");
        let plain: &[&str] = if how == ["--plain"] { &[] } else { how };
        let found = home.json(&[&["device", "import", &out, "--dry-run"][..], plain].concat());
        assert_eq!(found["rows_by_outcome"]["already_there"], 2, "{found}");
    }
    home.run(&["device", "import", &home.at("cards.pskc")]).fails(2, "passphrase");
    home.run(&["device", "import", &home.at("key.pskc")]).fails(1, "calls it \"matchbook\"");
    home.run(&[&["device", "import", &home.at("key.pskc")][..], &passphrase].concat()).fails(1, "--key-file");
    home.run(&[&["device", "import", &home.at("plain.pskc")][..], &key].concat()).fails(1, "not encrypted");
    fs::write(home.at("passphrase"), "another one\n").unwrap();
    home.run(&[&["device", "import", &out][..], &passphrase].concat()).fails(1, "not the one of the file");
}
