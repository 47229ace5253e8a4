//! The two alphabets that a code is written in, and how a person's typing is forgiven.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};

/// The symbols that a code is written in (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alphabet {
    /// The ten digits.
    Decimal,
    /// Crockford's base-32: digits and letters without I, L, O and U, five bits a symbol. Typed O counts as 0, typed
    /// I and L as 1, lower case as upper.
    Base32,
}

impl Alphabet {
    /// How many symbols there are: 10 or 32.
    #[must_use]
    pub const fn base(self) -> u64 {
        match self {
            Self::Decimal => 10,
            Self::Base32 => 32,
        }
    }

    /// The symbol of a value below [`Alphabet::base`]; a larger value is taken modulo the base. No table is indexed
    /// by the value, so that neither cache nor branch tells it.
    pub(crate) fn symbol(self, value: u8) -> char {
        match self {
            Self::Decimal => char::from(b'0' + value % 10),
            Self::Base32 => char::from(select(value % 32, BASE32)),
        }
    }

    /// The value of a typed symbol, forgiven as the alphabet says; `None` for a character outside it.
    pub(crate) fn value(self, typed: char) -> Option<u8> {
        let upper = typed.to_ascii_uppercase();
        let forgiven = match (self, upper) {
            (Self::Base32, 'O') => '0',
            (Self::Base32, 'I' | 'L') => '1',
            (Self::Decimal | Self::Base32, _) => upper,
        };
        let symbols: &[u8] = match self {
            Self::Decimal => BASE32.get(..10)?,
            Self::Base32 => BASE32,
        };
        let found = symbols.iter().position(|symbol| char::from(*symbol) == forgiven)?;
        u8::try_from(found).ok()
    }
}

/// Crockford's symbols in the order of their values.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Reads the whole table and keeps the wanted entry.
fn select(value: u8, table: &[u8]) -> u8 {
    (0_u8..).zip(table).fold(0, |kept, (index, symbol)| u8::conditional_select(&kept, symbol, index.ct_eq(&value)))
}

/// Whether `value` is below `size`, without a branch on it.
pub(crate) fn is_below(value: u64, size: u64) -> Choice {
    size.ct_gt(&value)
}
