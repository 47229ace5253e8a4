//! The store goes to another database and back, with the codes that people hold.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use matchbook_testbed::Postgres;

use crate::home::Home;

/// A code of the wallet, without a call to the server.
fn take(home: &Home) -> String {
    home.ok(&["wallet", "take", "--offline"]).trim_end().to_owned()
}

/// Verifies codes on a server: what was used is refused, what was answered is answered so again, and a new one is good
/// once.
fn serves_on(home: &mut Home, database: &str, used: &mut Vec<(String, String)>) {
    let server = home.serve(&["--database", database]);
    for (code, operation) in used.iter() {
        assert_eq!(home.verify(code, &["--source", operation]).exit, 5, "{code} of {operation} is used");
        assert_eq!(home.verify(code, &["--operation-id", operation]).exit, 0, "{operation} was accepted");
    }
    let (code, operation) = (take(home), format!("log-in-{}", used.len()));
    assert_eq!(home.verify(&code, &["--operation-id", &operation]).exit, 0);
    assert_eq!(home.verify(&code, &["--source", &operation]).exit, 5);
    used.push((code, operation));
    assert_eq!(server.end("-TERM"), Some(0));
}

/// The rows of a table in a report.
fn rows(report: &serde_json::Value, table: &str) -> u64 {
    let count = report["counts"].as_array().unwrap().iter().find(|count| count["table"] == table).unwrap();
    assert_eq!(count["from"], count["to"]);
    count["to"].as_u64().unwrap()
}

#[test]
fn a_store_goes_to_postgres_and_back_with_all_its_codes() {
    if !Postgres::is_installed() {
        return;
    }
    let server = Postgres::shared().unwrap();
    let url = server.url(&server.fresh_database().unwrap());
    let (mut home, first) = Home::with_server();
    home.enrol_wallet();
    assert_eq!(first.end("-TERM"), Some(0));
    let (file, back) = (format!("sqlite:{}", home.database().display()), format!("sqlite:{}", home.at("back.db")));
    let mut used = Vec::new();
    serves_on(&mut home, &file, &mut used);

    let moved = home.json(&["store", "copy", "--from", &file, "--to", &url]);
    assert_eq!((rows(&moved, "authenticators"), rows(&moved, "realms"), rows(&moved, "spends")), (1, 1, 1));
    assert_eq!((moved["was_done"].clone(), moved["resumed_at"].clone()), (false.into(), 0.into()));
    let said = home.run(&["serve", "--database", &file]).fails(1, "it was moved to");
    assert!(said.err.contains("matchbook store thaw"), "{said:?}");
    serves_on(&mut home, &url, &mut used);
    serves_on(&mut home, &url, &mut used);
    assert_eq!(home.json(&["store", "copy", "--from", &file, "--to", &url])["was_done"], true);

    let said = home.run(&["store", "copy", "--from", &url, "--to", &back]);
    assert_eq!(said.exit, 0, "{said:?}");
    assert!(said.out.starts_with("ROWS") && said.out.contains("spent codes"), "{said:?}");
    assert!(said.err.contains("Serve ") && said.err.contains("stays read-only"), "{said:?}");
    home.run(&["serve", "--database", &url]).fails(1, "was moved to");
    serves_on(&mut home, &back, &mut used);
    assert_eq!(used.len(), 4);
}

#[test]
fn two_stores_never_serve_the_same_codes() {
    let (mut home, server) = Home::with_server();
    home.enrol_wallet();
    let (file, other) = (format!("sqlite:{}", home.database().display()), format!("sqlite:{}", home.at("other.db")));
    let copy = ["store", "copy", "--from", &file, "--to", &other];
    home.run(&copy).fails(1, "restart it with `matchbook serve --read-only`");
    assert_eq!(server.end("-TERM"), Some(0));
    home.run(&["store", "copy", "--from", &file, "--to", &file]).fails(2, "the same database");
    home.ok(&copy);
    let third = format!("sqlite:{}", home.at("third.db"));
    home.run(&["store", "copy", "--from", &file, "--to", &third]).fails(1, "was moved to");
    // Who lets the old one be written again, because the new one is not wanted, has no good codes there.
    let code = take(&home);
    assert_eq!(home.json(&["store", "thaw", "--void-codes", "--database", &file])["count"], 1);
    let server = home.serve(&["--database", &file]);
    assert_eq!(home.verify(&code, &[]).exit, 5);
    assert_eq!(server.end("-TERM"), Some(0));
    let _server = home.serve(&["--database", &other]);
    assert_eq!(home.verify(&code, &[]).exit, 0);
}

