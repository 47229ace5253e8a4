//! A software device of the demo: a task of its own, with a sealed vault of its own, on real HTTP.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use matchbook_device::Wallet;
use matchbook_device::bearer::{HttpBearer, HttpOptions};
use matchbook_device::vault::FileVault;
use matchbook_protocol::Selector;
use matchbook_protocol::enrolment::Enrolment;
use matchbook_protocol::wire::Party;

use super::tape::{Tape, Taped};

/// The device as its task holds it.
pub(super) type Held<'w> = matchbook_device::Device<'w, FileVault, Taped<HttpBearer>>;

type Job = Box<dyn for<'w> FnOnce(&mut Held<'w>) + Send>;

/// A device at work in its own task.
pub(super) struct DemoDevice {
    /// What people call it.
    pub(super) name: &'static str,
    pub(super) party: Party,
    pub(super) tape: Tape,
    jobs: Option<Sender<Job>>,
    task: Option<JoinHandle<()>>,
}

/// An answer that is on its way.
pub(super) struct Pending<T>(Receiver<T>);

impl<T> Pending<T> {
    /// Waits for it.
    pub(super) fn wait(self) -> Result<T, String> {
        self.0.recv().map_err(|_| "the device's task ended".to_owned())
    }
}

/// A code in clear, for the demo's relying party to type.
pub(super) struct Shown {
    pub(super) index: u32,
    pub(super) code: String,
}

impl DemoDevice {
    /// Starts the task: a new vault in `folder`, and the account of `uri` in it, not yet sent.
    pub(super) fn start(name: &'static str, uri: &str, folder: &Path) -> Result<Self, String> {
        let enrolment = Enrolment::from_uri(uri).map_err(|error| error.to_string())?;
        let party = enrolment.party;
        let tape = Tape::default();
        let (jobs, inbox) = channel::<Job>();
        let (started, starting) = channel();
        let path = folder.join(format!("{name}.vault"));
        let taped = tape.clone();
        let task = move || match open(&path, &enrolment) {
            Err(why) => {
                let _unheard = started.send(Err(why));
            }
            Ok((mut wallet, handle, bearer)) => {
                let taped = Taped { bearer, tape: taped };
                match wallet.device(handle, taped) {
                    Ok(mut device) => {
                        let _unheard = started.send(Ok(()));
                        inbox.iter().for_each(|job| job(&mut device));
                    }
                    Err(error) => {
                        let _unheard = started.send(Err(error.to_string()));
                    }
                }
            }
        };
        let task = Builder::new().name(format!("device-{name}")).spawn(task).map_err(|error| error.to_string())?;
        starting.recv().map_err(|_| "the device's task ended".to_owned())??;
        Ok(Self { name, party, tape, jobs: Some(jobs), task: Some(task) })
    }

    /// Has the device do something, and waits for what came of it.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl for<'w> FnOnce(&mut Held<'w>) -> T + Send + 'static,
    ) -> Result<T, String> {
        self.begin(job)?.wait()
    }

    /// Has the device begin something that takes a while.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        job: impl for<'w> FnOnce(&mut Held<'w>) -> T + Send + 'static,
    ) -> Result<Pending<T>, String> {
        let (done, answer) = channel();
        let job: Job = Box::new(move |device| {
            let _unheard = done.send(job(device));
        });
        let jobs = self.jobs.as_ref().ok_or("the device has stopped")?;
        jobs.send(job).map_err(|_| "the device's task ended".to_owned())?;
        Ok(Pending(answer))
    }

    /// Sends what waits and takes in what the server has; gives the number of codes that came.
    pub(super) fn sync(&self) -> Result<usize, String> {
        self.ask(|device| device.sync().map(|report| report.codes_received()).map_err(|error| error.to_string()))?
    }

    /// Takes a code: it is burnt in the vault before it is here.
    pub(super) fn take(&self, selector: Selector) -> Result<Shown, String> {
        self.ask(move |device| {
            let taken = device.take_code(selector).map_err(|error| error.to_string())?;
            Ok(Shown { index: taken.index.0, code: taken.code.reveal().to_string() })
        })?
    }

    /// Unused codes.
    pub(super) fn remaining(&self) -> Result<usize, String> {
        self.ask(|device| device.account().remaining())
    }

    /// The number of the key in use.
    pub(super) fn epoch(&self) -> Result<u32, String> {
        self.ask(|device| device.account().epoch().0)
    }
}

impl Drop for DemoDevice {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(task) = self.task.take() {
            // A task that panicked has failed its act already.
            let _ended = task.join();
        }
    }
}

type Opened = (Wallet<FileVault>, matchbook_protocol::Handle, HttpBearer);

fn open(path: &Path, enrolment: &Enrolment) -> Result<Opened, String> {
    let vault = FileVault::create(path, DEMO_PASSPHRASE).map_err(|error| error.to_string())?;
    let mut wallet = Wallet::open(vault).map_err(|error| error.to_string())?;
    let handle = wallet.enrol(enrolment).map_err(|error| error.to_string())?;
    let bearer = HttpBearer::new(&enrolment.server, enrolment.party, &HttpOptions::default());
    Ok((wallet, handle, bearer.map_err(|error| error.to_string())?))
}

/// The demo's vaults live as long as the demo and hold nothing of worth.
pub(super) const DEMO_PASSPHRASE: &[u8] = b"matchbook demo";
