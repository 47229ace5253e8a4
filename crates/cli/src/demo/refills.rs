//! M4–M7: a new set before the codes run out, because the device counted, the server counted, or the user asked.

use std::time::Duration;

use matchbook_protocol::wire::{DownlinkKind, UnverifiedUplink, UplinkKind};
use matchbook_protocol::{CodeIndex, Selector};

use super::device::DemoDevice;
use super::stage::{GATE, Stage};
use super::tape::hex;
use super::{Finding, Row, check, note};
use crate::ui::Ui;

/// The device waits for a push that long; it comes in milliseconds.
const PUSH_WAIT: Duration = Duration::from_secs(10);

pub(super) fn play(stage: &mut Stage, ui: &Ui, rows: &mut Vec<Row>) {
    let device = device_counts(stage, ui);
    let server = server_counts(stage, ui);
    let both = match (&device, &server) {
        (Ok(_), Ok(_)) => {
            Ok("a new set came at the threshold twice: counted by the device, counted by the server".to_owned())
        }
        (Err(why), _) | (_, Err(why)) => Err(why.clone()),
    };
    note(rows, "M4", both);
    note(rows, "M5", device);
    note(rows, "M6", server);
    note(rows, "M7", user_asks(stage, ui));
}

fn device_counts(stage: &Stage, ui: &Ui) -> Finding {
    let _progress = ui.progress("taking codes down to the threshold");
    let phone = stage.phone()?;
    let threshold = phone.ask(|device| usize::from(device.account().threshold()))?;
    phone.tape.rewind();
    let mut taken = 0;
    while phone.remaining()? > threshold {
        phone.take(Selector::Next)?;
        taken += 1;
    }
    check(phone.tape.last_sent().is_none(), "the phone sent something while it was offline")?;
    let before = phone.remaining()?;
    let came = phone.ask(|device| device.send_pending().map(|r| r.codes_received()).map_err(|e| e.to_string()))??;
    let request = phone.tape.first_sent().ok_or("the phone asked for nothing")?;
    check(came > 0, "no set came")?;
    check(phone.remaining()? == before + came, "the new set is not kept beside the old one")?;
    ui.talk(format!(
        "\nM4, M5  Offline, the phone's user took {taken} more codes. With {before} left, the threshold, the phone \
         made a request by itself, and sent it when it had a network again:\n    {}\n    {came} new codes came and stand \
         beside the {before} old ones.",
        hex(&request)
    ));
    Ok(format!("with {before} unused codes (threshold {threshold}) the device asked; {came} came"))
}

fn server_counts(stage: &mut Stage, ui: &Ui) -> Finding {
    let uri = stage.enrolment(GATE, "warden", "symmetric", "shared")?;
    let device = DemoDevice::start("gate", &uri, stage.folder())?;
    device.sync()?;
    stage.gate = Some(device);
    let gate = stage.gate()?;
    // The code that is used passes over the nine before it, which are dead then: the server counts two unspent codes
    // while the device still counts eleven unused ones, so that nobody but the server can notice.
    let shown = gate.take(Selector::Index(CodeIndex(10)))?;
    let unused = gate.remaining()?;
    gate.tape.rewind();
    let waiting =
        gate.begin(|device| device.wait_for_push(PUSH_WAIT).map(|r| r.codes_received()).map_err(|e| e.to_string()))?;
    let accepted = stage.gate_keeper.verify("warden", &shown.code, "m6-gate")?;
    check(accepted, "the code that passed over others was refused")?;
    let came = waiting.wait()??;
    check(came > 0, "the server pushed nothing")?;
    let request = gate.tape.first_sent().ok_or("the device did not listen")?;
    let kind = UnverifiedUplink::decode(&request).map(|message| message.kind());
    check(kind == Ok(UplinkKind::Request), "the device did not listen with a request")?;
    ui.talk(format!(
        "\nM6  At the gate, code {} was used, and passed over the nine before it. The device counts {unused} unused \
         codes and asked for nothing; the server counts 2 unspent ones, the threshold, and pushed {came} codes to the \
         device, which was waiting:\n    {}",
        shown.index,
        hex(&gate.tape.last_received(DownlinkKind::Set).unwrap_or_default())
    ));
    Ok(format!(
        "the server counted 2 unspent codes and pushed {came}, while the device counted {unused} and asked for none"
    ))
}

fn user_asks(stage: &Stage, ui: &Ui) -> Finding {
    let phone = stage.phone()?;
    let before = phone.remaining()?;
    let threshold = phone.ask(|device| usize::from(device.account().threshold()))?;
    check(before > threshold, "the phone is at its threshold already")?;
    phone.tape.rewind();
    let came = phone.ask(|device| device.request_set().map(|r| r.codes_received()).map_err(|e| e.to_string()))??;
    check(came > 0, "no set came")?;
    let request = phone.tape.first_sent().ok_or("nothing was sent")?;
    ui.talk(format!("\nM7  With {before} codes left the user asked by hand, and {came} came.\n    {}", hex(&request)));
    Ok(format!("the user asked with {before} codes left, above the threshold of {threshold}; {came} came"))
}
