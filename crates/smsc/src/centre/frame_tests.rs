#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use super::{Frame, FrameCodec, MAX_COMMAND_LEN};

fn decode(bytes: &[u8]) -> Option<Frame> {
    FrameCodec::default().decode(&mut BytesMut::from(bytes)).unwrap()
}

fn header(length: u32, id: u32, sequence_number: u32) -> Vec<u8> {
    [length, id, 0, sequence_number].iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn what_is_written_is_read_and_several_in_one_buffer_are() {
    let (mut codec, mut bytes) = (FrameCodec::default(), BytesMut::new());
    for number in 1..=3 {
        codec.encode(Command::new(CommandStatus::EsmeRok, number, Pdu::EnquireLink), &mut bytes).unwrap();
    }
    for number in 1..=3 {
        let frame = codec.decode(&mut bytes).unwrap();
        assert!(matches!(frame, Some(Frame::Good(command)) if command.sequence_number() == number));
    }
    assert!(codec.decode(&mut bytes).unwrap().is_none());
}

#[test]
fn no_length_that_no_pdu_has() {
    for length in [0, 1, 15, u32::try_from(MAX_COMMAND_LEN).unwrap() + 1, 1 << 31, u32::MAX] {
        let lost = decode(&header(length, 0x15, 7));
        assert!(matches!(lost, Some(Frame::Lost { sequence_number: 7 })), "{length}: {lost:?}");
        // It is known from the first four octets, and nothing is waited or allocated for.
        assert!(matches!(decode(&length.to_be_bytes()), Some(Frame::Lost { sequence_number: 0 })));
    }
    let mut codec = FrameCodec::default();
    let mut bytes = BytesMut::from(&[0; 100][..]);
    assert!(codec.decode(&mut bytes).unwrap().is_some());
    assert!(codec.decode(&mut bytes).unwrap().is_none());
    assert!(bytes.is_empty());
}

#[test]
fn a_bad_body_does_not_cost_the_place_in_the_stream() {
    let too_much = [header(17, 0x15, 1), vec![0]].concat();
    let mut cut = header(40, 0x04, 2);
    cut.extend([0; 24]);
    cut[16 + 17] = 255;
    let good = header(16, 0x15, 3);
    let (mut codec, mut bytes) = (FrameCodec::default(), BytesMut::from(&[too_much, cut, good].concat()[..]));
    let mut next = || codec.decode(&mut bytes).unwrap().unwrap();
    assert!(matches!(next(), Frame::Bad { id: CommandId::EnquireLink, sequence_number: 1 }));
    assert!(matches!(next(), Frame::Bad { id: CommandId::SubmitSm, sequence_number: 2 }));
    assert!(matches!(next(), Frame::Good(command) if command.id() == CommandId::EnquireLink));
}

#[test]
fn half_a_pdu_takes_no_more_room_than_it_may_have() {
    let mut bytes = BytesMut::from(&header(u32::try_from(MAX_COMMAND_LEN).unwrap(), 4, 1)[..]);
    assert!(FrameCodec::default().decode(&mut bytes).unwrap().is_none());
    assert!(bytes.capacity() < 2 * MAX_COMMAND_LEN);
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), id in 0_u32..0x120, response: bool) {
        let id = if response { id | 0x8000_0000 } else { id };
        let length = u32::try_from(16 + bytes.len()).unwrap();
        let frame = decode(&[header(length, id, 1), bytes].concat());
        let is_read = matches!(frame, Some(Frame::Good(_) | Frame::Bad { .. }));
        prop_assert!(is_read);
    }
}
