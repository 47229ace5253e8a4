//! A real Kannel, started for a test: bearerbox and smsbox on free ports of this machine, as an ESME of a test's SMPP
//! centre, with its configuration and its store in a temporary folder.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long Kannel may take to come up on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who may call `sendsms`.
pub(crate) const USER: &str = "matchbook";
/// The password of that user.
pub(crate) const PASSWORD: &str = "kannel-secret";

/// What Kannel is to talk to.
pub(crate) struct Plan<'a> {
    /// The port of the SMPP centre that it binds to, as `kannel` with the password `secret`.
    pub(crate) centre_port: u16,
    /// Where it brings messages of phones: the callback's URL without a query.
    pub(crate) messages_url: &'a str,
}

/// Two processes; dropping it ends them.
pub(crate) struct Kannel {
    boxes: Vec<Child>,
    folder: TempDir,
    /// Where messages are handed over.
    pub(crate) sendsms_url: String,
}

impl Kannel {
    /// Whether it can be started. Without it a test fails in CI, and elsewhere says what was skipped.
    pub(crate) fn is_installed() -> bool {
        let found = ["bearerbox", "smsbox"].iter().all(|name| find(name).is_some());
        assert!(found || std::env::var_os("CI").is_none(), "Kannel is missing: install the package kannel");
        if !found {
            eprintln!("skipped: Kannel is missing; install the package kannel");
        }
        found
    }

    /// Starts it, and waits until it takes calls of `sendsms`.
    pub(crate) fn start(plan: &Plan<'_>) -> Self {
        let folder = TempDir::new().unwrap();
        let [admin, boxes, sendsms] = free_ports();
        let config = folder.path().join("kannel.conf");
        fs::write(&config, configuration(plan, folder.path(), admin, boxes, sendsms)).unwrap();
        let mut kannel =
            Self { boxes: Vec::new(), folder, sendsms_url: format!("http://127.0.0.1:{sendsms}/cgi-bin/sendsms") };
        kannel.run("bearerbox", &config, boxes);
        kannel.run("smsbox", &config, sendsms);
        kannel
    }

    /// What it wrote, for a test that fails.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| fs::read(self.folder.path().join(format!("{name}.log"))).unwrap_or_default();
        ["bearerbox", "smsbox"].map(|name| format!("{name}:\n{}", String::from_utf8_lossy(&read(name)))).join("\n")
    }

    fn run(&mut self, name: &str, config: &Path, port: u16) {
        let log = File::create(self.folder.path().join(format!("{name}.log"))).unwrap();
        let program = find(name).unwrap();
        let started = Command::new(program)
            .args(["-v", "0"])
            .arg(config)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.boxes.push(started.unwrap());
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = self.boxes.last_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "{name} does not come up: {}", self.log());
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Kannel {
    /// The last started is ended first.
    fn drop(&mut self) {
        for mut child in self.boxes.drain(..).rev() {
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}

/// Debian puts them where only root looks.
fn find(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Ports that nobody has at this moment.
pub(crate) fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn configuration(plan: &Plan<'_>, folder: &Path, admin: u16, boxes: u16, sendsms: u16) -> String {
    let (centre, messages, folder) = (plan.centre_port, plan.messages_url, folder.display());
    format!(
        r#"group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = unused
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = file
store-location = "{folder}/kannel.store"
dlr-storage = internal
sms-resend-freq = 1

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = {centre}
transceiver-mode = true
interface-version = 34
smsc-username = kannel
smsc-password = secret
system-type = ""
address-range = ""
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
http-request-retry = 100
http-queue-delay = 1

group = sendsms-user
username = {USER}
password = {PASSWORD}
max-messages = 10

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{messages}?from=%p&coding=%c&udh=%u&bin=%b"
"#
    )
}
