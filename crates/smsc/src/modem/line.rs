//! What a program writes to a modem: command lines, and what it sends behind a prompt.

/// The longest line that is taken: a message has 176 octets in hexadecimal. What is longer is cut.
const MAX_LINE: usize = 1_024;

/// Bytes into lines.
#[derive(Debug, Default)]
pub(super) struct Input {
    partial: String,
}

/// What a byte completed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A command line.
    Line(String),
    /// What a prompt asked for.
    Text(String),
    /// The prompt was left.
    Escaped,
}

impl Input {
    /// Takes a byte.
    pub(super) fn push(&mut self, byte: u8, is_prompted: bool) -> Option<Typed> {
        match (byte, is_prompted) {
            (ESCAPE, true) => {
                self.partial.clear();
                Some(Typed::Escaped)
            }
            (CTRL_Z, true) => Some(Typed::Text(std::mem::take(&mut self.partial))),
            (b'\r' | b'\n', false) => {
                let line = std::mem::take(&mut self.partial);
                let line = line.trim().to_owned();
                (!line.is_empty()).then_some(Typed::Line(line))
            }
            (b' '..=b'~', _) => {
                if self.partial.len() < MAX_LINE {
                    self.partial.push(char::from(byte));
                }
                None
            }
            _ => None,
        }
    }
}

/// The commands of a line: `AT+COPS=3,2;+COPS?` has two. Semicolons in quotes are not counted. `None` when it is none.
pub(super) fn commands(line: &str) -> Option<Vec<String>> {
    let (head, body) = line.split_at_checked(2)?;
    if !head.eq_ignore_ascii_case("at") {
        return None;
    }
    let mut commands = vec![String::new()];
    let mut is_quoted = false;
    for c in body.chars() {
        match c {
            ';' if !is_quoted => commands.push(String::new()),
            _ => {
                is_quoted ^= c == '"';
                if let Some(last) = commands.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    Some(commands)
}

/// Ends what a prompt asked for.
const CTRL_Z: u8 = 0x1a;
/// Leaves a prompt.
const ESCAPE: u8 = 0x1b;
