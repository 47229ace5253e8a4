//! The servers: real processes on a durable store, which are killed and started again.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use matchbook_testbed::Postgres;
use serde_json::{Value, json};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_matchbook");
/// How long a call is tried again while servers are down, and how long another is waited for that takes over.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the servers stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// One on SQLite.
    Sqlite,
    /// So many on one PostgreSQL database.
    Postgres(usize),
}

pub(crate) struct Site {
    nodes: Vec<Node>,
    /// Which of them is called next.
    turn: AtomicUsize,
    home: TempDir,
    operator: String,
    relying_party: String,
    agent: ureq::Agent,
    /// After the nodes: it ends when they have.
    postgres: Option<Postgres>,
}

/// One server.
struct Node {
    listen: String,
    process: Mutex<Option<Child>>,
}

impl Site {
    /// A realm of small sets, so that refills come often, and servers that send by the centre at `centre`.
    pub(crate) fn build(ground: Ground, centre: SocketAddr) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (nodes, postgres) = match ground {
            Ground::Sqlite => (1, None),
            Ground::Postgres(nodes) => (nodes, Some(Postgres::start().unwrap())),
        };
        let mut site = Self {
            nodes: std::iter::repeat_with(Node::new).take(nodes).collect(),
            turn: AtomicUsize::new(0),
            operator: String::new(),
            relying_party: String::new(),
            agent: ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(Duration::from_secs(30)))
                .build()
                .into(),
            home,
            postgres,
        };
        site.write_sms(centre);
        let listen = site.nodes[0].listen.clone();
        let mut arguments = vec!["init", "--listen", &listen, "--quiet"];
        let database = site.postgres.as_ref().map(|postgres| postgres.database("storm").unwrap());
        arguments.extend(database.iter().flat_map(|url| ["--database", url]));
        assert!(site.command(&arguments).status().unwrap().success());
        let token = site.home.path().join(".config/matchbook/operator.token");
        site.operator = std::fs::read_to_string(token).unwrap().trim().to_owned();
        (0..nodes).for_each(|node| site.start(node));
        let policy = json!({ "mode": "any-unused", "digits": 8, "set_size": 6, "threshold": 2, "sets_per_day": 100 });
        site.post("/v1/realms", &json!({ "id": "sea", "policy": policy }));
        let made = site.post("/v1/tokens", &json!({ "role": "relying-party", "realm": "sea", "name": "door" }));
        site.relying_party = made["token"].as_str().unwrap().to_owned();
        site
    }

    fn write_sms(&self, centre: SocketAddr) {
        let sms = self.home.path().join("sms.toml");
        std::fs::write(
            &sms,
            format!(
                "number = \"16020\"\nresend_first_s = 3\n[caps]\nmessages_per_device = 10000\n\
                 messages_per_prefix = 10000000\nmessages_per_realm = 10000000\nsets_per_prefix = 10000000\n\
                 sets_per_realm = 10000000\n[[centre]]\nname = \"storm\"\naddress = \"{centre}\"\n\
                 system_id = \"matchbook\"\npassword = \"storm\"\nwindow = 200\nper_second = 5000\n"
            ),
        )
        .unwrap();
        std::fs::set_permissions(&sms, PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Starts a server and returns when it listens.
    pub(crate) fn start(&self, node: usize) {
        let sms = self.home.path().join("sms.toml");
        let listen = &self.nodes[node].listen;
        let mut command = self.command(&["serve", "--sms", sms.to_str().unwrap(), "--log", &log(), "--listen", listen]);
        let limits = ["--device-messages-per-second", "100000", "--api-calls-per-second", "1000000"];
        let mut child = command.args(limits).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("the server ended: {seen:?}")).unwrap();
            if line.contains("listens on") {
                break;
            }
            seen.push(line);
        }
        // The rest of the log is read so that the pipe does not fill up.
        std::thread::spawn(move || {
            lines.map_while(Result::ok).filter(|line| line.contains("ERROR")).for_each(|line| {
                eprintln!("{line}");
            })
        });
        *self.nodes[node].process.lock().unwrap() = Some(child);
    }

    /// SIGKILL, in the middle of whatever it is at.
    pub(crate) fn kill(&self, node: usize) {
        self.nodes[node].kill();
    }

    /// Waits for a server that has the session with the centre, and says which.
    pub(crate) fn bound(&self) -> usize {
        let until = Instant::now() + PATIENCE;
        let is_bound = |node: &usize| {
            let metrics = self.metrics(*node).unwrap_or_default();
            metrics.lines().any(|line| line == "matchbook_sms_up{centre=\"storm\"} 1")
        };
        loop {
            if let Some(node) = (0..self.nodes()).find(is_bound) {
                return node;
            }
            assert!(Instant::now() < until, "no server has the session with the centre");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Makes a user with a device that has short messages alone; its identification code and enrolment.
    pub(crate) fn enrolment(&self, user: &str, number: &str, suite: &str, delivery: &str) -> (String, String) {
        self.post("/v1/realms/sea/users", &json!({ "id": user }));
        let body = json!({
            "user": user, "number": number, "bearer": "sms", "suite": suite, "delivery": delivery,
        });
        let made = self.post("/v1/realms/sea/enrolments", &body);
        (made["device"].as_str().unwrap().to_owned(), made["uri"].as_str().unwrap().to_owned())
    }

    /// Whether a code was accepted; the same operation until there is an answer.
    pub(crate) fn verify(&self, device: &str, code: &str, operation: &str) -> bool {
        let body = json!({ "device": device, "code": code, "operation_id": operation, "source": operation });
        let answer = self.call("POST", "/v1/verify", &self.relying_party, Some(&body));
        answer["accepted"].as_bool().unwrap_or_else(|| panic!("{answer}"))
    }

    pub(crate) fn rotate(&self, device: &str) {
        self.post(&format!("/v1/realms/sea/devices/{device}/rotate"), &json!({}));
    }

    pub(crate) fn device(&self, device: &str) -> Value {
        self.call("GET", &format!("/v1/realms/sea/devices/{device}"), &self.operator, None)
    }

    pub(crate) fn messages(&self, device: &str) -> Value {
        self.call("GET", &format!("/v1/realms/sea/devices/{device}/messages?limit=1000"), &self.operator, None)
    }

    /// A server's metrics, when it runs.
    pub(crate) fn metrics(&self, node: usize) -> Option<String> {
        let url = format!("http://{}/metrics", self.nodes[node].listen);
        self.agent.get(url).call().ok()?.body_mut().read_to_string().ok()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, &self.operator, Some(body))
    }

    /// Calls, one server after the other, until one answers with something else than "not now". What was made before a kill, and is made
    /// again, is a conflict, which is as good.
    fn call(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let node = &self.nodes[self.turn.fetch_add(1, Ordering::Relaxed) % self.nodes()];
            let url = format!("http://{}{path}", node.listen);
            let token = format!("Bearer {token}");
            let answered = match body {
                Some(body) => self
                    .agent
                    .post(&url)
                    .header("authorization", &token)
                    .header("content-type", "application/json")
                    .send(body.to_string()),
                None => self.agent.get(&url).header("authorization", &token).call(),
            };
            match answered {
                Ok(mut answer) if answer.status().is_success() || answer.status().as_u16() == 409 => {
                    let text = answer.body_mut().read_to_string().unwrap_or_default();
                    if let Ok(value) = serde_json::from_str(&text) {
                        return value;
                    }
                }
                Ok(mut answer) if ![429, 503].contains(&answer.status().as_u16()) => {
                    panic!("{method} {path}: {} {:?}", answer.status(), answer.body_mut().read_to_string());
                }
                Ok(_) | Err(_) => {}
            }
            assert!(Instant::now() < until, "{method} {path}: no answer");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().env("HOME", self.home.path());
        command
    }
}

/// What the server logs: its errors, or what MATCHBOOK_STORM_LOG says.
fn log() -> String {
    std::env::var("MATCHBOOK_STORM_LOG").unwrap_or_else(|_| "warn".to_owned())
}

impl Node {
    fn new() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { listen: free.to_string(), process: Mutex::new(None) }
    }

    fn kill(&self) {
        if let Some(mut child) = self.process.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
