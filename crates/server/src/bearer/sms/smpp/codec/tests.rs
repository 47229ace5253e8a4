#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use rand_core::Rng;

use super::*;

fn pdu(id: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 16).unwrap();
    let mut octets = Vec::new();
    for field in [length, id, 0, 7] {
        octets.extend_from_slice(&field.to_be_bytes());
    }
    octets.extend_from_slice(body);
    octets
}

fn deliver(options: &[u8]) -> Vec<u8> {
    let body = b"\0\x01\x014917\0\0\x0116020\0\x40\0\0\0\0\0\0\x04\0\x05hello";
    pdu(5, &[&body[..], options].concat())
}

fn all(octets: &[u8]) -> Vec<Result<Incoming, FrameError>> {
    let mut received = BytesMut::from(octets);
    let mut found = Vec::new();
    loop {
        match Frames.decode(&mut received) {
            Ok(None) => return found,
            Ok(Some(incoming)) => found.push(Ok(incoming)),
            Err(error) => {
                found.push(Err(error));
                return found;
            }
        }
    }
}

#[test]
fn an_octet_at_a_time_is_a_pdu_at_last() {
    let whole = deliver(&[]);
    let mut received = BytesMut::new();
    for octet in &whole[..whole.len() - 1] {
        received.extend_from_slice(&[*octet]);
        assert!(matches!(Frames.decode(&mut received), Ok(None)));
    }
    received.extend_from_slice(&whole[whole.len() - 1..]);
    let Ok(Some(Incoming::Readable(command))) = Frames.decode(&mut received) else { panic!() };
    assert_eq!((command.id(), command.sequence_number()), (CommandId::DeliverSm, 7));
    assert!(received.is_empty());
}

#[test]
fn a_length_is_refused_before_anything_is_kept_for_it() {
    for length in [0, 15, 65_537, 0x8000_0000, u32::MAX] {
        let mut received = BytesMut::from(&length.to_be_bytes()[..]);
        let before = received.capacity();
        assert!(matches!(Frames.decode(&mut received), Err(FrameError::Length(found)) if found == length));
        assert_eq!(received.capacity(), before);
    }
    let mut received = BytesMut::from(&65_536_u32.to_be_bytes()[..]);
    assert!(matches!(Frames.decode(&mut received), Ok(None)));
    assert!(received.capacity() <= 2 * MAX_PDU);
}

#[test]
fn options_against_the_standard_do_not_cost_the_message() {
    // A receipted_message_id without its NUL; a length that runs out of the PDU; a value that is too long for its kind.
    for options in [&b"\0\x1e\0\x02AB"[..], b"\0\x1e\0\xff", b"\x04\x27\0\x02\x02\x02", b"\0"] {
        let found = all(&[deliver(options), deliver(&[])].concat());
        assert_eq!(found.len(), 2);
        for incoming in found {
            let Ok(Incoming::Readable(command)) = incoming else { panic!("{options:x?}") };
            let Some(rusmpp::Pdu::DeliverSm(message)) = command.pdu() else { panic!() };
            assert_eq!((message.short_message().as_ref(), message.tlvs().len()), (&b"hello"[..], 0));
        }
    }
}

#[test]
fn a_message_that_lies_about_its_length_stays_in_its_frame() {
    let mut lie = deliver(&[]);
    let place = lie.len() - 6;
    lie[place] = 255;
    let found = all(&[lie, deliver(&[])].concat());
    assert!(matches!(found[0], Ok(Incoming::Malformed(Header { id: 5, sequence: 7, .. }))), "{found:?}");
    assert!(matches!(found[1], Ok(Incoming::Readable(_))));
}

/// Whatever is changed in a stream of PDUs: no panic, and whole frames are found where their lengths say.
#[test]
fn no_octets_are_trouble() {
    let mut bind = b"centre\0\x02\x10\0\x01\x50".to_vec();
    bind.truncate(12);
    let seeds = [
        deliver(b"\0\x1e\0\x03AB\0\x04\x27\0\x01\x02\x04\x24\0\x02hi"),
        pdu(0x8000_0009, &bind),
        pdu(0x8000_0004, b"id\0"),
        pdu(0x103, b"\0\x01\x014917\0\0\x0116020\0\x40\0\x04\x04\x24\0\x02hi"),
        pdu(0x15, &[]),
        pdu(0x21, &[0; 60]),
        pdu(0x111, &[0; 60]),
    ];
    let mut rng = crate::chance::rng();
    for round in 0..20_000_usize {
        let mut octets = seeds[round % seeds.len()].clone();
        for _ in 0..=rng.next_u32() % 4 {
            let place = rng.next_u32() as usize % octets.len();
            octets[place] = u8::try_from(rng.next_u32() % 256).unwrap();
        }
        octets.extend_from_slice(&seeds[4]);
        let _whatever = all(&octets);
    }
}
