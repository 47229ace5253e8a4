//! Help, manual pages and completion for every command; and that no secret can be given as an argument.

use std::process::Stdio;

use crate::home::Home;

/// Every command with its subcommands, found from the manual pages.
fn commands(home: &Home) -> Vec<Vec<String>> {
    let folder = home.at("man");
    home.ok(&["man", "--out", &folder]);
    let pages = std::fs::read_dir(folder).unwrap().map(|page| page.unwrap().path());
    let mut commands: Vec<Vec<String>> = pages
        .map(|page| {
            assert!(std::fs::metadata(&page).unwrap().len() > 300, "{page:?}");
            let name = page.file_stem().unwrap().to_str().unwrap().to_owned();
            name.split('-').skip(1).map(str::to_owned).collect()
        })
        .collect();
    commands.sort();
    commands
}

#[test]
fn every_command_has_a_manual_page_and_help() {
    let home = Home::new();
    let commands = commands(&home);
    for expected in [
        "init",
        "serve",
        "demo",
        "wallet enrol",
        "wallet take",
        "realm policy set",
        "realm events",
        "user create",
        "device enrol",
        "device revoke",
        "device unlock",
        "verify",
        "challenge",
        "policy check",
        "estimate",
        "token create",
        "store restore",
        "store copy",
        "config show",
        "doctor",
        "smsc",
        "completion",
        "man",
    ] {
        let words: Vec<&str> = expected.split(' ').collect();
        assert!(commands.iter().any(|command| *command == words), "no {expected}");
    }
    for command in &commands {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let said = home.run(&arguments);
        assert_eq!((said.exit, said.err.as_str()), (0, ""), "{arguments:?}");
        let about = said.out.lines().next().unwrap();
        assert!(about.len() > 10 && said.out.contains("Usage: matchbook"), "{arguments:?}: {}", said.out);
    }
}

#[test]
fn every_shell_has_a_completion_script() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(home.ok(&["completion", shell]).contains("policy"), "{shell}");
    }
    assert!(home.ok(&["man"]).contains(".TH matchbook 1"));
    home.run(&["completion", "dos"]).fails(2, "possible values");
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let home = Home::new();
    home.run(&["relam"]).fails(2, "realm");
    home.run(&["serve", "--lissten", "x"]).fails(2, "--listen");
    home.run(&["device", "show"]).fails(2, "<DEVICE>");
    home.run(&["verify"]).fails(2, "required");
    home.run(&["verify", "alice", "--device", "00"]).fails(2, "cannot be used with");
    home.run(&["device", "enrol", "alice", "--valid-for", "1 year"]).fails(2, "such as 90s, 15m, 24h or 7d");
    assert_eq!(home.run(&[]).exit, 2);
    assert_eq!(home.run(&["--version"]).out, format!("matchbook {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_secret_can_be_an_argument() {
    let home = Home::new();
    for arguments in [
        &["realm", "list", "--token", "mb_x"][..],
        &["verify", "alice", "--token", "mb_x"],
        &["verify", "alice", "--code", "123456"],
        &["verify", "alice", "123456"],
        &["wallet", "list", "--passphrase", "x"],
    ] {
        home.run(arguments).fails(2, "unexpected argument");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = home.command(&["completion", "bash"]).stdout(Stdio::from(writer)).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
