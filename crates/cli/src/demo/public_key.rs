//! M10: public-key mode. The device makes a key pair and sends the public key; each set comes under a session key that
//! is itself sealed to that public key.

use matchbook_protocol::wire::DownlinkKind;

use super::device::DemoDevice;
use super::stage::{REALM, Stage};
use super::tape::hex;
use super::{Finding, Row, check, note};
use crate::ui::Ui;

pub(super) fn play(stage: &mut Stage, ui: &Ui, rows: &mut Vec<Row>) {
    note(rows, "M10", public_key_device(stage, ui));
}

fn public_key_device(stage: &mut Stage, ui: &Ui) -> Finding {
    let uri = stage.enrolment(REALM, "bob", "x25519", "public-key")?;
    let laptop = DemoDevice::start("laptop", &uri, stage.folder())?;
    let came = laptop.sync()?;
    check(came > 0, "no set came")?;
    let enrol = laptop.tape.first_sent().ok_or("nothing was sent")?;
    let set = laptop.tape.last_received(DownlinkKind::SetPk).ok_or("no SET-PK came")?;
    check(laptop.tape.received(DownlinkKind::Set) == 0, "a set came under the shared key")?;
    let public_key = stage.stored(&laptop.party.id)?.authenticator.public_key;
    check(public_key.len() == 32, "the server has no public key of the device")?;
    // After the header of 15 bytes: the encapsulated key, the wrapped session key, the sealed set.
    let (enc, wrapped) = (set.get(15..47).unwrap_or_default(), set.get(47..95).unwrap_or_default());
    ui.talk(format!(
        "\nM10 Bob's laptop made a key pair and sent the public key, sealed:\n    {}\n    The server made a session key, \
         sealed {came} codes under it and it under the public key\n    {}\n    in one message: encapsulated key {}, \
         wrapped session key {}. The laptop recovered the session key, then the set.",
        hex(&enrol),
        hex(&public_key),
        hex(enc),
        hex(wrapped)
    ));
    let bytes = set.len();
    stage.laptop = Some(laptop);
    Ok(format!("{came} codes came in a SET-PK of {bytes} bytes, under a session key sealed to the device's public key"))
}
