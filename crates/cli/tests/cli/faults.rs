//! What goes wrong around a server is said in one sentence with the next step; exit code 1, and nothing is lost.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::home::{Home, Server};

#[test]
fn a_port_in_use() {
    let home = Home::with_store();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = home.run(&["serve", "--listen", &address, "--log", "warn"]).fails(1, &address);
    assert!(said.err.contains("is in use by another program") && said.err.contains("--listen"), "{said:?}");
}

#[test]
fn two_servers_on_one_store() {
    let mut home = Home::with_store();
    let server = home.serve(&[]);
    let said = home.run(&["serve", "--log", "warn"]).fails(1, &format!("in use by process {}", server.process()));
    assert!(said.err.contains("only one process may work on a store"), "{said:?}");
    home.run(&["store", "prune"]).fails(1, "in use by process");
    assert_eq!(home.json(&["realm", "list"])["items"], serde_json::json!([]), "the first one goes on");
    assert_eq!(server.end("-TERM"), Some(0));
    home.ok(&["store", "prune"]);
}

#[test]
fn signals_end_a_server_in_good_order() {
    let mut home = Home::with_store();
    assert_eq!(home.serve(&[]).end("-INT"), Some(0));
    assert_eq!(home.serve(&[]).end("-TERM"), Some(0));
    assert_eq!(home.ok(&["store", "check"]), format!("{} is whole\n", home.database().display()));
}

#[test]
fn secrets_that_others_can_read() {
    let home = Home::with_store();
    for mode in [0o644, 0o440, 0o404] {
        fs::set_permissions(home.secrets(), fs::Permissions::from_mode(mode)).unwrap();
        let said = home.run(&["serve"]).fails(1, &format!("can be read by others (mode {mode:04o})"));
        assert!(said.err.contains("chmod 0400"), "{said:?}");
    }
}

#[test]
fn secrets_from_systemd() {
    let mut home = Home::with_store();
    let credentials = home.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    let credential = credentials.join("matchbook-secrets");
    fs::rename(home.secrets(), &credential).unwrap();
    home.run(&["serve"]).fails(1, "secrets");
    let config = fs::read_to_string(home.config()).unwrap();
    let without: String =
        config.lines().filter(|line| !line.starts_with("secrets")).map(|line| format!("{line}\n")).collect();
    fs::write(home.config(), without).unwrap();
    home.set("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap());
    // As systemd shows its access list for the service's user.
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o440)).unwrap();
    assert_eq!(home.serve(&[]).end("-TERM"), Some(0));
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o444)).unwrap();
    home.run(&["serve"]).fails(1, "can be read by others");
}

#[test]
fn secrets_that_are_missing_or_of_another_store() {
    let home = Home::with_store();
    let other = Home::with_store();
    let said = home.run(&["serve", "--secrets", other.secrets().to_str().unwrap()]).fails(1, "made with other secrets");
    assert!(said.err.contains("matchbook init"), "{said:?}");
    fs::remove_file(home.secrets()).unwrap();
    home.run(&["serve"]).fails(1, "Run `matchbook init` first");
    Home::new().run(&["serve"]).fails(1, "Run `matchbook init` first");
}

#[test]
fn a_store_that_is_missing_damaged_or_something_else() {
    let home = Home::with_store();
    home.run(&["serve", "--data", "elsewhere"]).fails(1, "elsewhere/matchbook.db");
    let whole = fs::read(home.database()).unwrap();

    let mut damaged = whole.clone();
    damaged[8_192..].iter_mut().step_by(3).for_each(|byte| *byte ^= 0x55);
    fs::write(home.database(), damaged).unwrap();
    let said = home.run(&["store", "check"]).fails(1, "is damaged");
    assert!(said.err.contains("matchbook store restore"), "{said:?}");

    fs::write(home.database(), "not a database at all, but long enough to be read as one".repeat(100)).unwrap();
    for arguments in [&["serve"][..], &["store", "check"]] {
        home.run(arguments).fails(1, "is no database of Matchbook");
    }
    fs::write(home.database(), whole).unwrap();
    home.ok(&["store", "check"]);
}

#[test]
fn settings_of_serve_that_cannot_be() {
    let home = Home::with_store();
    home.run(&["serve", "--listen", "localhost:1"]).fails(2, "--listen is \"localhost:1\"");
    home.run(&["serve", "--tls-cert", "x.pem"]).fails(2, "--tls-cert needs --tls-key as well");
    home.run(&["serve", "--log", "louder=="]).fails(2, "the log filter");
    home.run(&["serve", "--log-format", "xml"]).fails(2, "one of text, json");
    home.run(&["serve", "--tls-cert", "x.pem", "--tls-key", "y.pem"]).fails(1, "x.pem");
}

#[test]
fn a_server_that_is_not_there_or_not_ours() {
    let home = Home::with_store();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = home.run(&["realm", "list", "--server", &format!("http://{free}")]).fails(1, "nothing listens there");
    assert!(said.err.contains("matchbook serve"), "{said:?}");

    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", stranger.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = stranger.accept().unwrap();
        let _ = stream.read(&mut [0; 4_096]).unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello").unwrap();
    });
    home.run(&["realm", "list", "--server", &url]).fails(1, "not as a Matchbook server does");
    answering.join().unwrap();
}

#[test]
fn the_log_holds_no_token() {
    let home = Home::with_store();
    let token = fs::read_to_string(home.path().join(".config/matchbook/operator.token")).unwrap();
    let log = home.path().join("log");
    let mut command = home.command(&["serve", "--log", "trace", "--log-format", "json", "--listen", "127.0.0.1:0"]);
    let mut child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let url = loop {
        let text = fs::read_to_string(&log).unwrap();
        if let Some(line) = text.lines().find(|line| line.contains("\"listening\"")) {
            break serde_json::from_str::<serde_json::Value>(line).unwrap()["url"].as_str().unwrap().to_owned();
        }
        std::thread::yield_now();
    };
    home.ok(&["realm", "list", "--server", &url]);
    child.kill().unwrap();
    child.wait().unwrap();
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("/v1/realms") && !text.contains(token.trim_end()));
}

#[test]
fn a_second_server_on_another_store_is_no_matter() {
    let (mut one, mut two) = (Home::with_store(), Home::with_store());
    let (first, second): (Server, Server) = (one.serve(&[]), two.serve(&[]));
    assert_ne!(first.address, second.address);
    // The token of one is a stranger's to the other.
    one.run(&["realm", "list", "--server", &second.url]).fails(4, "No valid bearer token");
}

#[test]
fn a_quiet_server_logs_warnings_and_errors_alone() {
    let home = Home::with_store();
    let mut command = home.command(&["serve", "--quiet", "--listen", "0.0.0.0:0"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut said: Vec<String> = lines.by_ref().take(1).collect();
    // It hears signals before it says anything.
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    said.extend(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said:?}");
    assert!(said.iter().any(|line| line.contains("WARN")), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("INFO") || line.contains("listens on")), "{said:?}");
}