#[test]
fn a_postgres_that_was_moved_is_thawed_with_every_code_void() {
    if !Postgres::is_installed() {
        return;
    }
    let server = Postgres::shared().unwrap();
    let url = server.url(&server.fresh_database().unwrap());
    let home = Home::with_store();
    let (file, back) = (format!("sqlite:{}", home.database().display()), format!("sqlite:{}", home.at("back.db")));
    home.ok(&["store", "copy", "--from", &file, "--to", &url]);
    home.ok(&["store", "copy", "--from", &url, "--to", &back]);
    home.run(&["store", "prune", "--database", &url]).fails(1, "was moved to");
    doctor_says(&home, &url, &["was moved to", "back.db", "matchbook store thaw"]);
    let refused = home.run(&["store", "thaw", "--database", &url, "--copy-never-served"]);
    refused.fails(1, "--copy-was-dropped");
    let said = home.ok(&["store", "thaw", "--database", &url, "--copy-never-served", "--copy-was-dropped"]);
    assert!(said.contains("can be written again"), "{said}");
    home.ok(&["store", "prune", "--database", &url]);
}

fn doctor_says(home: &Home, database: &str, sentences: &[&str]) {
    let said = home.run(&["doctor", "--database", database]);
    assert_eq!(said.exit, 1, "{said:?}");
    for sentence in sentences {
        assert!(said.out.contains(sentence), "no {sentence:?} in {said:?}");
    }
}

/// While the copy goes on, nodes answer what can be read.
#[test]
fn a_postgres_that_is_being_copied_says_so() {
    if !Postgres::is_installed() {
        return;
    }
    let access = Postgres::shared().unwrap();
    let database = access.fresh_database().unwrap();
    let url = access.url(&database);
    let (mut home, server) = Home::with_server();
    assert_eq!(server.end("-TERM"), Some(0));
    home.ok(&["store", "copy", "--from", &format!("sqlite:{}", home.database().display()), "--to", &url]);
    let found = home.json(&["doctor", "--database", &url]);
    assert_eq!(found["ok"], true, "{found}");
    // What `matchbook store copy` notes first.
    access
        .sql(
            &database,
            "INSERT INTO meta VALUES ('read_only', 'it is being copied to elsewhere.db: run `matchbook store thaw`')",
        )
        .unwrap();
    let why = "is read-only: it is being copied to elsewhere.db";
    doctor_says(&home, &url, &[why, "matchbook store thaw"]);
    home.run(&["store", "prune", "--database", &url]).fails(1, why);
    let server = home.serve(&["--database", &url]);
    assert_eq!(home.ok(&["user", "list"]).lines().filter(|line| line.contains("alice")).count(), 1);
    let said =
        home.run(&["user", "create", "bob"]).fails(1, "Nothing was decided: the store of this server is read-only");
    assert!(said.err.contains("Try again in 10 s"), "{said:?}");
    assert_eq!(server.end("-TERM"), Some(0));
    home.ok(&["store", "thaw", "--database", &url, "--copy-never-served"]);
    home.ok(&["doctor", "--database", &url]);
    let server = home.serve(&["--database", &url]);
    let port = |said: &str| said.lines().find(|line| line.starts_with("port")).unwrap().to_owned();
    let found = home.ok(&["doctor", "--database", &url, "--listen", &server.address]);
    assert!(port(&found).contains("a server answers on") && port(&found).contains("and is ready"), "{found}");
}

