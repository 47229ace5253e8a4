//! A device: the library's, with a vault in memory and a bearer that remembers and loses.

use std::time::Duration;

use matchbook_device::bearer::{Bearer, BearerError, HttpBearer, HttpOptions};
use matchbook_device::vault::MemoryVault;
use matchbook_device::{Device, Report, SyncFailure, Wallet};
use matchbook_protocol::{Account, AuthenticatorId, Enrolment, Handle, Party, Selector};
use zeroize::Zeroizing;

/// A device with one account.
pub(crate) struct Phone {
    pub(crate) wallet: Wallet<MemoryVault>,
    pub(crate) handle: Handle,
    pub(crate) party: Party,
    pub(crate) line: Line,
}

/// The way to the server.
pub(crate) struct Line {
    bearer: HttpBearer,
    /// What was sent and what came back, in the compressed form.
    pub(crate) tape: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
    /// What is lost next.
    pub(crate) losses: Vec<Loss>,
}

/// What a bad line loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The message.
    Request,
    /// The answer: the server has done its part.
    Answer,
}

impl Bearer for &mut Line {
    fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        let lost = || Err(BearerError::Other("lost on the way".into()));
        let loss = if self.losses.is_empty() { None } else { Some(self.losses.remove(0)) };
        if loss == Some(Loss::Request) {
            return lost();
        }
        let answers = self.bearer.exchange(message, wait)?;
        self.tape.push((message.to_vec(), answers.clone()));
        if loss == Some(Loss::Answer) { lost() } else { Ok(answers) }
    }
}

impl Phone {
    pub(crate) fn new(enrolment: &Enrolment) -> Self {
        Self::with(enrolment, &HttpOptions::default())
    }

    pub(crate) fn with(enrolment: &Enrolment, options: &HttpOptions) -> Self {
        let mut wallet = Wallet::open(MemoryVault::new()).unwrap();
        let handle = wallet.enrol(enrolment).unwrap();
        let bearer = HttpBearer::new(&enrolment.server, enrolment.party, options).unwrap();
        let line = Line { bearer, tape: Vec::new(), losses: Vec::new() };
        Self { wallet, handle, party: enrolment.party, line }
    }

    pub(crate) fn id(&self) -> AuthenticatorId {
        self.party.id
    }

    pub(crate) fn account(&self) -> &Account {
        self.wallet.account(self.handle).unwrap()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.account().remaining()
    }

    /// Goes to a server that took the place of the one that it enrolled with.
    pub(crate) fn move_to(&mut self, url: &str) {
        self.line.bearer = HttpBearer::new(url, self.party, &HttpOptions::default()).unwrap();
    }

    pub(crate) fn on<T>(&mut self, work: impl FnOnce(&mut Device<'_, MemoryVault, &mut Line>) -> T) -> T {
        let mut device = self.wallet.device(self.handle, &mut self.line).unwrap();
        work(&mut device)
    }

    /// Exchanges all that there is, on a line that is good.
    #[track_caller]
    pub(crate) fn sync(&mut self) -> Report {
        self.on(|device| device.sync()).unwrap()
    }

    /// Tries until the line has lost all that it loses.
    pub(crate) fn sync_at_last(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        loop {
            match self.on(|device| device.sync()) {
                Ok(report) => {
                    reports.push(report);
                    return reports;
                }
                Err(SyncFailure { report, .. }) => reports.push(report),
            }
        }
    }

    pub(crate) fn request_set(&mut self) -> Report {
        self.on(|device| device.request_set()).unwrap()
    }

    /// Takes the next code.
    pub(crate) fn take(&mut self) -> String {
        self.take_with(Selector::Next)
    }

    pub(crate) fn take_with(&mut self, selector: Selector) -> String {
        self.wallet.take_code(self.handle, selector).unwrap().code.reveal().to_string()
    }

    /// Takes so many.
    pub(crate) fn take_many(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.take()).collect()
    }

    /// The vault's content: keys and codes in clear.
    pub(crate) fn content(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.wallet.vault().content().to_vec())
    }

    /// Puts the device back to an earlier content of its vault, as a restored phone is.
    pub(crate) fn put_back(&mut self, content: Zeroizing<Vec<u8>>) {
        self.wallet = Wallet::open(MemoryVault::with_content(content)).unwrap();
    }
}
