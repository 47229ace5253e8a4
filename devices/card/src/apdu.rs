//! Commands as they come in: whole, or in the parts of a chain (ISO 7816-4, 5.3.3).

use heapless::Vec;
use iso7816::command::CommandView;
use iso7816::command::class::{Interindustry, Range};

use crate::status::Refusal;

/// Bytes of a command's data, at most, chained or not: the longest set, of 250 codes of 12 symbols, takes less, and the
/// longest enrolment.
pub(crate) const MAX_DATA_LEN: usize = 2_048;
const _: () = assert!(MAX_DATA_LEN >= matchbook_protocol::sms::MAX_MESSAGE_LEN);
/// Bytes of a command APDU, at most: a header, lengths in their extended form, and data.
pub const MAX_COMMAND_LEN: usize = 4 + 3 + MAX_DATA_LEN + 2;

/// The commands of this application that are not the standard's.
const OWN_CLASS: u8 = 0x80;
const CHAINED: u8 = 0x10;

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whether it is one of this application's own.
    pub(crate) is_own: bool,
    pub(crate) ins: u8,
    pub(crate) p1: u8,
    pub(crate) p2: u8,
}

/// A command that is whole.
pub(crate) struct Command<'a> {
    pub(crate) header: Header,
    pub(crate) data: &'a [u8],
    /// Bytes that the reader takes at most: Ne; 0: none.
    pub(crate) expected: usize,
}

/// The parts of a chain that came.
#[derive(Default)]
pub(crate) struct Chain {
    header: Option<Header>,
    data: Vec<u8, MAX_DATA_LEN>,
}

impl Chain {
    /// Takes a command; `None`: more parts follow.
    pub(crate) fn take<'a>(&'a mut self, apdu: &'a [u8]) -> Result<Option<Command<'a>>, Refusal> {
        let begun = self.header.take();
        if begun.is_none() {
            self.clear();
        }
        let (view, header) = read(apdu).inspect_err(|_| self.clear())?;
        if begun.is_some_and(|begun| begun != header) {
            self.clear();
            return Err(Refusal::NoEndOfChain);
        }
        let is_last = view.class().into_inner() & CHAINED == 0;
        if is_last && begun.is_none() {
            if view.data().len() > MAX_DATA_LEN {
                return Err(Refusal::WrongLength);
            }
            return Ok(Some(Command { header, data: view.data(), expected: view.expected() }));
        }
        if self.data.extend_from_slice(view.data()).is_err() {
            self.clear();
            return Err(Refusal::WrongLength);
        }
        if is_last {
            return Ok(Some(Command { header, data: &self.data, expected: view.expected() }));
        }
        self.header = Some(header);
        Ok(None)
    }

    /// Forgets what came.
    pub(crate) fn clear(&mut self) {
        // It may hold a PIN or a key.
        zeroize::Zeroize::zeroize(self.data.as_mut_slice());
        self.data.clear();
        self.header = None;
    }
}

fn read(apdu: &[u8]) -> Result<(CommandView<'_>, Header), Refusal> {
    let view = CommandView::try_from(apdu).map_err(|_| Refusal::WrongLength)?;
    let class = view.class();
    let is_own = match class.range() {
        Range::Interindustry(Interindustry::First) => {
            if !class.secure_messaging().none() {
                return Err(Refusal::NoSecureMessaging);
            }
            if class.channel() != Some(0) {
                return Err(Refusal::NoChannel);
            }
            false
        }
        Range::Proprietary if class.into_inner() & !CHAINED == OWN_CLASS => true,
        Range::Interindustry(Interindustry::Further | Interindustry::Reserved) | Range::Proprietary => {
            return Err(Refusal::WrongClass);
        }
    };
    let header = Header { is_own, ins: view.instruction().into(), p1: view.p1, p2: view.p2 };
    Ok((view, header))
}