#[test]
fn a_password_stands_in_a_file_and_nowhere_else() {
    let home = Home::with_store();
    let file = format!("sqlite:{}", home.database().display());
    for (from, to, flag) in [
        (file.as_str(), "postgres://mb:geheim@db1.invalid/x", "--to"),
        ("postgres://db1.invalid/x?user=mb&password=geheim", "sqlite:new.db", "--from"),
    ] {
        let said = home.run(&["store", "copy", "--from", from, "--to", to]).fails(2, "holds a password");
        assert!(said.err.contains(&format!("{flag}-password-file")) && !said.err.contains("geheim"), "{said:?}");
    }
    let secret = home.at("db.password");
    fs::write(&secret, "geheim\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let copy = ["store", "copy", "--from", &file, "--to", "postgres://mb@db1.invalid/x", "--to-password-file", &secret];
    let said = home.run(&copy).fails(1, "chmod 0600");
    assert!(!said.err.contains("geheim"), "{said:?}");
    home.run(&["store", "copy", "--from", &home.at("store.db"), "--to", "sqlite:new.db"]).fails(2, "--from is");
    home.run(&["store", "copy", "--from", "sqlite:nowhere.db", "--to", "sqlite:new.db"])
        .fails(1, "there is no store at");
    assert!(!home.path().join("new.db").exists() && !home.path().join("nowhere.db").exists());
}

/// The command is killed again and again, wherever it is, and given again.
#[test]
fn a_copy_that_is_killed_goes_on() {
    let home = Home::with_store();
    let (file, other) = (format!("sqlite:{}", home.database().display()), format!("sqlite:{}", home.at("other.db")));
    let copy = ["store", "copy", "--from", &file, "--to", &other];
    for pause in 0..40 {
        let mut child = home.command(&copy).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        let _gone = child.kill();
        let _status = child.wait().unwrap();
    }
    home.ok(&copy);
    home.run(&["serve", "--database", &file]).fails(1, "it was moved to");
    home.ok(&["store", "prune", "--database", &other]);
}

/// What cannot be copied leaves no target behind, which would be served as an empty store.
#[test]
fn a_copy_that_is_refused_leaves_no_target_behind() {
    let home = Home::with_store();
    let database = home.database();
    let (file, new) = (format!("sqlite:{}", database.display()), home.at("new.db"));
    let copy = |from: &str, to: &str| home.run(&["store", "copy", "--from", from, "--to", &format!("sqlite:{to}")]);
    let said = copy("sqlite:nowhere.db", &new).fails(1, "there is no store at nowhere.db, which --from names");
    assert!(!said.err.contains("init") && !said.err.contains("--data"), "{said:?}");
    // Another name of the same file.
    fs::hard_link(&database, home.at("alias.db")).unwrap();
    copy(&file, &home.at("alias.db")).fails(2, "the same database");
    copy(&file, &format!("{}/../matchbook/matchbook.db", database.parent().unwrap().display())).fails(2, "the same");
    fs::remove_file(home.at("alias.db")).unwrap();
    assert_eq!(copy(&file, &home.at("first.db")).exit, 0);
    copy(&file, &new).fails(1, "was moved to");
    assert!(!home.path().join("new.db").exists());
    if !Postgres::is_installed() {
        return;
    }
    let server = Postgres::shared().unwrap();
    let name = server.fresh_database().unwrap();
    home.run(&["store", "copy", "--from", &file, "--to", &server.url(&name)]).fails(1, "was moved to");
    assert_eq!(server.sql(&name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap(), "0");
}

#[test]
fn codes_are_not_voided_unasked() {
    let home = Home::with_store();
    let (file, other) = (format!("sqlite:{}", home.database().display()), format!("sqlite:{}", home.at("other.db")));
    home.ok(&["store", "copy", "--from", &file, "--to", &other]);
    let said = home.run(&["store", "thaw"]).fails(2, "all codes of ");
    assert!(said.err.contains("--void-codes") && said.err.contains("--copy-never-served"), "{said:?}");
    home.run(&["serve"]).fails(1, "it was moved to");
    home.run(&["store", "thaw", "--void-codes", "--copy-never-served"]).fails(2, "cannot be used with");
    home.ok(&["store", "thaw", "--void-codes"]);
    home.ok(&["store", "prune"]);
    // Nobody is to believe that it was done again.
    home.run(&["store", "thaw", "--void-codes"]).fails(1, "is not read-only: nothing was done");
    assert!(home.ok(&["store", "thaw", "--copy-never-served"]).contains("is not read-only"));
}

#[test]
fn a_copy_that_is_interrupted_says_how_it_goes_on() {
    let home = Home::with_store();
    // It takes the connection, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada@{}/codes?connect_timeout=300", silent.local_addr().unwrap());
    let file = format!("sqlite:{}", home.database().display());
    for signal in ["-INT", "-TERM"] {
        let mut command = home.command(&["store", "copy", "--from", &file, "--to", &url]);
        let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let _connected = silent.accept().unwrap();
        let process = child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &process]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("the same command goes on where it stopped"), "{said}");
    }
    home.ok(&["store", "prune"]);
}

#[test]
fn a_copy_has_no_flags_that_it_does_not_heed() {
    let home = Home::new();
    let said = home.ok(&["store", "copy", "--help"]);
    for flag in ["--data ", "--database ", "--secrets "] {
        assert!(!said.contains(flag), "{flag}: {said}");
    }
    assert!(home.ok(&["store", "thaw", "--help"]).contains("--secrets "));
}
