//! A real server on a free port, its operator, and the binary with a vault of its own.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use matchbook_rules::Role;
use matchbook_server::{NewToken, Running, Secrets, ServerConfig};
use matchbook_store::Store;
use matchbook_store::sqlite::{OpenOptions, SqliteStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const PASSPHRASE: &str = "several words that are long";

/// A server that stops when it is dropped.
pub(crate) struct Server {
    runtime: Runtime,
    running: Option<Running>,
    operator: String,
    relying_party: String,
    _folder: TempDir,
}

impl Server {
    /// A realm `main` with sets of 12 codes, of which the last 3 call for more, and a user `ada`.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Secrets::generate().into_keyring();
        let options = OpenOptions { check_value: Some(keyring.check_value()), create: true, ..OpenOptions::default() };
        let store = Arc::new(SqliteStore::open(folder.path().join("store.sqlite"), options).unwrap());
        let runtime = Runtime::new().unwrap();
        let (changes, operator) = NewToken::make(Role::Operator, "test".to_owned(), None).into_changes();
        runtime.block_on(store.commit(changes)).unwrap();
        let config = ServerConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            device_messages_per_second: 1_000,
            ..ServerConfig::default()
        };
        let running = runtime.block_on(Running::start(config, store, keyring)).unwrap();
        let mut server = Self {
            runtime,
            running: Some(running),
            operator: operator.to_string(),
            relying_party: String::new(),
            _folder: folder,
        };
        let policy = json!({ "mode": "next-in-order", "look_ahead": 10, "set_size": 12, "threshold": 3 });
        server.post("/v1/realms", &json!({ "id": "main", "policy": policy }));
        server.post("/v1/realms/main/users", &json!({ "id": "ada" }));
        let token = server.post("/v1/tokens", &json!({ "role": "relying-party", "realm": "main", "name": "door" }));
        server.relying_party = token["token"].as_str().unwrap().to_owned();
        server
    }

    pub(crate) fn url(&self) -> &str {
        self.running.as_ref().unwrap().url()
    }

    /// The operator's token, for clients of other makers.
    #[allow(dead_code)]
    pub(crate) fn operator(&self) -> &str {
        &self.operator
    }

    /// A new enrolment: what the server answers, with its `uri` and its `typed` groups.
    pub(crate) fn enrolment(&self, label: &str) -> Value {
        let body = json!({ "user": "ada", "label": label, "suite": "x25519", "delivery": "shared" });
        self.post("/v1/realms/main/enrolments", &body)
    }

    pub(crate) fn uri(&self, label: &str) -> String {
        self.enrolment(label)["uri"].as_str().unwrap().to_owned()
    }

    /// Whether the server accepts a code.
    pub(crate) fn accepts(&self, code: &str, operation: &str) -> bool {
        let body = json!({ "operation_id": operation, "user": "ada", "code": code });
        self.post_as(&self.relying_party, "/v1/verify", &body)["accepted"].as_bool().unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.post_as(&self.operator, path, body)
    }

    fn post_as(&self, token: &str, path: &str, body: &Value) -> Value {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        let request = agent.post(format!("{}{path}", self.url()));
        let mut response = request.header("Authorization", format!("Bearer {token}")).send_json(body).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        assert!(response.status().is_success(), "{path}: {} {text}", response.status());
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Cuts the network.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The binary, with a vault and a home of its own.
pub(crate) struct Device {
    folder: TempDir,
}

impl Device {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A device with one account, enrolled.
    pub(crate) fn enrolled(server: &Server) -> Self {
        let device = Self::new();
        device.ok(&["enrol", "--yes", &server.uri("phone")]);
        device
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.path("data/matchbook/wallet.vault")
    }

    /// `matchbook wallet …` without a terminal.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = bare(self.folder.path(), args);
        command.env("MATCHBOOK_PASSPHRASE", PASSPHRASE);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that has to succeed; gives what it printed on standard output and on standard error.
    pub(crate) fn ok(&self, args: &[&str]) -> (String, String) {
        let output = self.run(args);
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{args:?}: {out}{err}");
        (out, err)
    }

    /// Runs a command with `-o json`.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["-o", "json"]].concat();
        serde_json::from_str(&self.ok(&args).0).unwrap()
    }

    /// Runs a command that has to fail with this exit code; gives what it said on standard error.
    pub(crate) fn fails(&self, exit: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {out}{err}");
        assert_eq!(out, "", "{args:?} fails and prints no data");
        err
    }

    /// Runs a command with this on its standard input.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Output {
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

/// The binary with no passphrase, in a session that has no terminal to ask on.
pub(crate) fn bare(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(env!("CARGO_BIN_EXE_matchbook")).arg("wallet").args(args);
    command.env_clear().env("HOME", home).env("XDG_DATA_HOME", home.join("data")).stdin(Stdio::null());
    command
}

pub(crate) fn texts(output: &Output) -> (String, String) {
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}
