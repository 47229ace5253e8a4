//! PDUs out of a stream of bytes. Their content is rusmpp's affair; where one begins and ends is decided here, before
//! anything is allocated for it, so that a bad one neither costs memory nor the place in the stream.

use std::io;

use rusmpp::tokio_codec::CommandCodec;
use rusmpp::{Command, CommandId};
use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// The longest PDU that is taken: a message_payload parameter may hold 65,535 octets (SMPP 3.4 §5.3.2.32), but no short
/// message has so many parts.
pub(crate) const MAX_COMMAND_LEN: usize = 40_000;

/// command_length, command_id, command_status, sequence_number.
const HEADER_LEN: usize = 16;

/// What a peer sent.
#[derive(Debug)]
pub(crate) enum Frame {
    /// A PDU.
    Good(Box<Command>),
    /// A PDU of right length whose body is none of its kind. The stream goes on behind it.
    Bad { id: CommandId, sequence_number: u32 },
    /// A length that no PDU has: where the next one begins cannot be known.
    Lost { sequence_number: u32 },
}

/// Reads [`Frame`]s, writes [`Command`]s.
#[derive(Debug, Default)]
pub(crate) struct FrameCodec {
    is_lost: bool,
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, stream: &mut BytesMut) -> io::Result<Option<Frame>> {
        if self.is_lost {
            stream.clear();
            return Ok(None);
        }
        let Some(length) = word(stream, 0).and_then(|length| usize::try_from(length).ok()) else { return Ok(None) };
        if !(HEADER_LEN..=MAX_COMMAND_LEN).contains(&length) {
            self.is_lost = true;
            let sequence_number = word(stream, 12).unwrap_or_default();
            return Ok(Some(Frame::Lost { sequence_number }));
        }
        if stream.len() < length {
            stream.reserve(length - stream.len());
            return Ok(None);
        }
        Ok(Some(read(stream.split_to(length))))
    }

    fn decode_eof(&mut self, stream: &mut BytesMut) -> io::Result<Option<Frame>> {
        let frame = self.decode(stream)?;
        if frame.is_none() {
            // Half a PDU: nothing can be answered any more.
            stream.clear();
        }
        Ok(frame)
    }
}

impl Encoder<Command> for FrameCodec {
    type Error = io::Error;

    fn encode(&mut self, command: Command, stream: &mut BytesMut) -> io::Result<()> {
        CommandCodec::new().encode(command, stream).map_err(io::Error::other)
    }
}

/// Reads one PDU of right length.
fn read(mut pdu: BytesMut) -> Frame {
    let id = CommandId::from(word(&pdu, 4).unwrap_or_default());
    let sequence_number = word(&pdu, 12).unwrap_or_default();
    match CommandCodec::new().with_max_length(MAX_COMMAND_LEN).decode(&mut pdu) {
        Ok(Some(command)) if pdu.is_empty() => Frame::Good(Box::new(command)),
        Ok(_) | Err(_) => Frame::Bad { id, sequence_number },
    }
}

fn word(bytes: &BytesMut, at: usize) -> Option<u32> {
    let mut word = bytes.get(at..at + 4)?;
    Some(word.get_u32())
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
