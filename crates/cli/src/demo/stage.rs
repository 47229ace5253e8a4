//! The demo's stage: a server with a temporary store, an operator, a relying party, and the devices.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use matchbook_protocol::AuthenticatorId;
use matchbook_rules::{DeviceSnapshot, Role};
use matchbook_server::{NewToken, Running, Secrets, ServerConfig, SmsConfig};
use matchbook_smsc::modem::{self, ModemHandle, ModemOptions};
use matchbook_smsc::{Centre, CentreOptions, Conditions, Network};
use matchbook_store::Store;
use matchbook_store::sqlite::{OpenOptions, SqliteStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::caller::Caller;
use super::device::DemoDevice;
use crate::error::CliError;
use crate::ui::Ui;

/// The realm of the demo's first user, with the default policy.
pub(super) const REALM: &str = "demo";

/// A realm where the next few codes count, for the act in which the server counts.
pub(super) const GATE: &str = "gate";

/// A realm whose device has short messages alone.
pub(super) const SEA: &str = "sea";

/// Everything that the acts need. Dropped in this order.
pub(super) struct Stage {
    pub(super) operator: Caller,
    pub(super) relying_party: Caller,
    pub(super) gate_keeper: Caller,
    pub(super) sea_keeper: Caller,
    pub(super) phone: Option<DemoDevice>,
    pub(super) gate: Option<DemoDevice>,
    pub(super) laptop: Option<DemoDevice>,
    /// The key that the phone was enrolled with, for showing that it is dead later.
    pub(super) phone_uri: String,
    store: Arc<SqliteStore>,
    running: Option<Running>,
    network: Arc<Network>,
    centre: Centre,
    modems: Vec<ModemHandle>,
    runtime: Runtime,
    folder: TempDir,
}

impl Stage {
    /// Starts the server on a free loopback port.
    pub(super) fn build(ui: &Ui) -> Result<Self, String> {
        let _progress = ui.progress("starting the server");
        let folder = tempfile::Builder::new().prefix("matchbook-demo-").tempdir().map_err(|error| error.to_string())?;
        let secrets = Secrets::generate();
        secrets.write_new(&folder.path().join("secrets")).map_err(|error| error.to_string())?;
        let keyring = secrets.into_keyring();
        let options = OpenOptions { check_value: Some(keyring.check_value()), create: true, ..OpenOptions::default() };
        let store = SqliteStore::open(folder.path().join("matchbook.sqlite"), options);
        let store = Arc::new(store.map_err(|error| error.to_string())?);
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        let (changes, token) = NewToken::make(Role::Operator, "demo".to_owned(), None).into_changes();
        runtime.block_on(store.commit(changes)).map_err(|error| error.to_string())?;
        write_private(&folder.path().join("operator.token"), token.as_bytes())?;
        let network = Network::new(Conditions::default());
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let centre = Centre::start(Arc::clone(&network), listen, CentreOptions::default());
        let centre = runtime.block_on(centre).map_err(|error| format!("the simulated centre: {error}"))?;
        let config = ServerConfig {
            sms: Some(Arc::new(sms(&centre, folder.path())?)),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            // The demo's devices all call from one address, and are allowed to.
            device_messages_per_second: 1_000,
            ..ServerConfig::default()
        };
        let shared: Arc<dyn Store> = Arc::clone(&store) as _;
        let running = runtime.block_on(Running::start(config, shared, keyring)).map_err(|error| error.to_string())?;
        let operator = Caller::new(running.url(), &token);
        let relying_party = realm(&operator, REALM, json!({}))?;
        let next_few = json!({ "mode": "next-in-order", "look_ahead": 10, "set_size": 12, "threshold": 2 });
        let gate_keeper = realm(&operator, GATE, next_few)?;
        let sea_keeper = realm(&operator, SEA, json!({}))?;
        Ok(Self {
            operator,
            relying_party: Caller::new(running.url(), &relying_party),
            gate_keeper: Caller::new(running.url(), &gate_keeper),
            sea_keeper: Caller::new(running.url(), &sea_keeper),
            phone: None,
            gate: None,
            laptop: None,
            phone_uri: String::new(),
            store,
            running: Some(running),
            network,
            centre,
            modems: Vec::new(),
            runtime,
            folder,
        })
    }

    /// Plugs in the modem of a phone in the simulated network; gives the pseudo-terminal that it is at.
    pub(super) fn modem(&mut self, number: &str) -> Result<PathBuf, String> {
        let number = number.parse().map_err(|error| format!("{number}: {error}"))?;
        let _runtime = self.runtime.enter();
        let plugged = modem::pty(self.network.phone(number), ModemOptions::default());
        let (path, handle) = plugged.map_err(|error| format!("a pseudo-terminal: {error}"))?;
        self.modems.push(handle);
        Ok(path)
    }

    /// Where the simulated centre listens.
    pub(super) fn centre(&self) -> SocketAddr {
        self.centre.address()
    }

    /// Makes an enrolment for a device that has short messages alone, and gives its URI.
    pub(super) fn enrolment_by_sms(&self, realm: &str, user: &str, number: &str) -> Result<String, String> {
        self.enrol(realm, &json!({ "user": user, "label": user, "number": number, "bearer": "sms" }))
    }

    /// Makes an enrolment and gives its URI.
    pub(super) fn enrolment(&self, realm: &str, user: &str, suite: &str, delivery: &str) -> Result<String, String> {
        self.enrol(realm, &json!({ "user": user, "label": user, "suite": suite, "delivery": delivery }))
    }

    fn enrol(&self, realm: &str, body: &Value) -> Result<String, String> {
        let user = body.get("user").and_then(Value::as_str).unwrap_or_default();
        let users = format!("/v1/realms/{realm}/users");
        if self.operator.get(&format!("{users}/{user}")).is_err() {
            self.operator.post(&users, &json!({ "id": user }))?;
        }
        let made = self.operator.post(&format!("/v1/realms/{realm}/enrolments"), body)?;
        made.get("uri").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| "no enrolment URI came".to_owned())
    }

    /// What the store holds of a device.
    pub(super) fn stored(&self, id: &AuthenticatorId) -> Result<DeviceSnapshot, String> {
        let snapshot = self.runtime.block_on(self.store.load_device(id)).map_err(|error| error.to_string())?;
        snapshot.ok_or_else(|| format!("the store has no device {id}"))
    }

    /// Whether the bytes stand anywhere in the store's files.
    pub(super) fn store_contains(&self, needle: &[u8]) -> Result<bool, String> {
        let entries = fs::read_dir(self.folder.path()).map_err(|error| error.to_string())?;
        for entry in entries {
            let path = entry.map_err(|error| error.to_string())?.path();
            let is_store = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("matchbook.sqlite"));
            if is_store {
                let bytes = fs::read(&path).map_err(|error| error.to_string())?;
                if bytes.windows(needle.len()).any(|window| window == needle) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    pub(super) fn phone(&self) -> Result<&DemoDevice, String> {
        self.phone.as_ref().ok_or_else(|| "the phone was not enrolled".to_owned())
    }

    pub(super) fn gate(&self) -> Result<&DemoDevice, String> {
        self.gate.as_ref().ok_or_else(|| "the gate's device was not enrolled".to_owned())
    }

    pub(super) fn laptop(&self) -> Result<&DemoDevice, String> {
        self.laptop.as_ref().ok_or_else(|| "the laptop was not enrolled".to_owned())
    }

    pub(super) fn url(&self) -> &str {
        self.running.as_ref().map_or("", Running::url)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the server running until the user interrupts it.
    pub(super) fn keep(&mut self, ui: &Ui) -> Result<(), CliError> {
        // The vaults' locks are let go, so that they can be opened by hand.
        self.phone = None;
        self.gate = None;
        self.laptop = None;
        let folder: PathBuf = self.folder.path().to_owned();
        let vault = folder.join("phone.vault");
        let token = folder.join("operator.token");
        let passphrase = String::from_utf8_lossy(super::device::DEMO_PASSPHRASE);
        ui.talk(format!(
            "\nThe server goes on until you press Ctrl-C. In another terminal:\n\n  \
             export MATCHBOOK_SERVER={} MATCHBOOK_TOKEN_FILE={} MATCHBOOK_PASSPHRASE='{passphrase}'\n  \
             matchbook device list --realm {REALM}\n  \
             matchbook realm events {REALM}\n  \
             matchbook wallet --vault {} codes\n  \
             matchbook wallet --vault {} take\n\n\
             API: {}/docs/",
            self.url(),
            token.display(),
            vault.display(),
            vault.display(),
            self.url(),
        ));
        self.runtime
            .block_on(tokio::signal::ctrl_c())
            .map_err(|error| CliError::failure(format!("cannot wait for Ctrl-C: {error}")))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.phone = None;
        self.gate = None;
        self.laptop = None;
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// The server's file of centres.
fn sms(centre: &Centre, folder: &Path) -> Result<SmsConfig, String> {
    let address = centre.address();
    let text = format!(
        "number = \"16020\"\n[[centre]]\nname = \"demo\"\naddress = \"{address}\"\nsystem_id = \"matchbook\"\n\
         password = \"demo\"\n"
    );
    SmsConfig::from_toml(&text, folder).map_err(|error| error.to_string())
}

/// Makes a realm and a relying party's token in it.
fn realm(operator: &Caller, id: &str, policy: Value) -> Result<String, String> {
    operator.post("/v1/realms", &json!({ "id": id, "policy": policy }))?;
    let token = json!({ "role": "relying-party", "realm": id, "name": "demo" });
    let made = operator.post("/v1/tokens", &token)?;
    made.get("token").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| "no token came".to_owned())
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(|error| error.to_string())
}
