//! The application's commands as calls.

use matchbook_card::AID;
use matchbook_device::protocol::{AuthenticatorId, CodeIndex, Enrolment, Event, Pace, Secret};
use zeroize::Zeroizing;

use crate::answers::{self, About, Counts, Identity};
use crate::command::{Header, execute};
use crate::error::CardError;
use crate::pin::Pin;
use crate::reader::Reader;
use crate::relay::Ask;

/// A Matchbook card, selected.
pub struct Host<R> {
    reader: R,
}

/// What a new card is given.
pub struct Personal<'a> {
    /// Whose account it gets.
    pub account: Account<'a>,
    /// The PIN that its codes need.
    pub pin: &'a Pin,
    /// What unblocks the PIN.
    pub puk: &'a Pin,
    /// Tries of the PIN, 1 to 15.
    pub pin_tries: u8,
    /// Tries of the PUK, 1 to 15.
    pub puk_tries: u8,
}

/// Where a new card's account comes from.
pub enum Account<'a> {
    /// An enrolment: the card makes its first key from it, with the server.
    Enrolment(&'a Enrolment),
    /// A key that the server knows already (protocol.md, 7.1). Suite 1.
    FactoryKey {
        /// The identification code.
        id: AuthenticatorId,
        /// The key, K_0.
        key: &'a Secret<32>,
        /// The realm.
        realm: &'a str,
        /// What people call it.
        label: &'a str,
        /// The server's URL, or `sms:` and a number.
        server: &'a str,
    },
}

/// A code that was taken. It is burnt on the card already.
pub struct Taken {
    /// Its index.
    pub index: CodeIndex,
    /// The code, in ASCII.
    pub code: Zeroizing<String>,
}

impl<R: Reader> Host<R> {
    /// Selects the application on the card in this reader.
    ///
    /// # Errors
    /// [`CardError::NoApplication`]: the card is another's.
    pub fn select(mut reader: R) -> Result<Self, CardError> {
        execute(&mut reader, SELECT, &AID).map_err(|error| match error {
            // What cards of others say to a name that they do not know differs.
            CardError::Reader(_) => error,
            _ => CardError::NoApplication,
        })?;
        Ok(Self { reader })
    }

    /// What every card says of itself.
    ///
    /// # Errors
    /// See [`CardError`], as for all that follow.
    pub fn about(&mut self) -> Result<About, CardError> {
        answers::about(&self.get(0x04)?)
    }

    /// Whose account is on it; `None`: none yet.
    ///
    /// # Errors
    /// See [`CardError`].
    pub fn identity(&mut self) -> Result<Option<Identity>, CardError> {
        let id = match self.get(0x01) {
            Ok(id) => id,
            Err(CardError::NotThere) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (profile, texts) = (self.get(0x07)?, self.get(0x06)?);
        answers::identity(&id, &profile, &texts).map(Some)
    }

    /// Where the account stands.
    ///
    /// # Errors
    /// See [`CardError`].
    pub fn counts(&mut self) -> Result<Counts, CardError> {
        answers::counts(&self.get(0x02)?)
    }

    /// The number of the key in use.
    ///
    /// # Errors
    /// See [`CardError`].
    pub fn epoch(&mut self) -> Result<u32, CardError> {
        answers::number(&self.get(0x03)?)
    }

    /// The unused codes' indexes. Needs the PIN.
    ///
    /// # Errors
    /// See [`CardError`].
    pub fn codes(&mut self) -> Result<Vec<u32>, CardError> {
        answers::codes(&self.get(0x05)?)
    }

    /// Verifies the PIN, for as long as the card is held.
    ///
    /// # Errors
    /// [`CardError::WrongPin`], with the tries that are left; [`CardError::Blocked`].
    pub fn verify_pin(&mut self, pin: &Pin) -> Result<(), CardError> {
        self.run([0x00, 0x20, 0x00, 0x80], pin.bytes()).map(drop)
    }

    /// Gives the card a new PIN for the old one.
    ///
    /// # Errors
    /// As [`Host::verify_pin`].
    pub fn change_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), CardError> {
        let both = Zeroizing::new([*old.bytes(), *new.bytes()]);
        self.run([0x00, 0x24, 0x00, 0x80], both.as_flattened()).map(drop)
    }

    /// Gives the card a new PIN for its PUK.
    ///
    /// # Errors
    /// As [`Host::verify_pin`], of the PUK's tries.
    pub fn unblock(&mut self, puk: &Pin, new: &Pin) -> Result<(), CardError> {
        let both = Zeroizing::new([*puk.bytes(), *new.bytes()]);
        self.run([0x00, 0x2C, 0x00, 0x80], both.as_flattened()).map(drop)
    }

