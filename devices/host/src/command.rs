//! Commands on their way to the card: cut into the parts of a chain, and answers put together from theirs (ISO 7816-4,
//! 5.3.3 and 11.6.1). Short lengths alone, which every reader and card takes.

use zeroize::Zeroizing;

use crate::error::CardError;
use crate::reader::Reader;

/// Bytes of a command's data in one part.
const PART: usize = 255;
/// Bit of the class: more parts of this command follow.
const CHAINED: u8 = 0x10;
/// Bytes of a whole answer, at most: no card of ours gives more than 1,024.
const MAX_ANSWER: usize = 4_096;

/// CLA, INS, P1, P2.
pub(crate) type Header = [u8; 4];

/// Carries a command out, and gives the data of its answer.
pub(crate) fn execute(reader: &mut impl Reader, header: Header, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CardError> {
    let [cla, ins, p1, p2] = header;
    let mut parts = data.chunks(PART).peekable();
    let mut answer = None;
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let cla = if is_last { cla } else { cla | CHAINED };
        let mut command = Zeroizing::new(Vec::with_capacity(4 + 1 + PART + 1));
        command.extend_from_slice(&[cla, ins, p1, p2, u8::try_from(part.len()).unwrap_or(u8::MAX)]);
        command.extend_from_slice(part);
        if is_last {
            command.push(0);
            answer = Some(send(reader, &command)?);
        } else {
            let (_, word) = send(reader, &command)?;
            done(word)?;
        }
    }
    let answer = match answer {
        Some(answer) => answer,
        None => send(reader, &[cla, ins, p1, p2, 0])?,
    };
    rest(reader, answer)
}

/// Fetches what is left of an answer.
fn rest(
    reader: &mut impl Reader,
    (mut data, mut word): (Zeroizing<Vec<u8>>, u16),
) -> Result<Zeroizing<Vec<u8>>, CardError> {
    if word >> 8 == 0x61 {
        // Memory that is outgrown is not wiped, so all of it is taken at once.
        let mut whole = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
        whole.extend_from_slice(&data);
        while let [0x61, more] = word.to_be_bytes() {
            let (next, after) = send(reader, &[0x00, 0xC0, 0x00, 0x00, more])?;
            if next.is_empty() || whole.len() + next.len() > MAX_ANSWER {
                return Err(CardError::Nonsense);
            }
            whole.extend_from_slice(&next);
            word = after;
        }
        data = whole;
    }
    done(word)?;
    Ok(data)
}

fn send(reader: &mut impl Reader, command: &[u8]) -> Result<(Zeroizing<Vec<u8>>, u16), CardError> {
    let mut answer = reader.transmit(command).map_err(CardError::Reader)?;
    let word = answer.split_last_chunk::<2>().map(|(_, word)| u16::from_be_bytes(*word));
    let word = word.ok_or(CardError::Nonsense)?;
    let len = answer.len() - 2;
    answer.truncate(len);
    Ok((answer, word))
}

/// `91xx` is done too: a SIM's card has something for the telephone besides.
fn done(word: u16) -> Result<(), CardError> {
    if word == 0x9000 || word >> 8 == 0x91 { Ok(()) } else { Err(CardError::from_word(word)) }
}
