//! Answers as they go out: as much as the reader takes, and the rest by GET RESPONSE (ISO 7816-4, 11.6.1).

use heapless::Vec;

use crate::status::{MORE, OK, Refusal};

/// Bytes of an answer's data, at most: the list of 250 codes, no two of them neighbours, of five bytes each.
pub(crate) const MAX_DATA_LEN: usize = 1_280;
const _: () = assert!(MAX_DATA_LEN >= 5 * matchbook_protocol::engine::MAX_HELD_CODES);
/// Bytes of an answer APDU, at most.
pub const MAX_ANSWER_LEN: usize = MAX_DATA_LEN + 2;

/// An answer APDU: data, SW1, SW2.
pub type Answer = Vec<u8, MAX_ANSWER_LEN>;

/// What a command gives.
pub(crate) type Data = Vec<u8, MAX_DATA_LEN>;

/// What is still to be fetched.
#[derive(Default)]
pub(crate) struct Rest {
    data: Data,
    given: usize,
}

impl Rest {
    /// Keeps an answer's data.
    pub(crate) fn put(&mut self, data: Data) {
        self.clear();
        self.data = data;
    }

    /// Forgets what was not fetched.
    pub(crate) fn clear(&mut self) {
        // It may hold a code.
        zeroize::Zeroize::zeroize(self.data.as_mut_slice());
        self.data.clear();
        self.given = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.given >= self.data.len()
    }

    /// The next bytes, at most as many as are expected, and the status word: whether there are more.
    pub(crate) fn next(&mut self, expected: usize, done: u16) -> Answer {
        let left = self.data.get(self.given..).unwrap_or(&[]);
        let (now, later) = left.split_at(left.len().min(expected));
        let word = match u16::try_from(later.len()) {
            Ok(0) => done,
            // 00 stands for 256 or more.
            Ok(more @ 1..=255) => MORE | more,
            Ok(_) | Err(_) => MORE,
        };
        let answer = answer(now, word);
        self.given += now.len();
        if self.is_empty() {
            self.clear();
        }
        answer
    }
}

/// An answer of a status word alone.
pub(crate) fn refused(why: Refusal) -> Answer {
    answer(&[], why.word())
}

/// More parts of a chain may come.
pub(crate) fn go_on() -> Answer {
    answer(&[], OK)
}

fn answer(data: &[u8], word: u16) -> Answer {
    let mut answer = Answer::new();
    // There is room for all data that fits in `Data`, and two bytes more.
    let _ = answer.extend_from_slice(data).and_then(|()| answer.extend_from_slice(&word.to_be_bytes()));
    answer
}
