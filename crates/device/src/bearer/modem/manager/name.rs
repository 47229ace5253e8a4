//! Which of ModemManager's modems.

use std::fmt;

/// Where ModemManager has its modems.
pub(super) const PREFIX: &str = "/org/freedesktop/ModemManager1/Modem/";

/// Which of ModemManager's modems: `mm` for the only one, `mm:0` by number, `mm:` and a D-Bus path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModemName {
    /// The only one.
    Only,
    /// The one with this path.
    Path(String),
}

impl ModemName {
    /// Reads `mm`, `mm:NUMBER` and `mm:PATH`; `None` for anything else, such as a serial port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "mm" {
            return Some(Self::Only);
        }
        let name = text.strip_prefix("mm:")?;
        let number = name.strip_prefix(PREFIX).unwrap_or(name);
        let is_number = (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self::Path(format!("{PREFIX}{number}")))
    }

    /// As ModemManager's tools name it; `None` for the only one.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Only => None,
            Self::Path(path) => Some(number(path).to_owned()),
        }
    }
}

/// The number at the end of a modem's path.
pub(super) fn number(path: &str) -> &str {
    path.strip_prefix(PREFIX).unwrap_or(path)
}

impl fmt::Display for ModemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => f.write_str("mm"),
            Self::Path(path) => write!(f, "mm:{}", number(path)),
        }
    }
}
