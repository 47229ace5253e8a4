//! `matchbook init` makes everything once, for its owner alone.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use matchbook_testbed::Postgres;

use crate::home::Home;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn what_it_makes_is_its_owners_alone() {
    let home = Home::with_store();
    assert_eq!(mode(home.database().parent().unwrap()), 0o700);
    assert_eq!(mode(&home.database()), 0o600);
    assert_eq!(mode(&home.secrets()), 0o400);
    assert_eq!(mode(&home.path().join(".config/matchbook/operator.token")), 0o600);
    let token = fs::read_to_string(home.path().join(".config/matchbook/operator.token")).unwrap();
    assert!(token.starts_with("mb_") && token.trim_end().len() == 46);
    assert!(!fs::read_to_string(home.config()).unwrap().contains(token.trim_end()));
}

#[test]
fn it_says_what_it_made_and_the_next_step() {
    let home = Home::new();
    let said = home.run(&["init", "-o", "json"]);
    assert_eq!(said.exit, 0, "{said:?}");
    assert_eq!(said.json()["secrets"], home.secrets().display().to_string());
    assert_eq!(said.json()["server"], "http://127.0.0.1:8470");
    assert!(said.err.contains("matchbook serve") && !said.out.contains("mb_") && !said.err.contains("mb_"));
    let quiet = Home::new().run(&["init", "--quiet"]);
    assert_eq!((quiet.exit, quiet.err.as_str()), (0, ""), "{quiet:?}");
}

#[test]
fn it_never_overwrites() {
    let home = Home::with_store();
    let files = [home.config(), home.secrets(), home.database()];
    let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let said = home.run(&["init"]).fails(1, "already there, and not overwritten");
    assert!(files.iter().all(|file| said.err.contains(file.to_str().unwrap())), "{said:?}");
    fs::remove_file(home.config()).unwrap();
    home.run(&["init"]).fails(1, "secrets");
    fs::write(home.config(), &before[0]).unwrap();
    let after: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(before == after);
}

#[test]
fn a_folder_that_cannot_be_made_leaves_nothing_behind() {
    let home = Home::new();
    fs::write(home.path().join("file"), "").unwrap();
    let said = home.run(&["init", "--data", "file/data"]).fails(1, "file/data");
    assert!(said.err.contains("cannot make the folder"), "{said:?}");
    assert!(!home.path().join(".config").exists(), "half of it was left");
    home.ok(&["init", "--data", "data"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let home = Home::new();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(data.join("probe"), "").is_ok() {
        return; // root may write everywhere
    }
    home.run(&["init", "--data", "data"]).fails(1, "cannot be written");
    assert!(!home.path().join(".config").exists(), "half of it was left");
}

#[test]
fn flags_go_into_the_config_file() {
    let home = Home::new();
    home.ok(&[
        "init",
        "--config",
        "etc/mb.toml",
        "--data",
        "var",
        "--listen",
        "127.0.0.1:9",
        "--public-url",
        "https://a.example",
    ]);
    let shown = home.ok(&["config", "show", "--config", "etc/mb.toml"]);
    let has = |key: &str, value: &str| shown.lines().any(|line| line.starts_with(key) && line.ends_with(value));
    assert!(has("client.server", "https://a.example") && has("serve.public_url", "https://a.example"), "{shown}");
    assert!(has("serve.listen", "127.0.0.1:9") && has("store.data", &home.at("var")), "{shown}");
    assert!(has("store.secrets", &home.at("etc/secrets")) && has("client.token_file", &home.at("etc/operator.token")));
}

#[test]
fn a_database_that_was_named_is_found_again_from_anywhere() {
    let home = Home::new();
    home.ok(&["init", "--listen", "127.0.0.1:0", "--database", "sqlite:codes/codes.db"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let status = home.command(&["doctor", "--quiet"]).current_dir(elsewhere.path()).status().unwrap();
    assert!(status.success());
    assert!(home.path().join("codes/codes.db").exists());
}

#[test]
fn a_store_on_postgres_is_made_once_and_its_password_stays_in_its_file() {
    if !Postgres::is_installed() {
        return;
    }
    let server = Postgres::shared().unwrap();
    let url = server.url(&server.fresh_database().unwrap());
    let (home, second) = (Home::new(), Home::new());
    for home in [&home, &second] {
        let secret = home.at("db.password");
        fs::write(&secret, "geheim\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let init = ["init", "--listen", "127.0.0.1:0", "--database", &url, "--database-password-file", "db.password"];
    let made = home.json(&init);
    assert!(made["database"].as_str().unwrap().starts_with("postgres://") && made.get("data").is_none(), "{made}");
    let config = fs::read_to_string(home.config()).unwrap();
    assert!(config.contains(&home.at("db.password")) && !config.contains("geheim"), "{config}");
    assert!(!config.contains("data =") && !home.database().exists(), "{config}");
    let elsewhere = tempfile::tempdir().unwrap();
    let status = home.command(&["doctor", "--quiet"]).current_dir(elsewhere.path()).status().unwrap();
    assert!(status.success());
    // A second node's operator is told to bring the secrets, and nothing is left of the attempt.
    second.run(&init).fails(1, "was made with other secrets");
    assert!(!second.secrets().exists() && !second.config().exists());
}
