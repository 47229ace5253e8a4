//! The config file, the variables, the flags, and where a value came from.

use std::fs;

use serde_json::Value;

use crate::home::Home;

fn write_config(home: &Home, text: &str) {
    fs::create_dir_all(home.config().parent().unwrap()).unwrap();
    fs::write(home.config(), text).unwrap();
}

fn setting(shown: &Value, key: &str) -> (String, String) {
    let settings = shown["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["key"] == key).unwrap();
    let word = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (word("value"), word("origin"))
}

#[test]
fn flags_go_over_variables_over_the_file_over_the_default() {
    let mut home = Home::new();
    assert_eq!(setting(&home.json(&["config", "show"]), "client.timeout_s"), ("30".to_owned(), "default".to_owned()));

    write_config(&home, "[client]\ntimeout_s = 40\nrealm = \"from-file\"\n");
    let shown = home.json(&["config", "show", "--origin"]);
    assert_eq!(setting(&shown, "client.timeout_s"), ("40".to_owned(), format!("{} line 2", home.config().display())));

    home.set("MATCHBOOK_TIMEOUT_S", "50");
    let shown = home.json(&["config", "show"]);
    assert_eq!(setting(&shown, "client.timeout_s"), ("50".to_owned(), "variable MATCHBOOK_TIMEOUT_S".to_owned()));
    assert_eq!(setting(&shown, "client.realm").0, "from-file");

    // The flag counts: out of its range, it is what is refused.
    home.run(&["realm", "list", "--timeout", "9999"]).fails(2, "--timeout is \"9999\"");
    home.set("MATCHBOOK_TIMEOUT_S", "0");
    home.run(&["config", "show"]).fails(2, "MATCHBOOK_TIMEOUT_S is \"0\", but has to be a whole number from 1 to 600");
}

#[test]
fn the_table_of_settings_shows_origins() {
    let mut home = Home::new();
    home.set("MATCHBOOK_LISTEN", "[::1]:1234");
    let table = home.ok(&["config", "show", "--origin"]);
    let line = table.lines().find(|line| line.starts_with("serve.listen ")).unwrap();
    assert!(line.contains("[::1]:1234") && line.ends_with("variable MATCHBOOK_LISTEN"), "{line}");
    assert!(!home.ok(&["config", "show"]).contains("ORIGIN"));
}

#[test]
fn an_unknown_key_is_refused_by_every_command_that_reads_settings() {
    let home = Home::new();
    write_config(&home, "[serve]\nlisten = \"127.0.0.1:1\"\nlistne = \"127.0.0.1:2\"\n");
    for arguments in [&["config", "show"][..], &["serve"], &["realm", "list"], &["store", "check"], &["init"]] {
        let said = home.run(arguments).fails(2, "unknown key \"serve.listne\"");
        assert!(said.err.contains(&format!("{} line 3", home.config().display())), "{said:?}");
        assert!(said.err.contains("The known keys are client.server,"), "{said:?}");
    }
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let mut home = Home::new();
    home.run(&["config", "show", "--config", "nowhere.toml"]).fails(2, "there is no config file nowhere.toml");
    home.set("MATCHBOOK_CONFIG", "elsewhere.toml");
    home.run(&["config", "show"]).fails(2, "there is no config file elsewhere.toml");
    fs::write(home.at("elsewhere.toml"), "[client\n").unwrap();
    home.run(&["config", "show"]).fails(2, "elsewhere.toml line 1 is not TOML");
}

#[test]
fn secrets_are_never_shown_and_strange_variables_are_told() {
    let mut home = Home::new();
    home.set("MATCHBOOK_TOKEN", "mb_planted_token");
    home.set("MATCHBOOK_PASSPHRASE", "planted passphrase");
    home.set("MATCHBOOK_LISTNE", "127.0.0.1:2");
    for arguments in [&["config", "show", "--origin"][..], &["config", "show", "-o", "json"], &["realm", "list"]] {
        let said = home.run(arguments);
        assert!(!said.out.contains("planted") && !said.err.contains("planted"), "{said:?}");
    }
    let said = home.run(&["config", "show"]);
    assert!(said.err.contains("MATCHBOOK_LISTNE is not a variable that Matchbook knows"), "{said:?}");
    home.run(&["config", "show", "--config", "/dev/null"]);
    write_config(&home, "[client]\nserver = \"https://me:planted@codes.example.org\"\n");
    home.run(&["config", "show"]).fails(2, "client.server");
}

#[test]
fn paths_in_the_file_start_at_its_folder() {
    let home = Home::new();
    write_config(&home, "[store]\ndata = \"db\"\n");
    let expected = home.config().parent().unwrap().join("db").display().to_string();
    assert_eq!(setting(&home.json(&["config", "show"]), "store.data").0, expected);
}
