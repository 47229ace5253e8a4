//! A value that is replaced whole.
//!
//! It lies in one of two halves. The new one is written into the other, its content first and its head last; then the old
//! one is wiped, for it holds keys that were replaced and codes that were taken. A half counts when its digest is right; of
//! two, the later one.
//!
//! ```text
//! half = number (4) · length (4) · SHA-256 of number, length and content, first 16 bytes · content (room)
//! ```

use alloc::vec::Vec;
use core::ops::Range;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Nvm, NvmError};

const NUMBER_LEN: usize = 4;
const LENGTH_LEN: usize = 4;
const DIGEST_LEN: usize = 16;
const HEAD_LEN: usize = NUMBER_LEN + LENGTH_LEN + DIGEST_LEN;
/// Bytes that are wiped by one write.
const BLOCK_LEN: usize = 256;

/// Bytes of memory for a record of at most `room` bytes.
pub(crate) const fn record_len(room: usize) -> usize {
    2 * (HEAD_LEN + room)
}

/// A value, wiped when it is dropped.
pub(crate) type Content = Zeroizing<Vec<u8>>;

/// Where a record lies, and which half counts.
#[derive(Debug)]
pub(crate) struct Record {
    at: usize,
    room: usize,
    live: Option<Live>,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    half: usize,
    number: u32,
    len: usize,
}

/// Why a value was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// It is longer than the record's room, or the record was written 2^32 times. The old value is there.
    NoRoom,
    /// The memory failed: the old value or the new one is there.
    Failed,
}

impl From<NvmError> for StoreError {
    fn from(_: NvmError) -> Self {
        Self::Failed
    }
}

impl Record {
    /// Finds the value that was stored last; `None`: there is none. Wipes the other half, where a power cut may have left
    /// an older value or a part of a newer one.
    pub(crate) fn open(nvm: &mut impl Nvm, at: usize, room: usize) -> Result<(Self, Option<Content>), NvmError> {
        let mut record = Self { at, room, live: None };
        let (first, second) = (record.read(nvm, 0)?, record.read(nvm, 1)?);
        let newest = match (first, second) {
            (Some(first), Some(second)) if first.0.number > second.0.number => Some(first),
            (first, second) => second.or(first),
        };
        record.live = newest.as_ref().map(|(live, _)| *live);
        for half in [0, 1] {
            if record.live.is_none_or(|live| live.half != half) {
                record.clean(nvm, half)?;
            }
        }
        Ok((record, newest.map(|(_, content)| content)))
    }

    /// Replaces the value. On return it is durable; a power cut at any moment leaves the old value or this one, whole.
    pub(crate) fn store(&mut self, nvm: &mut impl Nvm, content: &[u8]) -> Result<(), StoreError> {
        let number = self.live.map_or(Some(0), |live| live.number.checked_add(1)).ok_or(StoreError::NoRoom)?;
        let length = u32::try_from(content.len()).map_err(|_| StoreError::NoRoom)?;
        if content.len() > self.room {
            return Err(StoreError::NoRoom);
        }
        let next = Live { half: self.live.map_or(0, |live| 1 - live.half), number, len: content.len() };
        nvm.write(self.range(next.half).start + HEAD_LEN, content)?;
        nvm.write(self.range(next.half).start, &head(number, length, content))?;
        let old = self.live.replace(next);
        if let Some(old) = old {
            self.wipe(nvm, old)?;
        }
        Ok(())
    }

    fn read(&self, nvm: &impl Nvm, half: usize) -> Result<Option<(Live, Content)>, NvmError> {
        let start = self.range(half).start;
        let mut found = [0; HEAD_LEN];
        nvm.read(start, &mut found)?;
        let (number, rest) = found.split_first_chunk::<NUMBER_LEN>().ok_or(NvmError)?;
        let length = rest.first_chunk::<LENGTH_LEN>().ok_or(NvmError)?;
        let (number, length) = (u32::from_be_bytes(*number), u32::from_be_bytes(*length));
        let Some(len) = usize::try_from(length).ok().filter(|len| *len <= self.room) else { return Ok(None) };
        let mut content = Zeroizing::new(alloc::vec![0; len]);
        nvm.read(start + HEAD_LEN, &mut content)?;
        let is_whole = head(number, length, &content) == found;
        Ok(is_whole.then_some((Live { half, number, len }, content)))
    }

    /// Its head goes first: without it, nothing in it is read again.
    fn wipe(&self, nvm: &mut impl Nvm, stale: Live) -> Result<(), NvmError> {
        let start = self.range(stale.half).start;
        nvm.write(start, &[0; HEAD_LEN])?;
        for block in blocks(start + HEAD_LEN..start + HEAD_LEN + stale.len) {
            nvm.write(block.start, zeros(&block))?;
        }
        Ok(())
    }

    /// Wipes whatever is in a half. Most of the time it is nothing, and then nothing is written.
    fn clean(&self, nvm: &mut impl Nvm, half: usize) -> Result<(), NvmError> {
        for block in blocks(self.range(half)) {
            let mut found = Zeroizing::new([0; BLOCK_LEN]);
            let found = found.get_mut(..block.len()).ok_or(NvmError)?;
            nvm.read(block.start, found)?;
            if found.iter().any(|byte| *byte != 0) {
                nvm.write(block.start, zeros(&block))?;
            }
        }
        Ok(())
    }

    const fn range(&self, half: usize) -> Range<usize> {
        let len = HEAD_LEN + self.room;
        self.at + half * len..self.at + (half + 1) * len
    }
}

fn blocks(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(BLOCK_LEN).map(move |start| start..end.min(start + BLOCK_LEN))
}

static ZEROS: [u8; BLOCK_LEN] = [0; BLOCK_LEN];

fn zeros(block: &Range<usize>) -> &'static [u8] {
    ZEROS.get(..block.len()).unwrap_or(&[])
}

fn head(number: u32, length: u32, content: &[u8]) -> [u8; HEAD_LEN] {
    let (number, length) = (number.to_be_bytes(), length.to_be_bytes());
    let digest = Sha256::new().chain_update(number).chain_update(length).chain_update(content).finalize();
    let mut head = [0; HEAD_LEN];
    head.iter_mut().zip(number.into_iter().chain(length).chain(digest)).for_each(|(to, from)| *to = from);
    head
}
