//! Matchbook as a subject of the failover tests: devices with all their codes, and relying parties that verify them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use matchbook_device::Wallet;
use matchbook_device::bearer::{HttpBearer, HttpOptions};
use matchbook_device::protocol::{Enrolment, Selector};
use matchbook_device::vault::MemoryVault;
use matchbook_testbed::failover::{Node, Subject};
use matchbook_testbed::history::{Audit, Code, Outcome};
use matchbook_testbed::{Access, Trouble};
use serde_json::{Value, json};

use crate::node::{self, Process};

/// How long a relying party waits. It does not know then, which is always allowed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The codes of a device: as many as a set holds.
const CODES: u8 = 250;

/// A server's home, and what its devices hold.
pub(crate) struct Matchbook {
    home: tempfile::TempDir,
    devices: usize,
    relying_party: String,
    codes: BTreeMap<Code, String>,
    agent: ureq::Agent,
}

impl Matchbook {
    /// One that will have so many devices.
    pub(crate) fn new(devices: usize) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        // Each call goes through the balancer anew.
        let agent = config.max_idle_connections(0).build().into();
        let home = tempfile::tempdir().unwrap();
        Self { home, devices, relying_party: String::new(), codes: BTreeMap::new(), agent }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Makes the home, the database's content and the devices; the codes, those of all devices in turn, so that no device
    /// is locked for the rejects of a time.
    pub(crate) fn make(&mut self, database: Option<&str>) -> Result<Vec<Code>, Trouble> {
        let init = node::command(self.home(), database).args(["init", "--quiet"]).output().unwrap();
        if !init.status.success() {
            return Err(Trouble::new(String::from_utf8_lossy(&init.stderr)));
        }
        let process = Process::start(self.home(), database)?;
        let token = std::fs::read_to_string(self.home().join(".config/matchbook/operator.token")).unwrap();
        let post = |path: &str, body: &Value| self.post(process.address(), path, token.trim(), body);
        let policy = json!({ "mode": "any-unused", "digits": 8, "set_size": CODES, "threshold": 1 });
        post("/v1/realms", &json!({ "id": "main", "policy": policy }))?;
        let made = post("/v1/tokens", &json!({ "role": "relying-party", "realm": "main", "name": "door" }))?;
        let mut codes = BTreeMap::new();
        for number in 0..self.devices {
            let user = format!("user{number}");
            post("/v1/realms/main/users", &json!({ "id": user }))?;
            let enrolment = post("/v1/realms/main/enrolments", &json!({ "user": user }))?;
            let device = enrolment["device"].as_str().unwrap().to_owned();
            codes.extend(
                all_codes(enrolment["uri"].as_str().unwrap())
                    .into_iter()
                    .map(|(index, code)| (Code { device: device.clone(), index }, code)),
            );
        }
        self.relying_party = made["token"].as_str().unwrap().to_owned();
        let mut in_turn: Vec<Code> = codes.keys().cloned().collect();
        in_turn.sort_by_key(|code| code.index);
        self.codes = codes;
        Ok(in_turn)
    }

    fn post(&self, address: SocketAddr, path: &str, token: &str, body: &Value) -> Result<Value, Trouble> {
        let (status, text) = self.call(address, path, token, body).ok_or_else(|| Trouble::new("no answer"))?;
        match serde_json::from_str(&text) {
            Ok(answer) if (200..300).contains(&status) => Ok(answer),
            _ => Err(Trouble::new(format!("{path}: {status} {text}"))),
        }
    }

    /// The status and the text of an answer; `None` when there was none.
    fn call(&self, address: SocketAddr, path: &str, token: &str, body: &Value) -> Option<(u16, String)> {
        let request =
            self.agent.post(format!("http://{address}{path}")).header("authorization", format!("Bearer {token}"));
        let mut answer = request.header("content-type", "application/json").send(body.to_string()).ok()?;
        Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
    }
}

/// Enrols a device and takes all its codes.
fn all_codes(uri: &str) -> Vec<(u64, String)> {
    let enrolment = Enrolment::from_uri(uri).unwrap();
    let mut wallet = Wallet::open(MemoryVault::new()).unwrap();
    let handle = wallet.enrol(&enrolment).unwrap();
    let bearer = HttpBearer::new(&enrolment.server, enrolment.party, &HttpOptions::default()).unwrap();
    let mut device = wallet.device(handle, bearer).unwrap();
    device.sync().unwrap();
    let take = || {
        let taken = device.take_code(Selector::Next).ok()?;
        Some((taken.index.0.into(), taken.code.reveal().as_str().to_owned()))
    };
    std::iter::from_fn(take).collect()
}

impl Subject for Matchbook {
    fn prepare(&mut self, _access: &Access, _database: &str, url: &str) -> Result<Vec<Code>, Trouble> {
        self.make(Some(url))
    }

    fn start_node(&self, url: &str) -> Result<Box<dyn Node>, Trouble> {
        Ok(Box::new(Process::start(self.home(), Some(url))?))
    }

    fn verify(&self, address: SocketAddr, code: &Code, operation: &str) -> Outcome {
        // Each operation is a source of its own, so that none is slowed for the rejects of others.
        let (device, text) = (&code.device, &self.codes[code]);
        let body = json!({ "device": device, "code": text, "operation_id": operation, "source": operation });
        match self.call(address, "/v1/verify", &self.relying_party, &body) {
            Some((200, text)) => {
                let answer: Value = serde_json::from_str(&text).unwrap();
                if answer["accepted"].as_bool().unwrap() { Outcome::Accepted } else { Outcome::Rejected }
            }
            None | Some((429 | 502..=504, _)) => Outcome::Unknown,
            Some((status, text)) => panic!("a verify was answered {status} {text}"),
        }
    }

    fn audit(&self, access: &Access, database: &str) -> Result<Audit, Trouble> {
        // The ledger of a set that is spent whole goes with it, and would tell nothing here.
        let whole = access.sql(database, "SELECT count(*) FROM forgotten WHERE highest > 0")?;
        if whole != "0" {
            return Err(Trouble::new(format!(
                "{whole} devices have spent all their codes: a storm so long wants more"
            )));
        }
        // Kind 0 is an accepted code, and not a skipped one.
        let spends = "SELECT encode(authenticator, 'hex'), code, operation FROM spends WHERE kind = 0";
        let spends = access.sql(database, spends)?;
        let spends = spends.lines().map(|row| {
            let [device, index, operation] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
            (Code { device: device.to_owned(), index: index.parse().unwrap() }, operation.to_owned())
        });
        let operations = access.sql(database, "SELECT operation, verdict FROM operations")?;
        let operations = operations.lines().map(|row| {
            let (operation, verdict) = row.split_once('|').unwrap();
            (operation.to_owned(), verdict == "1")
        });
        Ok(Audit { spends: spends.collect(), operations: operations.collect() })
    }
}
