//! M1–M3: the device says who it is, the server seals a set to it, the device opens and keeps it.

use matchbook_protocol::Selector;
use matchbook_protocol::wire::DownlinkKind;

use super::device::DemoDevice;
use super::stage::{REALM, Stage};
use super::tape::hex;
use super::{Finding, Row, check, note};
use crate::ui::Ui;

pub(super) fn play(stage: &mut Stage, ui: &Ui, rows: &mut Vec<Row>) {
    let enrolled = enrol(stage, ui);
    let sent = enrolled.clone().and_then(|()| identification_code_sent(stage, ui));
    note(rows, "M1", sent);
    let sealed = enrolled.clone().and_then(|()| set_allocated_and_sealed(stage, ui));
    note(rows, "M2", sealed);
    let opened = enrolled.and_then(|()| set_opened_and_kept(stage, ui));
    note(rows, "M3", opened);
}

fn enrol(stage: &mut Stage, ui: &Ui) -> Result<(), String> {
    let _progress = ui.progress("enrolling the phone");
    stage.phone_uri = stage.enrolment(REALM, "alice", "x25519", "shared")?;
    let phone = DemoDevice::start("phone", &stage.phone_uri, stage.folder())?;
    let came = phone.sync();
    stage.phone = Some(phone);
    check(came? > 0, "no set came after the enrolment")
}

fn identification_code_sent(stage: &Stage, ui: &Ui) -> Finding {
    let phone = stage.phone()?;
    let first = phone.tape.first_sent().ok_or("nothing was sent")?;
    let id = phone.party.id;
    check(first.get(1..9) == Some(id.0.as_slice()), "the message does not carry the identification code")?;
    ui.talk(format!(
        "\nM1  The {} made a key pair, and stores its key under a passphrase. It sent its identification code {id} in \
         the clear header of a sealed message:\n    {}",
        phone.name,
        hex(&first)
    ));
    Ok(format!("identification code {id} sent over HTTP in a message of {} bytes", first.len()))
}

fn set_allocated_and_sealed(stage: &Stage, ui: &Ui) -> Finding {
    let phone = stage.phone()?;
    let set = phone.tape.last_received(DownlinkKind::Set).ok_or("no SET came")?;
    let stored = stage.stored(&phone.party.id)?;
    let issued = stored.sets.first().ok_or("the store has no set")?;
    let tag = issued.tags.first().ok_or("the set has no tag")?;
    check(issued.tags.len() == 40, format!("the set has {} codes, not 40", issued.tags.len()))?;
    check(set.len() == 133, format!("the SET has {} bytes, not 133", set.len()))?;
    check(stored.outbox.is_empty(), "the set was acknowledged and is still in the outbox")?;
    ui.talk(format!(
        "\nM2  The server found the key by that code, allocated codes {} to {}, sealed them under the key, and stored \
         no code but {} tags, the first of them\n    {}\n    It sent\n    {}\n    and deleted the sealed bytes when the \
         phone acknowledged them.",
        issued.first,
        issued.first.0 + 39,
        issued.tags.len(),
        hex(&tag.0),
        hex(&set)
    ));
    Ok(format!(
        "{} codes allocated and sealed in one message of {} bytes; tags stored, no codes",
        issued.tags.len(),
        set.len()
    ))
}

fn set_opened_and_kept(stage: &Stage, ui: &Ui) -> Finding {
    let phone = stage.phone()?;
    let kept = phone.remaining()?;
    let shown = phone.take(Selector::Next)?;
    check(phone.remaining()? == kept - 1, "the code that was taken is still counted as unused")?;
    let shorter = shown.code.as_str();
    check(shorter.len() == 6 && shorter.bytes().all(|digit| digit.is_ascii_digit()), "that is no code of six digits")?;
    let accepted = stage.relying_party.verify("alice", &shown.code, "m3-first")?;
    check(accepted, "the relying party refused a code that the device had just opened")?;
    ui.talk(format!(
        "\nM3  The phone opened the set with its key and keeps {kept} codes. It burnt code {} in its vault, showed \
         {}, and the relying party accepted it: so both hold the same set.",
        shown.index, shown.code
    ));
    Ok(format!("{kept} codes opened and kept; code {} of them was accepted", shown.index))
}
