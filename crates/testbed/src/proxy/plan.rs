//! Which fault strikes when.

/// What a client has to send for a fault to strike.
#[derive(Clone, Debug)]
pub enum When {
    /// These bytes, also split over what arrives at a time. Not empty.
    Text(Vec<u8>),
    /// One in so many of the pieces that arrive, by a seeded choice. For statements that were prepared, whose execution
    /// names none of their text. 0 is none of them.
    OneIn {
        /// One in so many.
        pieces: u64,
        /// The seed, of which 0 is as good as 1.
        seed: u64,
    },
    /// The byte that makes it this many, over all connections, since the plan was made; then the next so many.
    Bytes(u64),
}

/// What happens then to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is cut, and the server never hears of it.
    CutBefore,
    /// The server is sent it, and the connection is cut at the same time: what the server does is open.
    CutAtOnce,
    /// The server is sent it, and its answer is lost: the connection is cut when the server's bytes hold `until`; with an
    /// empty `until`, as soon as the server says anything.
    LoseAnswer {
        /// What the server's bytes have to hold.
        until: Vec<u8>,
    },
}

/// The plan of a proxy: one kind of fault at a time.
#[derive(Default)]
pub(super) struct Plan {
    current: Option<Current>,
    struck: u64,
}

struct Current {
    when: When,
    fault: Fault,
    times_left: u64,
    random: u64,
    bytes: u64,
}

/// The end of what one client has sent so far.
#[derive(Default)]
pub(super) struct Scanner {
    tail: Vec<u8>,
}

impl Plan {
    pub(super) fn renew(&mut self, when: When, fault: Fault, times: u64) {
        let random = if let When::OneIn { seed, .. } = &when { (*seed).max(1) } else { 1 };
        self.current = Some(Current { when, fault, times_left: times, random, bytes: 0 });
    }

    pub(super) fn forget(&mut self) {
        self.current = None;
    }

    pub(super) fn struck(&self) -> u64 {
        self.struck
    }

    /// The fault that these bytes of a client call for.
    pub(super) fn strikes(&mut self, scanner: &mut Scanner, bytes: &[u8]) -> Option<Fault> {
        let current = self.current.as_mut().filter(|current| current.times_left > 0)?;
        if !current.is_called_for(scanner, bytes) {
            return None;
        }
        current.times_left -= 1;
        self.struck += 1;
        Some(current.fault.clone())
    }
}

impl Current {
    fn is_called_for(&mut self, scanner: &mut Scanner, bytes: &[u8]) -> bool {
        match &self.when {
            When::Text(text) => scanner.meets(text, bytes),
            When::OneIn { pieces, .. } => {
                // xorshift64
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                self.random.checked_rem(*pieces) == Some(0)
            }
            When::Bytes(count) => {
                self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let is_reached = self.bytes >= *count;
                if is_reached {
                    self.bytes = 0;
                }
                is_reached
            }
        }
    }
}

impl Scanner {
    /// Whether the text ends in these bytes, having begun in them or before.
    fn meets(&mut self, text: &[u8], bytes: &[u8]) -> bool {
        self.tail.extend_from_slice(bytes);
        let is_met = finds(&self.tail, text);
        let kept = if is_met { 0 } else { text.len().saturating_sub(1) };
        self.tail.drain(..self.tail.len().saturating_sub(kept));
        is_met
    }
}

/// Whether a text is in these bytes; an empty one always is.
pub(super) fn finds(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
}