    /// Gives a new card its account, its PIN and its PUK, and locks that for good. Whoever has to show the PUK first calls
    /// [`Host::give`] and [`Host::lock`].
    ///
    /// # Errors
    /// [`CardError::NotNow`]: it was personalised before.
    pub fn personalise(&mut self, personal: &Personal<'_>) -> Result<(), CardError> {
        self.give(personal)?;
        self.lock()
    }

    /// Gives a new card its account, its PIN and its PUK. Until [`Host::lock`] the card is new: what it is given later
    /// replaces them.
    ///
    /// # Errors
    /// [`CardError::NotNow`]: it was personalised before.
    pub fn give(&mut self, personal: &Personal<'_>) -> Result<(), CardError> {
        match personal.account {
            Account::Enrolment(enrolment) => {
                let uri = Zeroizing::new(enrolment.to_uri());
                self.put(0x10, uri.as_bytes())?;
            }
            Account::FactoryKey { id, key, realm, label, server } => {
                let mut data = Zeroizing::new(Vec::with_capacity(1_024));
                data.extend_from_slice(&id.0);
                data.extend_from_slice(key.expose());
                for text in [realm, label, server] {
                    data.push(u8::try_from(text.len()).map_err(|_| CardError::WrongData)?);
                    data.extend_from_slice(text.as_bytes());
                }
                self.put(0x11, &data)?;
            }
        }
        let mut pins = Zeroizing::new(Vec::with_capacity(18));
        pins.extend_from_slice(personal.pin.bytes());
        pins.extend_from_slice(personal.puk.bytes());
        pins.extend_from_slice(&[personal.pin_tries, personal.puk_tries]);
        self.put(0x12, &pins)
    }

    /// Locks what the card was given, for good: from now on it is in use.
    ///
    /// # Errors
    /// See [`CardError`]. When the answer got lost, the card may be locked or not: [`Host::about`] tells.
    pub fn lock(&mut self) -> Result<(), CardError> {
        self.run([0x00, 0x44, 0x00, 0x00], &[]).map(drop)
    }

    /// Tells the card the time, in milliseconds since 1970: by it the card paces what it asks for by itself.
    ///
    /// # Errors
    /// See [`CardError`].
    pub fn set_time(&mut self, unix_millis: u64) -> Result<(), CardError> {
        self.put(0x20, &unix_millis.to_be_bytes())
    }

    /// The message that is to go to the server; `None`: there is none.
    ///
    /// # Errors
    /// [`CardError::NoRoom`]: a set was asked for, and the card holds as many codes as it keeps.
    pub fn next_message(&mut self, ask: Ask, pace: Pace) -> Result<Option<Vec<u8>>, CardError> {
        match self.run([0x80, 0x40, ask.number(), bearer(pace)], &[]) {
            Ok(message) => Ok(Some(message.to_vec())),
            Err(CardError::NotThere) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives the card a message from the server, and tells what came of it.
    ///
    /// # Errors
    /// The card refuses it, and holds what it held.
    pub fn take_message(&mut self, message: &[u8], pace: Pace) -> Result<Vec<Event>, CardError> {
        let happened = self.run([0x80, 0x42, 0x00, bearer(pace)], message)?;
        let remaining = self.counts()?.unused;
        answers::events(&happened, usize::from(remaining))
    }

    /// Takes a code: this one, or the unused one with the lowest index. Needs the PIN.
    ///
    /// # Errors
    /// [`CardError::NeedsPin`], [`CardError::NoCode`]; [`CardError::NotNow`]: it was taken before.
    pub fn take_code(&mut self, index: Option<CodeIndex>) -> Result<Taken, CardError> {
        let answer = match index {
            None => self.run([0x80, 0x44, 0x00, 0x00], &[])?,
            Some(index) => self.run([0x80, 0x46, 0x00, 0x00], &index.0.to_be_bytes())?,
        };
        let (index, code) = answer.split_first_chunk::<4>().ok_or(CardError::Nonsense)?;
        let code = std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let code = code.ok_or(CardError::Nonsense)?;
        Ok(Taken { index: CodeIndex(u32::from_be_bytes(*index)), code: Zeroizing::new(code.to_owned()) })
    }

    #[cfg(test)]
    pub(crate) const fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    fn get(&mut self, tag: u8) -> Result<Zeroizing<Vec<u8>>, CardError> {
        self.run([0x00, 0xCA, 0x01, tag], &[])
    }

    fn put(&mut self, tag: u8, data: &[u8]) -> Result<(), CardError> {
        self.run([0x00, 0xDA, 0x01, tag], data).map(drop)
    }

    fn run(&mut self, header: Header, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CardError> {
        execute(&mut self.reader, header, data)
    }
}

const SELECT: Header = [0x00, 0xA4, 0x04, 0x00];

/// P2 of the commands with messages.
fn bearer(pace: Pace) -> u8 {
    u8::from(pace == Pace::SHORT_MESSAGES)
}
