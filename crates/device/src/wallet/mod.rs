//! The accounts of one vault, and the rule that binds them to it: nothing is sent and no code is shown before the state
//! behind it is stored.

mod content;
mod error;
mod listen;

#[cfg(test)]
mod content_tests;
#[cfg(test)]
mod kill_tests;
#[cfg(test)]
pub(crate) mod tests;

use matchbook_protocol::{
    Account, Code, CodeIndex, Engine, Enrolment, Event, Handle, Output, PeerError, Selector, TakeError,
};
use zeroize::Zeroizing;

use crate::bearer::Bearer;
use crate::device::Device;
use crate::system::{now, system_rng};
use crate::vault::{OpenError, StoreError, Vault};

pub use content::{CONTENT_VERSION, MAX_ACCOUNTS};
pub use error::{EnrolFailure, NoAccount, TakeFailure};
pub use listen::{SmsHeard, SmsOptions, sms_server};

/// The accounts of one vault.
pub struct Wallet<V> {
    vault: V,
    slots: Vec<Slot>,
}

/// One account at work.
struct Slot {
    engine: Engine,
    /// The account as the vault has it.
    stored: Zeroizing<Vec<u8>>,
    /// The message that is to be sent next. The account has it as pending, so losing it here loses nothing.
    unsent: Option<Vec<u8>>,
}

/// A code that was taken: burnt in the vault, and here for the user.
#[derive(Debug)]
pub struct Taken {
    /// Its index, by which a log-in asks for it.
    pub index: CodeIndex,
    /// The code. [`Code::reveal`] shows it.
    pub code: Code,
    /// How many unused codes are left.
    pub remaining: usize,
    /// Whether a request for a new set waits to be sent, because few codes are left.
    pub refill_waits: bool,
}

impl<V: Vault> Wallet<V> {
    /// The wallet that a vault holds; an empty vault holds a wallet of no accounts.
    ///
    /// # Errors
    /// The vault cannot be read, or holds something else.
    pub fn open(mut vault: V) -> Result<Self, OpenError> {
        let content = vault.load()?;
        let accounts = content::decode(&content).ok_or(OpenError::Content)?;
        let slots = accounts.into_iter().map(Slot::new).collect();
        Ok(Self { vault, slots })
    }

