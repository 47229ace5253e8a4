//! Bytes from a modem into lines. Whatever comes, no more than one line is kept.

use std::collections::VecDeque;

/// The longest line, in bytes: a stored message has 176 octets in hexadecimal, and a list's head a name beside it.
pub(super) const MAX_LINE: usize = 1_024;
/// The most lines that wait; a read brings fewer.
const MAX_LINES: usize = 1_024;

/// Splits what a modem sends into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: String,
    /// The line is too long: the rest of it is passed over.
    is_skipping: bool,
    whole: VecDeque<String>,
}

impl Lines {
    /// Takes bytes. Lines end with CR or LF; empty ones are dropped, and so is all that is not printable ASCII: in PDU
    /// mode nothing else means anything.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => self.end(),
                b' '..=b'~' if self.partial.len() < MAX_LINE => self.partial.push(char::from(*byte)),
                b' '..=b'~' => self.is_skipping = true,
                _ => {}
            }
        }
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Option<String> {
        self.whole.pop_front()
    }

    /// Whether a whole line waits.
    pub(super) fn has_whole(&self) -> bool {
        !self.whole.is_empty()
    }

    /// Takes the prompt `> ` off, on which no line end follows.
    pub(super) fn take_prompt(&mut self) -> bool {
        let is_prompt = self.whole.is_empty() && self.partial.starts_with('>');
        if is_prompt {
            self.partial.clear();
        }
        is_prompt
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.partial);
        let is_whole = !std::mem::take(&mut self.is_skipping);
        let line = line.trim();
        if is_whole && !line.is_empty() && self.whole.len() < MAX_LINES {
            self.whole.push_back(line.to_owned());
        }
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
