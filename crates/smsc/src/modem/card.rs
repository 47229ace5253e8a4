//! The SIM card's lock.

/// How often a PIN may be wrong in a row.
const TRIES: u32 = 3;

/// A SIM card, as far as its lock goes.
pub(super) struct Card {
    pin: Option<String>,
    is_open: bool,
    tries: u32,
}

impl Card {
    pub(super) fn new(pin: Option<String>) -> Self {
        Self { is_open: pin.is_none(), pin, tries: TRIES }
    }

    /// Whether messages can be sent and read.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// What it waits for, as +CPIN says it.
    pub(super) fn state(&self) -> &'static str {
        match (self.is_open, self.tries) {
            (true, _) => "READY",
            (false, 0) => "SIM PUK",
            (false, _) => "SIM PIN",
        }
    }

    /// Takes a PIN; whether it was the right one.
    pub(super) fn enter(&mut self, pin: &str) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.is_open = self.pin.as_deref().is_none_or(|right| right == pin);
        self.tries = if self.is_open { TRIES } else { self.tries - 1 };
        self.is_open
    }

    /// As after a power cycle.
    pub(super) fn lock(&mut self) {
        self.is_open = self.pin.is_none();
    }
}