    /// The accounts, in the order of their handles.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.slots.iter().map(|slot| slot.engine.account())
    }

    /// The account in a slot of this device.
    #[must_use]
    pub fn account(&self, handle: Handle) -> Option<&Account> {
        self.accounts().find(|account| account.handle() == handle)
    }

    /// Begins an account, in the lowest free slot, and stores it. The message to the server goes out with the first
    /// [`Device::sync`].
    ///
    /// # Errors
    /// See [`EnrolFailure`]; the wallet is as it was.
    pub fn enrol(&mut self, enrolment: &Enrolment) -> Result<Handle, EnrolFailure> {
        if self.accounts().any(|account| account.party().id == enrolment.party.id) {
            return Err(EnrolFailure::AlreadyEnrolled { id: enrolment.party.id });
        }
        let mut handles = (0..=u8::MAX).map(Handle);
        let handle = handles.find(|handle| self.account(*handle).is_none()).ok_or(EnrolFailure::Full)?;
        let engine = Engine::enrol(enrolment, handle, &mut system_rng()).map_err(EnrolFailure::Protocol)?;
        let place = self.slots.partition_point(|slot| slot.engine.account().handle() < handle);
        self.slots.insert(place, Slot { engine, stored: Zeroizing::default(), unsent: None });
        if let Err(error) = self.carry_out(place, &mut Vec::new()) {
            self.slots.remove(place);
            return Err(EnrolFailure::Store(error));
        }
        Ok(handle)
    }

    /// Removes an account with its keys and codes, for good. The server is not told.
    ///
    /// # Errors
    /// The vault cannot be written; the account stays. `Ok(false)`: there was none.
    pub fn forget(&mut self, handle: Handle) -> Result<bool, StoreError> {
        let Ok(place) = self.place(handle) else { return Ok(false) };
        let slot = self.slots.remove(place);
        if let Err(error) = self.vault.store(&content::encode(self.slots.iter().map(|slot| slot.stored.as_slice()))) {
            self.slots.insert(place, slot);
            return Err(error);
        }
        Ok(true)
    }

    /// Takes a code: it is burnt in the vault before it is given. No network is needed; when few codes are left, the
    /// request for a new set goes out with the next [`Device::sync`].
    ///
    /// # Errors
    /// See [`TakeFailure`]; no code was used, except as [`StoreError`] says.
    pub fn take_code(&mut self, handle: Handle, selector: Selector) -> Result<Taken, TakeFailure> {
        let place = self.place(handle).map_err(TakeFailure::NoAccount)?;
        self.take_at(place, selector)
    }

    /// Puts an account on a bearer.
    ///
    /// # Errors
    /// There is no account with this handle.
    pub fn device<B: Bearer>(&mut self, handle: Handle, bearer: B) -> Result<Device<'_, V, B>, NoAccount> {
        let place = self.place(handle)?;
        Ok(Device::new(self, place, bearer))
    }

    /// The vault, when the wallet is no longer needed.
    #[must_use]
    pub fn into_vault(self) -> V {
        self.vault
    }

    /// The vault.
    #[must_use]
    pub const fn vault(&self) -> &V {
        &self.vault
    }

    pub(crate) fn take_at(&mut self, place: usize, selector: Selector) -> Result<Taken, TakeFailure> {
        let mut events = Vec::new();
        let index = self
            .work(place, &mut events, |engine| engine.take_code(selector, now(), &mut system_rng()))
            .map_err(TakeFailure::Store)?
            .map_err(TakeFailure::Protocol)?;
        let code = events.into_iter().find_map(|event| {
            let Event::Code { code, .. } = event else { return None };
            Some(code)
        });
        // The engine shows every code that it gives out; without one there is none to show.
        let code = code.ok_or(TakeFailure::Protocol(TakeError::AlreadyTaken))?;
        let account = self.slot(place).engine.account();
        Ok(Taken { index, code, remaining: account.remaining(), refill_waits: account.awaits_answer() })
    }

    /// Lets the engine of a slot decide something, and carries out all that it wants done. The error means that the vault
    /// could not be written, so that nothing was done.
    pub(crate) fn work<T>(
        &mut self,
        place: usize,
        events: &mut Vec<Event>,
        decide: impl FnOnce(&mut Engine) -> T,
    ) -> Result<T, StoreError> {
        let decided = decide(&mut self.slot_mut(place).engine);
        self.carry_out(place, events)?;
        Ok(decided)
    }

    /// Hands messages from the server to the engine of a slot, all of them before anything is stored or sent: so one
    /// request answers them all. Gives why messages were refused.
    pub(crate) fn receive_at(
        &mut self,
        place: usize,
        messages: &[Vec<u8>],
        events: &mut Vec<Event>,
    ) -> Result<Vec<PeerError>, StoreError> {
        self.work(place, events, |engine| {
            let (time, mut rng) = (now(), system_rng());
            messages.iter().filter_map(|message| engine.handle_input(message, time, &mut rng).err()).collect()
        })
    }

    pub(crate) fn account_at(&self, place: usize) -> &Account {
        self.slot(place).engine.account()
    }

    /// The message that is to be sent next.
    pub(crate) fn unsent_at(&mut self, place: usize) -> &mut Option<Vec<u8>> {
        &mut self.slot_mut(place).unsent
    }

    /// Does what the engine wants done, in its order. When the account cannot be stored, all that is still queued is
    /// dropped, and the engine goes on from what the vault has.
    fn carry_out(&mut self, place: usize, events: &mut Vec<Event>) -> Result<(), StoreError> {
        while let Some(output) = self.slot_mut(place).engine.poll_output() {
            match output {
                Output::Persist => self.persist(place)?,
                Output::Transmit(message) => self.slot_mut(place).unsent = Some(message),
                Output::Event(event) => events.push(event),
                // Whoever drives this wallet sends at their own times, or lets time pass twice a second.
                Output::WaitUntil(_) => {}
            }
        }
        Ok(())
    }

    fn persist(&mut self, place: usize) -> Result<(), StoreError> {
        let account = self.slot(place).engine.account().encode();
        let accounts =
            self.slots.iter().enumerate().map(|(at, slot)| if at == place { &account } else { &slot.stored });
        let stored = self.vault.store(&content::encode(accounts.map(|account| account.as_slice())));
        let slot = self.slot_mut(place);
        match stored {
            Ok(()) => slot.stored = account,
            Err(_) => slot.roll_back(),
        }
        stored
    }

    /// The slot at a place that [`Wallet::place`] gave.
    #[allow(clippy::indexing_slicing, reason = "slots go by `forget` alone, and no place outlives a call or a device")]
    fn slot(&self, place: usize) -> &Slot {
        &self.slots[place]
    }

    #[allow(clippy::indexing_slicing, reason = "as `slot`")]
    fn slot_mut(&mut self, place: usize) -> &mut Slot {
        &mut self.slots[place]
    }

    fn place(&self, handle: Handle) -> Result<usize, NoAccount> {
        self.slots.iter().position(|slot| slot.engine.account().handle() == handle).ok_or(NoAccount { handle })
    }
}

impl Slot {
    fn new(account: Account) -> Self {
        let stored = account.encode();
        Self { engine: Engine::restore(account), stored, unsent: None }
    }

    fn roll_back(&mut self) {
        match Account::decode(&self.stored) {
            Ok(account) => self.engine = Engine::restore(account),
            // Never stored at all: the caller drops the slot. Until then nothing of it may get out.
            Err(_) => while self.engine.poll_output().is_some() {},
        }
    }
}

impl<V> std::fmt::Debug for Wallet<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let accounts: Vec<_> = self.slots.iter().map(|slot| slot.engine.account()).collect();
        f.debug_struct("Wallet").field("accounts", &accounts).finish_non_exhaustive()
    }
}
