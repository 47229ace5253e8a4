//! PDUs from a stream that is not trusted.
//!
//! rusmpp decodes; the frame is ours. Its codec decodes from all that was received, so that a length field that lies
//! reads on in the next PDU, and an octet too many shifts everything behind it. Here each PDU is cut out first: what is
//! wrong with one harms no other, and its header is known for the answer.

use std::io;

use rusmpp::tokio_codec::CommandCodec;
use rusmpp::{Command, CommandId};
use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::codec::Decoder;

/// The longest PDU. A message_payload may have 64 KiB in theory; what is for us has under 300 bytes.
pub(super) const MAX_PDU: usize = 64 * 1024;

/// A header's octets: length, id, status, sequence number.
const HEADER: usize = 16;

/// Cuts PDUs out of a stream.
pub(super) struct Frames;

/// A whole PDU.
#[derive(Debug)]
pub(super) enum Incoming {
    /// It can be read. The command is boxed because it is large beside the header.
    Readable(Box<Command>),
    /// Its body is not what its id says.
    Malformed(Header),
}

/// What a PDU says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: u32,
    pub(super) status: u32,
    pub(super) sequence: u32,
}

/// The stream cannot be read on.
#[derive(Debug)]
pub(super) enum FrameError {
    /// It broke.
    Io(io::Error),
    /// A command_length that cannot be: nobody knows where the next PDU begins.
    Length(u32),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Decoder for Frames {
    type Item = Incoming;
    type Error = FrameError;

    fn decode(&mut self, received: &mut BytesMut) -> Result<Option<Incoming>, FrameError> {
        let Some(length) = received.first_chunk().map(|octets| u32::from_be_bytes(*octets)) else { return Ok(None) };
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        if !(HEADER..=MAX_PDU).contains(&wanted) {
            return Err(FrameError::Length(length));
        }
        if received.len() < wanted {
            received.reserve(wanted.saturating_sub(received.len()));
            return Ok(None);
        }
        Ok(Some(read(received.split_to(wanted))))
    }
}

fn read(frame: BytesMut) -> Incoming {
    let header = header(&frame);
    let message = without_options(&header, &frame);
    match decode(frame).or_else(|| decode(message?)) {
        Some(command) => Incoming::Readable(Box::new(command)),
        None => Incoming::Malformed(header),
    }
}

/// Reads one PDU; octets that are left over make it unreadable.
fn decode(mut frame: BytesMut) -> Option<Command> {
    let command = CommandCodec::new().with_max_length(MAX_PDU).decode(&mut frame).ok()??;
    frame.is_empty().then_some(command)
}

fn header(frame: &BytesMut) -> Header {
    let mut octets = frame.as_ref();
    let mut field = || octets.try_get_u32().unwrap_or_default();
    let (_length, id, status, sequence) = (field(), field(), field(), field());
    Header { id, status, sequence }
}

/// A deliver_sm without its optional parameters. Some centres write them against the standard, as a receipted_message_id
/// without its NUL; what we need stands in the text too, and refusing would lose the receipt.
fn without_options(header: &Header, frame: &BytesMut) -> Option<BytesMut> {
    if CommandId::from(header.id) != CommandId::DeliverSm {
        return None;
    }
    let mut rest = frame.get(HEADER..)?;
    for octets_behind in [2, 2, 3, 0, 4] {
        let text = rest.iter().position(|octet| *octet == 0)?;
        rest = rest.get(text.checked_add(1 + octets_behind)?..)?;
    }
    let (length, message) = rest.split_first()?;
    let options = message.get(usize::from(*length)..)?.len();
    let kept = frame.len().checked_sub(options).filter(|_| options > 0)?;
    let mut cut = BytesMut::from(frame.get(..kept)?);
    *cut.first_chunk_mut()? = u32::try_from(kept).ok()?.to_be_bytes();
    Some(cut)
}

#[cfg(test)]
mod tests;
