//! What a command is answered with, and how that is written.

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// These lines, and OK.
    Ok(Vec<String>),
    /// The command is not known, or its arguments are none.
    Error,
    /// The modem or the SIM card refuses (+CME ERROR).
    Equipment(u16),
    /// The network or the store refuses (+CMS ERROR).
    Message(u16),
    /// A prompt: a TPDU of this many octets is to follow.
    Prompt(usize),
}

impl Answer {
    /// OK alone.
    pub(super) const fn ok() -> Self {
        Self::Ok(Vec::new())
    }

    /// One line, and OK.
    pub(super) fn line(line: impl Into<String>) -> Self {
        Self::Ok(vec![line.into()])
    }

    /// As the modem writes it. Errors have their number when the program asked for it.
    pub(super) fn write(&self, with_numbers: bool) -> String {
        match self {
            Self::Ok(lines) => lines.iter().map(|line| format!("\r\n{line}\r\n")).collect::<String>() + "\r\nOK\r\n",
            Self::Equipment(number) if with_numbers => format!("\r\n+CME ERROR: {number}\r\n"),
            Self::Message(number) => format!("\r\n+CMS ERROR: {number}\r\n"),
            Self::Error | Self::Equipment(_) => "\r\nERROR\r\n".to_owned(),
            Self::Prompt(_) => "\r\n> ".to_owned(),
        }
    }
}

/// Bytes as a modem writes them.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Bytes of hexadecimal digits.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}
