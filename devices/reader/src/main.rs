//! `matchbook-reader`: the card readers of this machine, by lines on standard input and output.
//!
//! It is a program of its own so that `matchbook` starts where there is no libpcsclite (docs/adr/0021). What comes in, a line
//! each, and what goes out for it, a line each; names and bytes in hexadecimal:
//!
//! | line | answer |
//! | --- | --- |
//! | `list` | `ok` and, for each reader, `NAME-`, or `NAME+` when a card is in it |
//! | `connect NAME` | `ok ATR`: the card is this program's alone until it ends, and is reset then |
//! | `transmit COMMAND` | `ok ANSWER` |
//! | `reset` | `ok ATR` |
//!
//! Or `no KIND SENTENCE`, with the kinds of [`Trouble`].

mod readers;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use zeroize::{Zeroize, Zeroizing};

use readers::{Readers, Trouble};

/// Bytes of a line, at most: an extended command of 65,536 bytes, its head, and the word before it.
const MAX_LINE: u64 = 2 * (65_536 + 16) + 16;

fn main() -> ExitCode {
    match serve(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "matchbook-reader: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers line by line until the input ends.
fn serve(input: &mut impl BufRead, output: &mut impl Write) -> io::Result<()> {
    let mut readers = Readers::default();
    // PINs and codes pass through it.
    let mut line = Zeroizing::new(Vec::new());
    loop {
        line.zeroize();
        let read = io::Read::take(&mut *input, MAX_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let answer = match answer(&mut readers, &line) {
            Ok(answer) => answer,
            Err(trouble) => Zeroizing::new(format!("no {} {trouble}\n", trouble.kind())),
        };
        output.write_all(answer.as_bytes())?;
        output.flush()?;
    }
}

fn answer(readers: &mut Readers, line: &[u8]) -> Result<Zeroizing<String>, Trouble> {
    let line = line.strip_suffix(b"\n").ok_or(Trouble::Line)?;
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let word = words.next().unwrap_or_default();
    let bytes = HEX.decode(words.next().unwrap_or_default()).map(Zeroizing::new).map_err(|_| Trouble::Line)?;
    let mut answer = Zeroizing::new("ok".to_owned());
    match word {
        b"list" => {
            for (name, has_card) in readers.list()? {
                answer.push(' ');
                answer.push_str(&HEX.encode(&name));
                answer.push(if has_card { '+' } else { '-' });
            }
        }
        b"connect" => put(&mut answer, &readers.connect(&bytes)?),
        b"transmit" => put(&mut answer, &readers.transmit(&bytes)?),
        b"reset" => put(&mut answer, &readers.reset()?),
        _ => return Err(Trouble::Line),
    }
    answer.push('\n');
    Ok(answer)
}

fn put(answer: &mut Zeroizing<String>, bytes: &[u8]) {
    // Memory that is outgrown is not wiped, so all of it is taken at once.
    let mut longer = Zeroizing::new(String::with_capacity(answer.len() + 2 + 2 * bytes.len()));
    longer.push_str(answer);
    longer.push(' ');
    let encoded = Zeroizing::new(HEX.encode(bytes));
    longer.push_str(&encoded);
    *answer = longer;
}

#[cfg(test)]
#[path = "main_tests.rs"]
mod tests;
